//! What somebody probably meant.

/// `` ; did you mean "x"? `` for the nearest known name, empty where none is near.
pub(crate) fn did_you_mean<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    nearest(name, known).map_or(String::new(), |near| format!("; did you mean {near:?}?"))
}

/// A known name that differs by letter case, blanks or underscores, or else by slips of the fingers.
fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let bare = |text: &str| text.to_lowercase().replace(['_', ' ', '-'], "");
    let wanted = bare(name);
    known
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&wanted, &bare(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_fingers_are_forgiven_and_other_words_are_not() {
        let known = ["birthdate", "First Name", "lastname", "Id"];
        assert_eq!(did_you_mean("birthdat", known), "; did you mean \"birthdate\"?");
        assert_eq!(did_you_mean("firstName", known), "; did you mean \"First Name\"?");
        assert_eq!(did_you_mean("latsname", known), "; did you mean \"lastname\"?");
        assert_eq!(did_you_mean("telephone1", known), "");
    }
}
