-- The canonical digits of a number: no group signs, no exponent, no plus, no superfluous zeros, 0 for nothing.
-- NULL when the text is no number. A text throughout: no digit is lost to a float.
-- @decimal: N'.' or N',' when the decimal sign was declared; then digits may stand in groups of three. NULL: neither.
CREATE FUNCTION [migration].[dv_number] (@text nvarchar(max), @decimal nvarchar(1))
RETURNS nvarchar(max)
AS
BEGIN
    DECLARE @rest nvarchar(max) = [migration].[dv_trim](@text);
    DECLARE @negative bit = 0, @exponent int = 0, @at int, @answer nvarchar(max);
    DECLARE @whole nvarchar(max), @fraction nvarchar(max), @power nvarchar(max);

    -- The sign: minus, the typographic minus, or plus.
    IF LEFT(@rest, 1) COLLATE Latin1_General_BIN2 IN (N'-', NCHAR(8722)) SET @negative = 1;
    IF LEFT(@rest, 1) COLLATE Latin1_General_BIN2 IN (N'-', NCHAR(8722), N'+') SET @rest = STUFF(@rest, 1, 1, N'');

    -- The exponent: at most 400 either way. One digit more than that allows tells that it is too large.
    SET @at = PATINDEX(N'%[eE]%', @rest COLLATE Latin1_General_BIN2);
    IF @at > 0
    BEGIN
        SET @power = SUBSTRING(@rest, @at + 1, LEN(@rest));
        SET @rest = LEFT(@rest, @at - 1);
        IF LEFT(@power, 1) COLLATE Latin1_General_BIN2 IN (N'-', N'+')
        BEGIN
            SET @exponent = CASE WHEN LEFT(@power, 1) = N'-' THEN -1 ELSE 1 END;
            SET @power = SUBSTRING(@power, 2, LEN(@power));
        END
        ELSE SET @exponent = 1;
        IF DATALENGTH(@power) = 0 OR @power COLLATE Latin1_General_BIN2 LIKE N'%[^0-9]%' SET @rest = NULL;
        SET @power = SUBSTRING(@power, PATINDEX(N'%[^0]%', @power + N'.' COLLATE Latin1_General_BIN2), LEN(@power));
        IF LEN(@power) > 3 SET @rest = NULL;
        IF @rest IS NOT NULL SET @exponent = @exponent * CAST(N'0' + @power AS int);
        IF ABS(@exponent) > 400 SET @rest = NULL;
    END;

    -- Whole and fraction, at the first decimal sign.
    SET @at = CHARINDEX(CASE WHEN @decimal = N',' THEN N',' ELSE N'.' END, @rest + N'.,' COLLATE Latin1_General_BIN2);
    SET @whole = LEFT(@rest, @at - 1);
    SET @fraction = SUBSTRING(@rest, @at + 1, LEN(@rest));

    -- Groups, where a decimal sign was declared: the other sign, blanks that do not break, or apostrophes.
    IF @decimal IN (N'.', N',')
    BEGIN
        -- All are read as a comma; where that is the decimal sign, none is left in front of it.
        SET @whole = REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(@whole COLLATE Latin1_General_BIN2, N' ', N','), NCHAR(160), N','),
            NCHAR(8239), N','), N'''', N','), NCHAR(8217), N',');
        IF @decimal = N',' SET @whole = REPLACE(@whole, N'.', N',');
        -- Each group has three digits but for the first, which has one to three.
        IF CHARINDEX(N',', @whole) > 0 AND (
            LEFT(@whole, 1) = N','
            OR @whole + N',' COLLATE Latin1_General_BIN2 LIKE N'%,,%'
            OR @whole + N',' COLLATE Latin1_General_BIN2 LIKE N'%,_,%'
            OR @whole + N',' COLLATE Latin1_General_BIN2 LIKE N'%,__,%'
            OR @whole COLLATE Latin1_General_BIN2 LIKE N'%[0-9][0-9][0-9][0-9]%')
            SET @whole = NULL;
        SET @whole = REPLACE(@whole, N',', N'');
    END;

    IF @whole COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' AND @fraction COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%'
        AND DATALENGTH(@whole) + DATALENGTH(@fraction) > 0
    BEGIN
        -- The exponent moves the point; zeros fill up what is missing on either side.
        SET @at = LEN(@whole) + @exponent;
        SET @rest = @whole + @fraction;
        IF @at < 0
        BEGIN
            SET @rest = REPLICATE(N'0', -@at) + @rest;
            SET @at = 0;
        END;
        IF @at > LEN(@rest) SET @rest = @rest + REPLICATE(N'0', @at - LEN(@rest));
        SET @whole = LEFT(@rest, @at);
        SET @fraction = SUBSTRING(@rest, @at + 1, LEN(@rest));
        -- Superfluous zeros, in front and behind.
        SET @whole = SUBSTRING(@whole, PATINDEX(N'%[^0]%', @whole + N'.' COLLATE Latin1_General_BIN2), LEN(@whole));
        SET @fraction = LEFT(@fraction, LEN(@fraction) + 1
            - PATINDEX(N'%[^0]%', REVERSE(@fraction) + N'.' COLLATE Latin1_General_BIN2));
        SET @answer = CASE WHEN DATALENGTH(@whole) = 0 THEN N'0' ELSE @whole END
            + CASE WHEN DATALENGTH(@fraction) = 0 THEN N'' ELSE N'.' + @fraction END;
        IF @negative = 1 AND DATALENGTH(@whole) + DATALENGTH(@fraction) > 0 SET @answer = N'-' + @answer;
    END;
    RETURN @answer;
END
