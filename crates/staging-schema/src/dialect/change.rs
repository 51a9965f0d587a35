//! The forms of statements: how rows are changed, limited, joined and worked out beforehand.

use super::Dialect;
use crate::name::TableName;

/// An update of the rows that a list names, with values computed from rows that are joined to the list.
#[derive(Debug, Clone, Copy)]
pub struct UpdateByList<'a> {
    /// The table whose rows are updated, under the alias `t`.
    pub table: &'a TableName,
    /// Its column that the list names, quoted.
    pub row: &'a str,
    /// The list, under the alias `w`.
    pub list: &'a TableName,
    /// Its column with the rows to update, each at most once.
    pub listed: &'a str,
    /// What is joined to it: a table with its alias and `ON` a condition.
    pub join: &'a str,
}

impl Dialect {
    /// `UPDATE` of a table under the alias `t`.
    pub fn update(self, table: &TableName, set: &str, condition: &str) -> String {
        self.update_as(table, "t", set, condition)
    }

    /// `UPDATE` of a table under an alias.
    pub fn update_as(self, table: &TableName, alias: &str, set: &str, condition: &str) -> String {
        let table = self.table(table);
        match self {
            Self::Sqlite => format!("UPDATE {table} AS {alias} SET {set} WHERE {condition}"),
            Self::Mssql => format!("UPDATE {alias} SET {set} FROM {table} AS {alias} WHERE {condition}"),
        }
    }

    /// `UPDATE` of a table under the alias `t`, of at most `n` of its rows, where `n` is an SQL expression.
    pub fn update_some(self, n: &str, table: &TableName, set: &str, condition: &str) -> String {
        let table = self.table(table);
        match self {
            // A column of ours is called RowId.
            Self::Sqlite => format!(
                "UPDATE {table} AS t SET {set} WHERE t._rowid_ IN (SELECT t._rowid_ FROM {table} AS t WHERE {condition} LIMIT {n})"
            ),
            Self::Mssql => format!("UPDATE TOP ({n}) t SET {set} FROM {table} AS t WHERE {condition}"),
        }
    }

    /// A number by which a server is not to look for rows of [`update_some_listed`](Self::update_some_listed), though there is an
    /// index on it. SQLite goes by the list in any case, and by another index without this one.
    pub fn not_by_index(self, number: &str) -> String {
        match self {
            Self::Sqlite => number.to_owned(),
            Self::Mssql => format!("{number} + 0"),
        }
    }

    /// `UPDATE` of a table under the alias `t`, of at most `n` of its rows whose `column` is in a list that a query computes. They are
    /// sought from that list, whatever the engine guesses about how many rows there are.
    pub fn update_some_listed(
        self,
        n: &str,
        table: &TableName,
        set: &str,
        (column, list): (&str, &str),
        condition: &str,
    ) -> String {
        match self {
            Self::Sqlite => {
                self.update_some(n, table, set, &format!("{condition} AND t.{column} IN ({list})"))
            }
            Self::Mssql => format!(
                "UPDATE TOP ({n}) t SET {set} FROM (SELECT DISTINCT l.Listed FROM ({list}) AS l (Listed)) AS c \
                 INNER JOIN {} AS t ON t.{column} = c.Listed WHERE {condition} OPTION (LOOP JOIN, FORCE ORDER)",
                self.table(table)
            ),
        }
    }

    /// `UPDATE` of a table under the alias `t` whose assignments are put together elsewhere: what stands before them, and what
    /// stands between them and `WHERE`.
    pub fn update_around(self, table: &TableName) -> (String, String) {
        let table = self.table(table);
        match self {
            Self::Sqlite => (format!("UPDATE {table} AS t SET "), String::new()),
            Self::Mssql => ("UPDATE t SET ".to_owned(), format!(" FROM {table} t")),
        }
    }

    /// `UPDATE` of a table under the alias `t` from rows computed beside it: `rows` is a query, known as `n`, and `condition` says
    /// which of them belongs to `t`. The query is worked off before anything is changed, each of its expressions once.
    pub fn update_from(self, table: &TableName, set: &str, rows: &str, condition: &str) -> String {
        let table = self.table(table);
        match self {
            // Without the limit SQLite would put the expressions of the query wherever they are used, and compute them there.
            // A failure undoes the whole transaction, as its caller would: otherwise SQLite copies every page first, to undo
            // this statement alone.
            Self::Sqlite => {
                format!(
                    "UPDATE OR ROLLBACK {table} AS t SET {set} FROM ({rows} LIMIT -1) AS n WHERE {condition}"
                )
            }
            Self::Mssql => {
                format!("UPDATE t SET {set} FROM {table} AS t INNER JOIN ({rows}) AS n ON {condition}")
            }
        }
    }

    /// `UPDATE` of the rows that a list names. `values` are quoted columns with expressions; `more` are further assignments, which get a
    /// column of the list.
    pub fn update_by_list(
        self,
        update: &UpdateByList<'_>,
        values: &[(String, &str)],
        column: &str,
        more: impl FnOnce(&str) -> String,
    ) -> String {
        let UpdateByList { table, row, list, listed, join } = *update;
        let (table, list) = (self.table(table), self.table(list));
        match self {
            Self::Sqlite => {
                let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
                let values: Vec<_> = values.iter().map(|(_, value)| *value).collect();
                format!(
                    "UPDATE {table} AS t SET ({}) = (SELECT {} FROM {list} w JOIN {join} WHERE w.{listed} = t.{row}), {} \
                     WHERE t.{row} IN (SELECT {listed} FROM {list})",
                    names.join(", "),
                    values.join(", "),
                    more(&format!("(SELECT w.{column} FROM {list} w WHERE w.{listed} = t.{row})")),
                )
            }
            Self::Mssql => {
                let values: Vec<_> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                format!(
                    "UPDATE t SET {}, {} FROM {table} t INNER JOIN {list} w ON w.{listed} = t.{row} INNER JOIN {join}",
                    values.join(", "),
                    more(&format!("w.{column}")),
                )
            }
        }
    }

    /// `UPDATE` of the rows whose `key` is among those that a query chooses, answering columns of each as it is then.
    ///
    /// `chosen` is that query; it gets what it has to write behind the name of the table, so that rows at which another is at work are
    /// passed over. A server that waits for them instead tests `still` once more: they may have been changed meanwhile.
    pub fn update_claimed(
        self,
        table: &TableName,
        set: &str,
        key: &str,
        chosen: impl FnOnce(&str) -> String,
        still: &str,
        answered: &[&str],
    ) -> String {
        let table = self.table(table);
        match self {
            Self::Sqlite => format!(
                "UPDATE {table} SET {set} WHERE {key} IN ({}) RETURNING {}",
                chosen(""),
                answered.join(", ")
            ),
            Self::Mssql => format!(
                "UPDATE {table} SET {set} OUTPUT inserted.{} WHERE {key} IN ({}) AND ({still})",
                answered.join(", inserted."),
                chosen(" WITH (UPDLOCK, READPAST, ROWLOCK)"),
            ),
        }
    }

    /// `INSERT` of one row, answering a column that the database fills. Columns and values are lists with commas.
    pub fn insert_answering(self, table: &TableName, columns: &str, values: &str, answered: &str) -> String {
        let (table, answered) = (self.table(table), self.quote(answered));
        match self {
            Self::Sqlite => format!("INSERT INTO {table} ({columns}) VALUES ({values}) RETURNING {answered}"),
            Self::Mssql => {
                format!("INSERT INTO {table} ({columns}) OUTPUT inserted.{answered} VALUES ({values})")
            }
        }
    }

    /// `DELETE` of rows of a table under an alias.
    pub fn delete_as(self, table: &TableName, alias: &str, condition: &str) -> String {
        let table = self.table(table);
        match self {
            Self::Sqlite => format!("DELETE FROM {table} AS {alias} WHERE {condition}"),
            Self::Mssql => format!("DELETE {alias} FROM {table} AS {alias} WHERE {condition}"),
        }
    }

    /// `SELECT … ` limited to `n` rows, where `n` is an SQL expression: `body` is what follows `SELECT`, with its `ORDER BY`.
    pub fn select_top(self, n: &str, body: &str) -> String {
        match self {
            Self::Sqlite => format!("SELECT {body} LIMIT {n}"),
            Self::Mssql => format!("SELECT TOP ({n}) {body}"),
        }
    }

    /// How two tables stand side by side when the second is computed from the first.
    pub fn apply(self) -> &'static str {
        match self {
            Self::Sqlite => "CROSS JOIN",
            Self::Mssql => "CROSS APPLY",
        }
    }

    /// How a table is joined, `ON` a condition, of which each row on the left finds its own on the right by an index. SQLite keeps to
    /// this order; SQL Server finds it.
    pub fn join_in_order(self) -> &'static str {
        match self {
            Self::Sqlite => "CROSS JOIN",
            Self::Mssql => "INNER JOIN",
        }
    }

    /// A statement over rows that are computed beforehand, each expression once: `columns` with their names, `from` what follows
    /// them. The statement gets the name of these rows, `m` to itself.
    pub fn computed_first(self, columns: &str, from: &str, statement: impl FnOnce(&str) -> String) -> String {
        match self {
            // It would put the expressions into the outer query otherwise, and compute them wherever they are named.
            Self::Sqlite => format!("WITH m AS MATERIALIZED (SELECT {columns}{from}) {}", statement("m")),
            Self::Mssql => format!(
                "SET NOCOUNT ON; SELECT {columns} INTO #Mapped{from}; SET NOCOUNT OFF; {}; DROP TABLE #Mapped",
                statement("#Mapped m")
            ),
        }
    }

    /// Gives a table another name in its schema.
    pub fn rename(self, from: &TableName, to: &TableName) -> String {
        match self {
            Self::Sqlite => format!("ALTER TABLE {} RENAME TO {}", self.table(from), self.table(to)),
            Self::Mssql => format!(
                "EXEC sp_rename {}, {}, N'OBJECT'",
                self.literal(&self.table(from)),
                self.literal(to.name())
            ),
        }
    }
}
