-- A GUID in lower case with hyphens; NULL when the text is none. Blanks and braces around it are taken off.
CREATE FUNCTION [migration].[dv_guid] (@text nvarchar(max))
RETURNS nvarchar(36)
AS
BEGIN
    DECLARE @hex nvarchar(12) = N'[0-9a-fA-F]';
    DECLARE @four nvarchar(48) = REPLICATE(@hex, 4);
    DECLARE @bare nvarchar(max) = [migration].[dv_trim](@text);
    -- The stop behind the text keeps a text of nothing but braces from being found whole.
    SET @bare = SUBSTRING(@bare, PATINDEX(N'%[^{]%', @bare + N'.' COLLATE Latin1_General_BIN2), LEN(@bare));
    SET @bare = LEFT(@bare, LEN(@bare + N'.')
        - PATINDEX(N'%[^}]%', REVERSE(@bare) + N'.' COLLATE Latin1_General_BIN2));
    RETURN CASE WHEN @bare COLLATE Latin1_General_BIN2 LIKE @four + @four + N'-' + @four + N'-' + @four + N'-' + @four
            + N'-' + @four + @four + @four
        THEN LOWER(@bare COLLATE Latin1_General_BIN2) END;
END
