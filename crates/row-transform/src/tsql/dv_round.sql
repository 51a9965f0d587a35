-- Canonical digits with at most @places digits behind the point, halves rounded away from zero.
CREATE FUNCTION [migration].[dv_round] (@digits nvarchar(max), @places int)
RETURNS nvarchar(max)
AS
BEGIN
    DECLARE @answer nvarchar(max) = @digits, @kept nvarchar(max), @nines int, @length int;
    DECLARE @point int = CHARINDEX(N'.', @digits);
    DECLARE @negative bit = CASE WHEN LEFT(@digits, 1) = N'-' THEN 1 ELSE 0 END;
    IF @point > 0 AND LEN(@digits) - @point > @places
    BEGIN
        -- What stays, without sign and point.
        SET @kept = SUBSTRING(@digits, 1 + @negative, @point - 1 - @negative) + SUBSTRING(@digits, @point + 1, @places);
        SET @length = LEN(@kept);
        IF SUBSTRING(@digits, @point + 1 + @places, 1) >= N'5'
        BEGIN
            -- Nines at the end become zeros, and the digit in front of them grows by one.
            SET @nines = PATINDEX(N'%[^9]%', REVERSE(@kept) + N'.' COLLATE Latin1_General_BIN2) - 1;
            SET @kept = CASE WHEN @nines = @length THEN N'1'
                    ELSE LEFT(@kept, @length - @nines - 1)
                        + CAST(CAST(SUBSTRING(@kept, @length - @nines, 1) AS int) + 1 AS nvarchar(1)) END
                + REPLICATE(N'0', @nines);
            SET @length = LEN(@kept);
        END;
        SET @answer = CASE WHEN @negative = 1 THEN N'-' ELSE N'' END
            + LEFT(@kept, @length - @places) + N'.' + RIGHT(@kept, @places);
        SET @answer = [migration].[dv_number](@answer, NULL);
    END;
    RETURN @answer;
END
