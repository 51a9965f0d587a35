-- The canonical digits of a number that a float can hold; NULL when the text is no number or one too large.
-- Digits, so that the column of type float converts them once and nothing is rounded twice.
CREATE FUNCTION [migration].[dv_double] (@text nvarchar(max), @decimal nvarchar(1))
RETURNS nvarchar(max)
AS
BEGIN
    DECLARE @digits nvarchar(max) = [migration].[dv_number](@text, @decimal);
    RETURN CASE WHEN TRY_CONVERT(float, @digits) IS NOT NULL THEN @digits END;
END
