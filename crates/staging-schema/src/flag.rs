//! The flags of a staged row, the passes of a load, and which change of a flag is legal.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// An enum whose members are words in the database.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$member_doc])* #[serde(rename = $word)] $member),+ }

        impl $name {
            /// All members.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// The word in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$member => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(word: &str) -> Result<Self, Error> {
                match word {
                    $($word => Ok(Self::$member),)+
                    _ => Err(Error::UnknownWord { kind: stringify!($name), word: word.to_owned() }),
                }
            }
        }
    };
}

words! {
    /// What is to happen with a row in Dataverse.
    ActionFlag {
        /// Create it.
        Insert = "I",
        /// Change the row that is there.
        Update = "U",
        /// Delete it.
        Delete = "D",
    }
}

words! {
    /// How far a row has come.
    ProcessingFlag {
        /// Nothing has been accepted yet, at this generation.
        Unprocessed = "U",
        /// Dataverse accepted it.
        Accepted = "S",
        /// GUID copied back, every pass that it needs done, nothing owed.
        Processed = "P",
        /// An error that nobody has dealt with yet.
        Error = "E",
    }
}

words! {
    /// One kind of write to a table; outcomes name it.
    Pass {
        /// Checked against the metadata before anything is sent; its errors are findings.
        Validate = "validate",
        /// Rows are created.
        Insert = "insert",
        /// Lookups that were empty at insert are written.
        Lookups = "lookups",
        /// N:N rows are associated.
        Associate = "associate",
        /// States and statuses are set, after everything else.
        State = "state",
        /// Changed rows are written again.
        Update = "update",
        /// Rows are deleted.
        Delete = "delete",
    }
}

words! {
    /// What a success did; a rollback removes only what was created.
    SuccessKind {
        /// The row was created by this request.
        Created = "created",
        /// The row was found to be there and taken over.
        Adopted = "adopted",
        /// The row was changed.
        Changed = "changed",
    }
}

words! {
    /// State of a chunk of work.
    ChunkState {
        /// Nobody works on it.
        Free = "free",
        /// Somebody does, until the lease ends.
        Leased = "leased",
        /// Finished.
        Done = "done",
    }
}

words! {
    /// State of a request in the manifest.
    RequestState {
        /// Written down, perhaps sent; without outcome. Its rows are *in doubt* and pending in no pass.
        Sent = "sent",
        /// Its outcome is durable.
        Answered = "answered",
        /// Settled later, by looking for its rows in Dataverse.
        Resolved = "resolved",
        /// Known not to have been executed; its rows are pending again.
        Void = "void",
    }
}

impl Pass {
    /// Whether a table comes to this pass after the other one: rows are inserted, then updated, then get their lookups, then are
    /// associated, deleted, and at last get their states.
    pub fn comes_after(self, other: Self) -> bool {
        let turn = |pass| match pass {
            Self::Validate => 0,
            Self::Insert => 1,
            Self::Update => 2,
            Self::Lookups => 3,
            Self::Associate => 4,
            Self::Delete => 5,
            Self::State => 6,
        };
        turn(self) > turn(other)
    }
}

/// Which rows of a self-referencing table a chunk plan is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Levels {
    /// All rows, whatever their level.
    All,
    /// Rows of one level; 0 has no parent.
    At(u32),
    /// Rows on a row-level cycle, whose level is NULL. They wait for nobody: load them before level 0, so that the
    /// rows that hang below them find their parents.
    Cycle,
}

/// A legal change of a row's [`ProcessingFlag`]; statements guard it with its origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transition {
    /// Dataverse accepted the row.
    Accept,
    /// Everything that the row needs is done.
    Complete,
    /// An outcome or a finding is an error.
    Fail,
    /// Somebody asked to try again.
    Retry,
    /// The staged content changed: a new generation.
    Change,
}

impl Transition {
    /// All transitions.
    pub const ALL: [Self; 5] = [Self::Accept, Self::Complete, Self::Fail, Self::Retry, Self::Change];

    /// The flags from which it may start.
    pub const fn from(self) -> &'static [ProcessingFlag] {
        use ProcessingFlag::{Accepted, Error, Processed, Unprocessed};
        match self {
            Self::Accept => &[Unprocessed],
            Self::Complete => &[Accepted],
            Self::Fail => &[Unprocessed, Accepted, Processed],
            Self::Retry => &[Error],
            Self::Change => &[Unprocessed, Accepted, Processed, Error],
        }
    }

    /// The flag that it leads to.
    pub const fn to(self) -> ProcessingFlag {
        match self {
            Self::Accept => ProcessingFlag::Accepted,
            Self::Complete => ProcessingFlag::Processed,
            Self::Fail => ProcessingFlag::Error,
            Self::Retry | Self::Change => ProcessingFlag::Unprocessed,
        }
    }
}

impl ProcessingFlag {
    /// Applies a transition, if it is legal from here.
    pub fn after(self, transition: Transition) -> Option<Self> {
        transition.from().contains(&self).then_some(transition.to())
    }
}

impl Pass {
    /// Whether its success may report lookups that stay owed.
    pub const fn carries_lookups(self) -> bool {
        matches!(self, Self::Insert | Self::Update | Self::Lookups)
    }

    /// Whether repeating it on the same row is harmless: everything but creating.
    pub const fn is_repeatable(self) -> bool {
        !matches!(self, Self::Insert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_its_member() {
        for pass in Pass::ALL {
            assert_eq!(pass.as_str().parse::<Pass>().unwrap(), *pass);
        }
        assert!("upsert".parse::<Pass>().is_err());
    }

    #[test]
    fn a_row_is_processed_only_after_it_was_accepted_and_leaves_an_error_only_by_retry_or_change() {
        use ProcessingFlag::{Accepted, Error, Processed, Unprocessed};
        assert_eq!(Unprocessed.after(Transition::Complete), None);
        assert_eq!(Accepted.after(Transition::Complete), Some(Processed));
        let exits: Vec<_> = Transition::ALL.into_iter().filter(|t| Error.after(*t).is_some()).collect();
        assert_eq!(exits, [Transition::Retry, Transition::Change]);
    }
}
