//! How a command ends, in the words of its exit code.

use std::process::ExitCode;

/// The five ways in which a command of this toolkit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// Done, every row accounted for, nothing owed.
    Done,
    /// Done, but some rows are in error or owed; the report says where.
    Partly,
    /// Usage, project file or input is wrong, or the staging database belongs to another environment; nothing was changed.
    Input,
    /// The target or the staging database could not be reached, or refused us; resumable.
    Unreachable,
    /// Stopped on request or by a safety limit; resumable.
    Stopped,
}

impl ExitStatus {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Partly => 1,
            Self::Input => 2,
            Self::Unreachable => 3,
            Self::Stopped => 4,
        }
    }
}

impl ExitStatus {
    /// One word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partly => "partly",
            Self::Input => "input",
            Self::Unreachable => "unreachable",
            Self::Stopped => "stopped",
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
