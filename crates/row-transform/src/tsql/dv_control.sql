-- 1 when a text has a control character that XML 1.0, and with it Dataverse, refuses; otherwise 0.
-- Tab, line feed and carriage return are welcome.
CREATE FUNCTION [migration].[dv_control] (@text nvarchar(max))
RETURNS bit
AS
BEGIN
    -- CONCAT, since a server without the character 0 answers NULL to it.
    DECLARE @refused nvarchar(40) = CONCAT(N'%[', NCHAR(0), NCHAR(1), N'-', NCHAR(8), NCHAR(11), NCHAR(12), NCHAR(14),
        N'-', NCHAR(31)) + NCHAR(65534) + NCHAR(65535) + N']%';
    RETURN CASE
        WHEN @text IS NULL THEN NULL
        WHEN @text COLLATE Latin1_General_BIN2 LIKE @refused THEN 1
        ELSE 0 END;
END
