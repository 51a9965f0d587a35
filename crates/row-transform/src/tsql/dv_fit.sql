-- The longest start of a text that has at most @max UTF-16 units and splits no surrogate pair.
CREATE FUNCTION [migration].[dv_fit] (@text nvarchar(max), @max int)
RETURNS nvarchar(max)
AS
BEGIN
    -- A binary collation counts units, whatever the database's own does.
    DECLARE @cut nvarchar(max) = LEFT(@text COLLATE Latin1_General_BIN2, @max);
    -- 55296 to 56319 is the first half of a pair: its second half is what was cut off.
    RETURN CASE
        WHEN LEN(@text + N'.' COLLATE Latin1_General_BIN2) - 1 <= @max THEN @text
        WHEN @max > 0 AND UNICODE(SUBSTRING(@text COLLATE Latin1_General_BIN2, @max, 1)) BETWEEN 55296 AND 56319
            THEN LEFT(@text COLLATE Latin1_General_BIN2, @max - 1)
        ELSE @cut END;
END
