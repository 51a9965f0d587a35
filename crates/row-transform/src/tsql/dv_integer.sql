-- A whole number of 64 bits; NULL when the text is none, has a fraction, or is too large.
CREATE FUNCTION [migration].[dv_integer] (@text nvarchar(max), @decimal nvarchar(1))
RETURNS bigint
AS
BEGIN
    DECLARE @digits nvarchar(max) = [migration].[dv_number](@text, @decimal);
    -- No bigint has more than twenty characters; with a point it is no whole number.
    RETURN CASE WHEN LEN(@digits) <= 20 AND CHARINDEX(N'.', @digits) = 0
        THEN TRY_CONVERT(bigint, CAST(@digits AS nvarchar(20))) END;
END
