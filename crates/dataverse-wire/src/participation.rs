//! In which part somebody takes part in an activity.

/// Party list columns and the `participationtypemask` of their parties (reference §2.9).
const MASKS: [(&str, i32); 13] = [
    ("from", 1),
    ("to", 2),
    ("cc", 3),
    ("bcc", 4),
    ("requiredattendees", 5),
    ("optionalattendees", 6),
    ("organizer", 7),
    ("resources", 10),
    ("customer", 11),
    ("customers", 11),
    ("partner", 12),
    ("partners", 12),
    ("related", 13),
];

/// The `participationtypemask` of the parties in a party list column; `None` for a column that is no known party list.
///
/// ```
/// assert_eq!(dataverse_wire::participation_mask("requiredattendees"), Some(5));
/// assert_eq!(dataverse_wire::participation_mask("subject"), None);
/// ```
pub fn participation_mask(column: &str) -> Option<i32> {
    MASKS.iter().find(|(name, _)| *name == column).map(|(_, mask)| *mask)
}
