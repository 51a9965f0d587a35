-- 1 when canonical digits lie outside the limits, otherwise 0. The limits are those of Dataverse: sixteen digits at most.
CREATE FUNCTION [migration].[dv_beyond] (@digits nvarchar(max), @min nvarchar(40), @max nvarchar(40))
RETURNS bit
AS
BEGIN
    -- Twenty digits in front of the point: what has more lies beyond every limit. What stands behind the eighteenth
    -- digit after it cannot decide, since no limit has so many.
    DECLARE @value decimal(38, 18) = TRY_CONVERT(decimal(38, 18), LEFT(@digits, CHARINDEX(N'.', @digits + N'.') + 18));
    RETURN CASE
        WHEN @digits IS NULL THEN NULL
        WHEN @value IS NULL THEN 1
        WHEN @value < CONVERT(decimal(38, 18), @min) OR @value > CONVERT(decimal(38, 18), @max) THEN 1
        ELSE 0 END;
END
