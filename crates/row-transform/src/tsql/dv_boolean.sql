-- 1 or 0 for a word that means yes or no, NULL for every other. Case and blanks around the word do not matter.
-- @yes, @no: words in lower case, each with the character 31 behind it.
CREATE FUNCTION [migration].[dv_boolean] (@text nvarchar(max), @yes nvarchar(max), @no nvarchar(max))
RETURNS bit
AS
BEGIN
    DECLARE @end nchar(1) = NCHAR(31);
    -- A blank text is the empty word. Lower case by a collation that knows all letters, then compared byte by byte.
    DECLARE @word nvarchar(max) = CASE WHEN @text IS NOT NULL
        THEN @end + LOWER(COALESCE([migration].[dv_trim](@text), N'') COLLATE Latin1_General_CS_AS) + @end END;
    RETURN CASE
        -- The character between words is part of no word.
        WHEN CHARINDEX(@end, @text COLLATE Latin1_General_BIN2) > 0 THEN NULL
        WHEN CHARINDEX(@word, @end + @yes COLLATE Latin1_General_BIN2) > 0 THEN 1
        WHEN CHARINDEX(@word, @end + @no COLLATE Latin1_General_BIN2) > 0 THEN 0 END;
END
