//! A transaction as a list of steps: the same for an engine on a thread and for one behind a socket.

use staging_schema::{Statement, TableName};

use crate::batch::RowBatch;
use crate::row::Row;

/// How many rows a step must change for the transaction to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Any number.
    Any,
    /// Exactly this number; otherwise everything is rolled back.
    Exactly(u64),
}

/// One step of a transaction.
#[derive(Debug)]
pub enum Step {
    /// Executes a statement.
    Execute(Statement, Expect),
    /// Reads rows, also those that a statement answers for what it changed.
    Query(Statement),
    /// Appends rows.
    Append {
        /// The table.
        table: TableName,
        /// The columns, in the order of the batch's cells.
        columns: Vec<String>,
        /// The rows.
        rows: RowBatch,
    },
}

impl Step {
    /// A statement that may change any number of rows.
    pub fn execute(statement: Statement) -> Self {
        Self::Execute(statement, Expect::Any)
    }
}

/// What a step did.
#[derive(Debug)]
pub enum StepOutcome {
    /// Rows changed or appended.
    Changed(u64),
    /// Rows read.
    Rows(Vec<Row>),
}

impl StepOutcome {
    /// Rows that the step changed; 0 for a query.
    pub fn changed(&self) -> u64 {
        match self {
            Self::Changed(rows) => *rows,
            Self::Rows(_) => 0,
        }
    }

    /// Rows that the step read; none for a change.
    pub fn into_rows(self) -> Vec<Row> {
        match self {
            Self::Changed(_) => Vec::new(),
            Self::Rows(rows) => rows,
        }
    }
}
