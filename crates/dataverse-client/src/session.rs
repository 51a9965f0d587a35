//! Session tokens of elastic tables: who sends the latest one back reads what it wrote (reference §10).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The latest token of each elastic table, by entity set. Other tables never get here.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, String>>);

impl Sessions {
    pub(crate) fn latest(&self, entity_set: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(entity_set).cloned()
    }

    /// Takes a token; one that is older than what is known stays out, since answers overtake each other.
    pub(crate) fn note(&self, entity_set: &str, token: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get_mut(entity_set) {
            Some(before) if is_older(token, before) => {}
            Some(before) => token.clone_into(before),
            None => {
                known.insert(entity_set.to_owned(), token.to_owned());
            }
        }
    }
}

/// `240:8#144035050#7=-1`: a range, and how far it has come. Tokens of other forms or ranges are never older.
fn is_older(token: &str, than: &str) -> bool {
    let parts = |token: &str| {
        let (range, rest) = token.split_once('#')?;
        let position: u64 = rest.split('#').next()?.parse().ok()?;
        Some((range.to_owned(), position))
    };
    match (parts(token), parts(than)) {
        (Some((range, position)), Some((known, before))) => range == known && position < before,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_overtaken_is_not_taken() {
        let sessions = Sessions::default();
        assert_eq!(sessions.latest("new_readings"), None);
        for token in ["240:8#20#7=-1", "240:8#9#7=-1"] {
            sessions.note("new_readings", token);
        }
        assert_eq!(sessions.latest("new_readings").as_deref(), Some("240:8#20#7=-1"));
        for token in ["240:8#21#7=-1", "7:1#3#7=-1", "opaque"] {
            sessions.note("new_readings", token);
            assert_eq!(sessions.latest("new_readings").as_deref(), Some(token));
        }
    }
}
