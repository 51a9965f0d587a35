-- Digits behind the point of canonical digits.
CREATE FUNCTION [migration].[dv_scale] (@digits nvarchar(max))
RETURNS bigint
AS
BEGIN
    RETURN CASE WHEN CHARINDEX(N'.', @digits) = 0 THEN 0 ELSE LEN(@digits) - CHARINDEX(N'.', @digits) END;
END
