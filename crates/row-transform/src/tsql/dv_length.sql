-- The length of a text in UTF-16 units: a binary collation counts those. The stop keeps LEN from leaving out blanks at
-- the end.
CREATE FUNCTION [migration].[dv_length] (@text nvarchar(max))
RETURNS bigint
AS
BEGIN
    RETURN LEN(@text + N'.' COLLATE Latin1_General_BIN2) - 1;
END
