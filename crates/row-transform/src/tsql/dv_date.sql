-- The staged form of a date: N'2024-01-22T14:49:34Z' for a point in time or a time on the wall, N'2024-01-22' for a day.
-- NULL when the text is no date in any of the formats.
--
-- @formats  strftime formats, each with the character 31 behind it, tried in their order. Empty: ISO 8601 and RFC 3339.
-- @zone     IANA name of the zone that texts without an offset are in; NULL: none. Its offsets stand in
--           migration.TimeZoneShift, which the toolkit fills, so that they are the same on every engine.
-- @form     N'instant', N'wall' or N'day'.
--
-- Fractions of seconds are dropped. An hour that the clocks skip is read with the offset in force before it, and of an hour
-- that they show twice the first is meant.
CREATE FUNCTION [migration].[dv_date]
    (@text nvarchar(max), @formats nvarchar(2000), @zone nvarchar(128), @form nvarchar(10))
RETURNS nvarchar(20)
AS
BEGIN
    DECLARE @trimmed nvarchar(max) = [migration].[dv_trim](@text), @t nvarchar(200), @rest nvarchar(200), @i int = 1, @f int = 1, @n int, @most int, @code int, @ok bit, @step int;
    DECLARE @year int, @month int, @day int, @day_of_year int, @weekday int, @hour int, @minute int, @second int;
    DECLARE @fraction bit, @afternoon bit, @offset nvarchar(9), @seconds int, @epoch bigint, @sign int, @on date;
    DECLARE @wall nvarchar(19), @shift int = 0, @moved datetime2(0), @lookup datetime2(0), @answer nvarchar(20);
    DECLARE @digit nvarchar(5) = N'[0-9]', @two nvarchar(10) = N'[0-9][0-9]';
    DECLARE @months nvarchar(120) = N'january   february  march     april     may       june      '
        + N'july      august    september october   november  december  ';
    DECLARE @days nvarchar(70) = N'monday    tuesday   wednesday thursday  friday    saturday  sunday    ';

    IF @trimmed IS NULL OR LEN(@trimmed) > 200 RETURN NULL;
    SET @t = @trimmed;

    -- Short forms are written out. A percent sign becomes a directive of its own first, so that %%T stays what it is.
    SET @formats = REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(@formats COLLATE Latin1_General_BIN2,
        N'%%', N'%' + NCHAR(30)), N'%F', N'%Y-%m-%d'), N'%D', N'%m/%d/%y'), N'%T', N'%H:%M:%S'), N'%R', N'%H:%M');

    -- ISO 8601: date, then a time, then an offset, then the name of a zone in brackets, which is passed over.
    IF LEN(@formats) = 0
    BEGIN
        IF UNICODE(RIGHT(@t, 1)) = 93
        BEGIN
            SET @i = CHARINDEX(N'[', @t COLLATE Latin1_General_BIN2);
            SET @rest = SUBSTRING(@t, @i + 1, LEN(@t) - @i - 1);
            SET @t = CASE WHEN @i > 1 AND LEN(@rest) > 0 AND UNICODE(SUBSTRING(@t, @i - 1, 1)) <> 32
                AND @rest COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9A-Za-z_./+-]%' THEN LEFT(@t, @i - 1) END;
        END;
        -- A year with a sign has six digits.
        IF @t COLLATE Latin1_General_BIN2 LIKE N'+00' + @two + @two + N'%' SET @t = SUBSTRING(@t, 4, 200);
        IF @t COLLATE Latin1_General_BIN2 LIKE @two + @two + N'-' + @two + N'-' + @two + N'%'
            SELECT @rest = SUBSTRING(@t, 11, 200), @t = REPLACE(LEFT(@t, 10), N'-', N'');
        ELSE IF @t COLLATE Latin1_General_BIN2 LIKE @two + @two + @two + @two + N'%'
            SELECT @rest = SUBSTRING(@t, 9, 200), @t = LEFT(@t, 8);
        ELSE RETURN NULL;
        SELECT @year = CAST(LEFT(@t, 4) AS int), @month = CAST(SUBSTRING(@t, 5, 2) AS int),
            @day = CAST(SUBSTRING(@t, 7, 2) AS int), @hour = 0, @minute = 0, @second = 0;
        IF LEN(@rest) > 0
        BEGIN
            IF @rest COLLATE Latin1_General_BIN2 NOT LIKE N'[ Tt]' + @two + N'%' RETURN NULL;
            SELECT @hour = CAST(SUBSTRING(@rest, 2, 2) AS int), @rest = SUBSTRING(@rest, 4, 200), @n = 1;
            -- Minutes and seconds: both with a colon in front of them, or both without. @n counts what is there.
            IF @rest COLLATE Latin1_General_BIN2 LIKE N':' + @two + N'%'
            BEGIN
                SELECT @minute = CAST(SUBSTRING(@rest, 2, 2) AS int), @rest = SUBSTRING(@rest, 4, 200), @n = 2;
                IF @rest COLLATE Latin1_General_BIN2 LIKE N':' + @two + N'%'
                    SELECT @second = CAST(SUBSTRING(@rest, 2, 2) AS int), @rest = SUBSTRING(@rest, 4, 200), @n = 3;
            END
            ELSE IF @rest COLLATE Latin1_General_BIN2 LIKE @two + N'%'
            BEGIN
                SELECT @minute = CAST(LEFT(@rest, 2) AS int), @rest = SUBSTRING(@rest, 3, 200), @n = 2;
                IF @rest COLLATE Latin1_General_BIN2 LIKE @two + N'%'
                    SELECT @second = CAST(LEFT(@rest, 2) AS int), @rest = SUBSTRING(@rest, 3, 200), @n = 3;
            END;
            IF @n = 3 AND @rest COLLATE Latin1_General_BIN2 LIKE N'[.,]' + @digit + N'%'
                SET @rest = SUBSTRING(@rest,
                    1 + PATINDEX(N'%[^0-9]%', SUBSTRING(@rest, 2, 9) + N'.' COLLATE Latin1_General_BIN2), 200);
            IF @rest COLLATE Latin1_General_BIN2 IN (N'Z', N'z') SET @offset = N'+00';
            ELSE IF @rest COLLATE Latin1_General_BIN2 LIKE N'[-+]' + @two
                OR @rest COLLATE Latin1_General_BIN2 LIKE N'[-+]' + @two + @two
                OR @rest COLLATE Latin1_General_BIN2 LIKE N'[-+]' + @two + @two + @two
                OR @rest COLLATE Latin1_General_BIN2 LIKE N'[-+]' + @two + N':' + @two
                OR @rest COLLATE Latin1_General_BIN2 LIKE N'[-+]' + @two + N':' + @two + N':' + @two SET @offset = @rest;
            ELSE IF LEN(@rest) > 0 RETURN NULL;
        END;
        IF @second = 60 SET @second = 59;
        SET @ok = 1;
    END;

    -- One format after the other, until one reads the whole text and gives a date.
    WHILE @f <= LEN(@formats)
    BEGIN
        SELECT @ok = 1, @i = 1, @year = NULL, @month = NULL, @day = NULL, @day_of_year = NULL, @weekday = NULL, @hour = NULL,
            @minute = NULL, @second = NULL, @fraction = 0, @afternoon = NULL, @offset = NULL, @epoch = NULL;
        WHILE @ok = 1
        BEGIN
            -- Characters by their numbers: a comparison of texts may take upper for lower case and leave blanks out.
            SET @code = UNICODE(SUBSTRING(@formats, @f, 1));
            SET @f = @f + 1;
            IF @code = 31 BREAK;
            IF @code IN (9, 10, 12, 13, 32)
            BEGIN
                -- A blank stands for any number of blanks.
                WHILE UNICODE(SUBSTRING(@t, @i, 1)) IN (9, 10, 12, 13, 32) SET @i = @i + 1;
                CONTINUE;
            END;
            IF @code <> 37
            BEGIN
                IF UNICODE(SUBSTRING(@t, @i, 1)) = @code SET @i = @i + 1;
                ELSE SET @ok = 0;
                CONTINUE;
            END;
            -- A directive. Precisions of fractions, as in %.3f, say how to write.
            SET @code = UNICODE(SUBSTRING(@formats, @f, 1));
            SET @f = @f + 1;
            IF @code = 46
            BEGIN
                WHILE SUBSTRING(@formats, @f, 1) LIKE N'[0-9]' SET @f = @f + 1;
                SET @f = @f + 1;
                -- Where no point follows there is no fraction.
                IF UNICODE(SUBSTRING(@t, @i, 1)) <> 46 OR @i > LEN(@t) CONTINUE;
                SELECT @i = @i + 1, @code = 102;
            END;
            WHILE @code BETWEEN 48 AND 57 SELECT @code = UNICODE(SUBSTRING(@formats, @f, 1)), @f = @f + 1;
            IF @i > LEN(@t)
                SET @ok = 0;
            -- Y m d e H I k l M S y j: digits, with a sign in front of the year, and blanks in front of the digits.
            ELSE IF @code IN (89, 109, 100, 101, 72, 73, 107, 108, 77, 83, 121, 106, 115)
            BEGIN
                SET @sign = 1;
                IF @code IN (89, 115) AND UNICODE(SUBSTRING(@t, @i, 1)) IN (43, 45)
                    SELECT @sign = 44 - UNICODE(SUBSTRING(@t, @i, 1)), @i = @i + 1;
                WHILE UNICODE(SUBSTRING(@t, @i, 1)) IN (9, 10, 12, 13, 32) SET @i = @i + 1;
                SET @most = CASE @code WHEN 89 THEN 4 WHEN 106 THEN 3 WHEN 115 THEN 19 ELSE 2 END;
                SET @n = PATINDEX(N'%[^0-9]%', SUBSTRING(@t, @i, @most) + N'.' COLLATE Latin1_General_BIN2) - 1;
                IF @n = 0
                    SET @ok = 0;
                ELSE IF @code = 115
                BEGIN
                    -- s: seconds since 1970.
                    SET @epoch = @sign * TRY_CONVERT(bigint, SUBSTRING(@t, @i, @n));
                    SET @i = @i + @n;
                    SET @ok = CASE WHEN @epoch BETWEEN -377705023201 AND 253402207200 THEN 1 ELSE 0 END;
                END
                ELSE
                BEGIN
                    SET @i = @i + @n;
                    SET @n = CAST(SUBSTRING(@t, @i - @n, @n) AS int);
                    IF @code = 89 SET @year = @sign * @n;
                    ELSE IF @code = 121 SET @year = @n + CASE WHEN @n <= 68 THEN 2000 ELSE 1900 END;
                    ELSE IF @code = 109 SET @month = @n;
                    ELSE IF @code IN (100, 101) SET @day = @n;
                    ELSE IF @code IN (72, 107) SET @hour = @n;
                    -- I, l: of twelve hours, counted from 1.
                    ELSE IF @code IN (73, 108) SELECT @hour = @n, @ok = CASE WHEN @n BETWEEN 1 AND 12 THEN 1 ELSE 0 END;
                    ELSE IF @code = 77 SET @minute = @n;
                    ELSE IF @code = 83 SET @second = CASE WHEN @n = 60 THEN 59 ELSE @n END;
                    ELSE SET @day_of_year = @n;
                    IF @month NOT BETWEEN 1 AND 12 OR @day NOT BETWEEN 1 AND 31 OR @day_of_year NOT BETWEEN 1 AND 366
                        OR @hour > 23 OR @minute > 59 OR @second > 59 SET @ok = 0;
                END;
            END
            -- b h B a A: names of months and days, the short ones of three letters.
            ELSE IF @code IN (98, 104, 66, 97, 65)
            BEGIN
                SELECT @ok = 0, @step = 1;
                WHILE @step <= CASE WHEN @code IN (97, 65) THEN 7 ELSE 12 END AND @ok = 0
                BEGIN
                    SET @rest = RTRIM(SUBSTRING(CASE WHEN @code IN (97, 65) THEN @days ELSE @months END, @step * 10 - 9, 10));
                    IF @code IN (98, 104, 97) SET @rest = LEFT(@rest, 3);
                    IF LOWER(SUBSTRING(@t, @i, LEN(@rest)) COLLATE Latin1_General_BIN2) = @rest
                    BEGIN
                        SELECT @ok = 1, @i = @i + LEN(@rest);
                        IF @code IN (97, 65) SET @weekday = @step - 1;
                        ELSE SET @month = @step;
                    END;
                    SET @step = @step + 1;
                END;
            END
            -- p P: in the morning or the afternoon.
            ELSE IF @code IN (112, 80)
            BEGIN
                SET @rest = LOWER(SUBSTRING(@t, @i, 2) COLLATE Latin1_General_BIN2);
                SELECT @afternoon = CASE WHEN @rest = N'pm' THEN 1 ELSE 0 END, @i = @i + 2,
                    @ok = CASE WHEN @rest COLLATE Latin1_General_BIN2 IN (N'am', N'pm') THEN 1 ELSE 0 END;
            END
            -- f N: digits of a fraction, nine at most.
            ELSE IF @code IN (102, 78)
            BEGIN
                SET @n = PATINDEX(N'%[^0-9]%', SUBSTRING(@t, @i, 9) + N'.' COLLATE Latin1_General_BIN2) - 1;
                SELECT @i = @i + @n, @fraction = 1, @ok = CASE WHEN @n = 0 THEN 0 ELSE 1 END;
            END
            -- z, and :z with colons: an offset of hours and minutes, and of seconds where two more digits follow.
            ELSE IF @code IN (122, 58)
            BEGIN
                SELECT @rest = SUBSTRING(@t, @i, 9), @n = 0;
                IF @code = 58
                BEGIN
                    SET @f = @f + 1;
                    IF @rest COLLATE Latin1_General_BIN2 LIKE N'[-+]' + @two + N':' + @two + N':' + @two + N'%' SET @n = 9;
                    ELSE IF @rest COLLATE Latin1_General_BIN2 LIKE N'[-+]' + @two + N':' + @two + N'%' SET @n = 6;
                END
                ELSE IF @rest COLLATE Latin1_General_BIN2 LIKE N'[-+]' + @two + @two + @two + N'%' SET @n = 7;
                ELSE IF @rest COLLATE Latin1_General_BIN2 LIKE N'[-+]' + @two + @two + N'%' SET @n = 5;
                SELECT @offset = LEFT(@rest, @n), @i = @i + @n, @ok = CASE WHEN @n = 0 THEN 0 ELSE 1 END;
            END
            -- n t: blanks.
            ELSE IF @code IN (110, 116)
                WHILE UNICODE(SUBSTRING(@t, @i, 1)) IN (9, 10, 12, 13, 32) SET @i = @i + 1;
            -- A percent sign.
            ELSE IF @code = 30
            BEGIN
                IF UNICODE(SUBSTRING(@t, @i, 1)) <> 37 SET @ok = 0;
                SET @i = @i + 1;
            END
            -- Whatever else a format may hold was refused when the mapping was planned; here it stops the statement.
            ELSE SET @ok = CAST(N'A date format with a directive that SQL Server cannot read: ' + @formats AS int);
        END;
        IF @ok = 1 AND @i <= LEN(@t) SET @ok = 0;
        IF @ok = 1 AND (@hour IS NULL AND (@minute IS NOT NULL OR @second IS NOT NULL OR @fraction = 1)
            OR @minute IS NULL AND (@second IS NOT NULL OR @fraction = 1) OR @second IS NULL AND @fraction = 1)
        BEGIN
            -- Minutes without an hour are no time: the day alone is read, but not where an offset belongs to the time.
            IF @offset IS NULL SELECT @hour = NULL, @minute = NULL, @second = NULL;
            ELSE SET @ok = 0;
        END;
        IF @ok = 1
        BEGIN
            IF @afternoon IS NOT NULL SET @hour = @hour % 12 + 12 * @afternoon;
            SELECT @hour = COALESCE(@hour, 0), @minute = COALESCE(@minute, 0), @second = COALESCE(@second, 0);
            IF @epoch IS NOT NULL AND @offset IS NULL
            BEGIN
                -- The calendar repeats itself every 400 years: counted from 1970 or up to 400 years after it.
                SET @n = CAST(FLOOR(CAST(@epoch AS decimal(20, 0)) / 12622780800) AS int);
                SET @epoch = @epoch - CAST(12622780800 AS bigint) * @n;
                SET @on = DATEADD(day, CAST(@epoch / 86400 AS int), CAST(N'19700101' AS date));
                SELECT @year = YEAR(@on) + 400 * @n, @month = MONTH(@on), @day = DAY(@on), @offset = N'+00', @weekday = NULL,
                    @hour = @epoch % 86400 / 3600, @minute = @epoch % 3600 / 60, @second = @epoch % 60;
            END
            ELSE IF (@month IS NULL OR @day IS NULL) AND @day_of_year IS NOT NULL
            BEGIN
                -- The day of a year that begins on the same weekday and is as long.
                SET @on = DATEADD(day, @day_of_year - 1, DATEFROMPARTS(2000 + (@year + 12000) % 400, 1, 1));
                SELECT @month = CASE WHEN YEAR(@on) = 2000 + (@year + 12000) % 400 THEN MONTH(@on) END, @day = DAY(@on);
            END;
            -- A date that there is, on the weekday that was read. Only then is this the format.
            SET @on = TRY_CONVERT(date, CAST(2000 + (@year + 12000) % 400 AS nvarchar(4))
                + RIGHT(N'0' + CAST(@month AS nvarchar(2)), 2) + RIGHT(N'0' + CAST(@day AS nvarchar(2)), 2), 112);
            IF @on IS NULL OR DATEDIFF(day, CAST(N'20000103' AS date), @on) % 7 + CASE
                WHEN DATEDIFF(day, CAST(N'20000103' AS date), @on) < 0 THEN 7 ELSE 0 END <> @weekday SET @ok = 0;
        END;
        IF @ok = 1 AND @offset IS NOT NULL
            AND (CAST(SUBSTRING(@offset, 2, 2) AS int) > 25
                OR CAST(SUBSTRING(REPLACE(@offset, N':', N'') + N'0000', 4, 2) AS int) > 59
                OR CAST(SUBSTRING(REPLACE(@offset, N':', N'') + N'0000', 6, 2) AS int) > 59) SET @ok = 0;
        IF @ok = 1 BREAK;
        SET @f = CASE WHEN UNICODE(SUBSTRING(@formats, @f - 1, 1)) = 31 THEN @f
            ELSE CHARINDEX(NCHAR(31), @formats COLLATE Latin1_General_BIN2, @f) + 1 END;
    END;
    IF @ok = 0 OR @hour > 23 OR @minute > 59 OR @second > 59 OR @year NOT BETWEEN 1 AND 9999 RETURN NULL;

    -- The wall time as a text, NULL when there is no such day.
    SET @wall = RIGHT(N'000' + CAST(@year AS nvarchar(4)), 4) + N'-' + RIGHT(N'0' + CAST(@month AS nvarchar(2)), 2) + N'-'
        + RIGHT(N'0' + CAST(@day AS nvarchar(2)), 2) + N'T' + RIGHT(N'0' + CAST(@hour AS nvarchar(2)), 2) + N':'
        + RIGHT(N'0' + CAST(@minute AS nvarchar(2)), 2) + N':' + RIGHT(N'0' + CAST(@second AS nvarchar(2)), 2);
    IF TRY_CONVERT(date, REPLACE(LEFT(@wall, 10), N'-', N''), 112) IS NULL RETURN NULL;

    -- By how many seconds it moves: from its offset, or that of the zone, to UTC, and from UTC to the zone.
    IF @offset IS NOT NULL
    BEGIN
        SET @offset = LEFT(@offset, 1) + LEFT(REPLACE(SUBSTRING(@offset, 2, 8), N':', N'') + N'0000', 6);
        IF SUBSTRING(@offset, 2, 2) > N'25' OR SUBSTRING(@offset, 4, 2) > N'59' OR SUBSTRING(@offset, 6, 2) > N'59' RETURN NULL;
        SET @seconds = (CAST(SUBSTRING(@offset, 2, 2) AS int) * 60 + CAST(SUBSTRING(@offset, 4, 2) AS int)) * 60
            + CAST(SUBSTRING(@offset, 6, 2) AS int);
        IF LEFT(@offset, 1) = N'-' SET @seconds = -@seconds;
    END;
    IF @zone IS NOT NULL AND NOT EXISTS (SELECT 1 FROM [migration].[TimeZoneShift] WHERE [Zone] = @zone)
        SET @shift = CAST(N'The time zone ' + @zone + N' is not in migration.TimeZoneShift' AS int);
    IF @form = N'instant' AND @seconds IS NOT NULL SET @shift = -@seconds;
    ELSE IF @form = N'instant' AND @zone IS NOT NULL
    BEGIN
        -- From the year 2500 on the rules are those of the same year of the 400 before it.
        SET @lookup = CONVERT(datetime2(0), CASE WHEN @year < 2500 THEN LEFT(@wall, 4)
            ELSE CAST(2100 + (@year - 2100) % 400 AS nvarchar(4)) END + SUBSTRING(@wall, 5, 15), 126);
        SELECT TOP (1) @shift = -[OffsetSeconds] FROM [migration].[TimeZoneShift]
            WHERE [Zone] = @zone AND [FromWall] <= @lookup ORDER BY [FromWall] DESC;
    END
    ELSE IF @form <> N'instant' AND @seconds IS NOT NULL AND @zone IS NOT NULL
    BEGIN
        -- In UTC first: moved within 2000 to 2400, where no day lies beyond the calendar of the server.
        SET @moved = DATEADD(second, -@seconds,
            CONVERT(datetime2(0), CAST(2000 + @year % 400 AS nvarchar(4)) + SUBSTRING(@wall, 5, 15), 126));
        SET @n = @year + YEAR(@moved) - 2000 - @year % 400;
        SET @lookup = CONVERT(datetime2(0), RIGHT(N'000' + CAST(CASE WHEN @n < 1 THEN 1 WHEN @n < 2500 THEN @n
            ELSE 2100 + (@n - 2100) % 400 END AS nvarchar(4)), 4)
            + SUBSTRING(REPLACE(CONVERT(nvarchar(19), @moved, 126), N' ', N'T'), 5, 15), 126);
        SELECT TOP (1) @shift = [OffsetSeconds] - @seconds FROM [migration].[TimeZoneShift]
            WHERE [Zone] = @zone AND [FromUtc] <= @lookup ORDER BY [FromUtc] DESC;
    END;
    IF @shift <> 0
    BEGIN
        SET @moved = DATEADD(second, @shift,
            CONVERT(datetime2(0), CAST(2000 + @year % 400 AS nvarchar(4)) + SUBSTRING(@wall, 5, 15), 126));
        SET @n = @year + YEAR(@moved) - 2000 - @year % 400;
        SET @wall = CASE WHEN @n BETWEEN 1 AND 9999 THEN RIGHT(N'000' + CAST(@n AS nvarchar(4)), 4)
            + SUBSTRING(REPLACE(CONVERT(nvarchar(19), @moved, 126), N' ', N'T'), 5, 15) END;
    END;
    SET @answer = CASE WHEN @form = N'day' THEN LEFT(@wall, 10) ELSE @wall + N'Z' END;
    RETURN @answer;
END
