//! The one place where SQLite and T-SQL differ. Statements say what they want; these methods say how an engine writes it.
//!
//! A file a subject: quoting and parameters, texts, values of columns, time, JSON, statements that change rows, locks, and
//! what an engine can do. Outside of here an engine is told by its methods and never by its name (`.ci/layering` looks).
//!
//! What knows the engines by name outside of here, and why: [`ddl`](crate::ddl), [`backup`](crate::backup) and the types of
//! columns in this crate, where whole definitions and commands exist on one engine or have nothing in common;
//! `staging-store`, which is the engines; and the two places that choose one, by a project's settings
//! (`migration::staging`) and by a flag (`dv-stage sql`).

mod change;
mod engine;
mod json;
mod lock;
mod quote;
mod text;
mod time;
mod value;

pub use change::UpdateByList;

/// The SQL that a staging engine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite 3.45 or newer, double-quoted strings off.
    Sqlite,
    /// T-SQL of SQL Server 2016 or newer (compatibility level 130, for `OPENJSON`).
    Mssql,
}

impl Dialect {
    /// Both dialects, in a fixed order.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Mssql];
}

/// Something in the form that it has in each dialect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PerDialect<T> {
    sqlite: T,
    mssql: T,
}

impl<T> PerDialect<T> {
    /// Makes both forms by one closure.
    pub fn new(form: impl Fn(Dialect) -> T) -> Self {
        Self { sqlite: form(Dialect::Sqlite), mssql: form(Dialect::Mssql) }
    }

    /// The form that it has in a dialect.
    pub fn of(&self, dialect: Dialect) -> &T {
        match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Mssql => &self.mssql,
        }
    }
}
