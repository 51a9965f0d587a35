-- The canonical digits of a number that a float can hold; NULL when the text is no number or one too large.
-- Digits, so that the column of type float converts them once and nothing is rounded twice.
CREATE FUNCTION [migration].[dv_double] (@text nvarchar(max), @decimal nvarchar(1))
RETURNS nvarchar(345)
AS
BEGIN
    -- A float knows no digits behind the 345th: what is smaller is nothing, and what is larger has more in front of the point.
    DECLARE @all nvarchar(max) = [migration].[dv_number](@text, @decimal);
    DECLARE @digits nvarchar(345) = LEFT(@all, 345);
    RETURN CASE WHEN CHARINDEX(N'.', @all + N'.') <= 311 AND TRY_CONVERT(float, @digits) IS NOT NULL THEN @digits END;
END
