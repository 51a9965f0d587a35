-- The longest start of a text that has at most @max UTF-16 units and splits no surrogate pair.
CREATE FUNCTION [migration].[dv_fit] (@text nvarchar(max), @max int)
RETURNS nvarchar(max)
AS
BEGIN
    DECLARE @cut nvarchar(max) = @text, @excess int = [migration].[dv_length](@text) - @max;
    IF @excess > 0
    BEGIN
        -- A binary collation counts units, whatever the database's own does.
        SET @cut = LEFT(@text COLLATE Latin1_General_BIN2, @max);
        -- 55296 to 56319 is the first half of a pair: its second half is what was cut off.
        IF @max > 0 AND UNICODE(RIGHT(@cut COLLATE Latin1_General_BIN2, 1)) BETWEEN 55296 AND 56319
            SET @cut = LEFT(@text COLLATE Latin1_General_BIN2, @max - 1);
        -- Babelfish counts characters, of which some are two units: as many go as must at least, until the rest fits.
        SET @excess = [migration].[dv_length](@cut) - @max;
        WHILE @excess > 0
        BEGIN
            SET @cut = LEFT(@cut, LEN(@cut + N'.' COLLATE Latin1_General_BIN2) - 1 - (@excess + 1) / 2);
            SET @excess = [migration].[dv_length](@cut) - @max;
        END;
    END;
    RETURN @cut;
END
