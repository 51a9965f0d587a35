//! Options of choice, state and status columns.

/// One option of a choice, multi-choice, state or status column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChoiceOption {
    /// The number that is stored.
    pub value: i32,
    /// The label in the user's language; empty where the metadata has none.
    pub label: String,
    /// Of a status option: the state it belongs to, where known.
    pub state: Option<i32>,
    /// Of a state option: the status that a row gets when only the state is set.
    pub default_status: Option<i32>,
    /// Of a status option: the allowed next statuses, as the service's XML (reference §9).
    pub transitions: Option<String>,
}

impl ChoiceOption {
    /// An option with a label.
    pub fn new(value: i32, label: impl Into<String>) -> Self {
        Self { value, label: label.into(), ..Self::default() }
    }
}
