-- A text without blanks at both ends; NULL when nothing is left.
-- Blank is what Unicode calls white space, and the byte order mark.
CREATE FUNCTION [migration].[dv_trim] (@text nvarchar(max))
RETURNS nvarchar(max)
AS
BEGIN
    DECLARE @other nvarchar(40), @before int, @behind int, @answer nvarchar(max) = @text;
    -- Most texts begin and end with a visible character of ASCII and stay as they are.
    IF COALESCE(UNICODE(LEFT(@text, 1)), 0) NOT BETWEEN 33 AND 126 OR UNICODE(RIGHT(@text, 1)) NOT BETWEEN 33 AND 126
    BEGIN
        -- Finds the first character that is not blank. Ranges go by code point under a binary collation alone.
        SET @other = N'%[^' + NCHAR(9) + N'-' + NCHAR(13) + N' ' + NCHAR(133) + NCHAR(160) + NCHAR(5760) + NCHAR(8192)
            + N'-' + NCHAR(8202) + NCHAR(8232) + NCHAR(8233) + NCHAR(8239) + NCHAR(8287) + NCHAR(12288) + NCHAR(65279) + N']%';
        SET @before = PATINDEX(@other, @text COLLATE Latin1_General_BIN2) - 1;
        SET @behind = PATINDEX(@other, REVERSE(@text COLLATE Latin1_General_BIN2)) - 1;
        -- The stop behind the text, since LEN leaves blanks at the end out.
        SET @answer = CASE WHEN @before >= 0 THEN SUBSTRING(@text COLLATE Latin1_General_BIN2, @before + 1,
            LEN(@text + N'.' COLLATE Latin1_General_BIN2) - 1 - @before - @behind) END;
    END;
    RETURN @answer;
END
