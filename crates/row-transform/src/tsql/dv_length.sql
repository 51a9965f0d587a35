-- The length of a text in UTF-16 units, blanks at its end included.
CREATE FUNCTION [migration].[dv_length] (@text nvarchar(max))
RETURNS bigint
AS
BEGIN
    -- A binary collation counts units. The stop keeps LEN from leaving out blanks at the end.
    DECLARE @length bigint = LEN(@text + N'.' COLLATE Latin1_General_BIN2) - 1;
    DECLARE @at int = @length;
    -- Babelfish counts characters: there, those beyond the first 65,536 are two units each. They take four bytes of it.
    IF LEN(N'😀' COLLATE Latin1_General_BIN2) = 1 AND DATALENGTH(@text) >= @length + 3
        WHILE @at > 0
        BEGIN
            IF UNICODE(SUBSTRING(@text, @at, 1)) > 65535 SET @length = @length + 1;
            SET @at = @at - 1;
        END;
    RETURN @length;
END
