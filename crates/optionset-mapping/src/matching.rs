//! Which option a text means.

use dataverse_wire::metadata::ChoiceOption;

/// How a text was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// It is the label.
    Exact,
    /// It is the label but for case, spaces and punctuation.
    Similar,
    /// It is the option's number.
    Number,
}

impl Likeness {
    /// The word in `Origin` of the mapping table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Similar => "similar",
            Self::Number => "number",
        }
    }
}

/// Finds the option that a text means; none when there is no such option, or more than one.
///
/// ```
/// use dataverse_wire::metadata::ChoiceOption;
/// use optionset_mapping::{Likeness, match_option};
///
/// let options = [ChoiceOption::new(1, "In Progress"), ChoiceOption::new(2, "On Hold")];
/// assert_eq!(match_option("in_progress", &options), Some((&options[0], Likeness::Similar)));
/// assert_eq!(match_option("open", &options), None);
/// ```
pub fn match_option<'o>(text: &str, options: &'o [ChoiceOption]) -> Option<(&'o ChoiceOption, Likeness)> {
    let labelled = |option: &&ChoiceOption| !option.label.is_empty();
    if let Some(option) = only(options.iter().filter(labelled).filter(|option| option.label == text)) {
        return Some((option, Likeness::Exact));
    }
    let wanted = bare(text);
    if !wanted.is_empty() {
        let similar = options.iter().filter(labelled).filter(|option| bare(&option.label) == wanted);
        if let Some(option) = only(similar) {
            return Some((option, Likeness::Similar));
        }
    }
    let number: i32 = text.trim().parse().ok()?;
    only(options.iter().filter(|option| option.value == number)).map(|option| (option, Likeness::Number))
}

fn only<'o>(mut options: impl Iterator<Item = &'o ChoiceOption>) -> Option<&'o ChoiceOption> {
    let first = options.next()?;
    options.next().is_none().then_some(first)
}

/// Letters and digits alone, in lower case.
fn bare(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options() -> Vec<ChoiceOption> {
        vec![
            ChoiceOption::new(1, "In Progress"),
            ChoiceOption::new(2, "On Hold"),
            ChoiceOption::new(3, "on-hold"),
            ChoiceOption::new(4, "Doctor's Offices and Clinics"),
            ChoiceOption::new(5, ""),
        ]
    }

    #[track_caller]
    fn check(text: &str, expected: Option<(i32, Likeness)>) {
        let options = options();
        assert_eq!(
            match_option(text, &options).map(|(option, how)| (option.value, how)),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn a_label_is_found_as_it_is_then_without_case_and_punctuation_then_by_number() {
        check("In Progress", Some((1, Likeness::Exact)));
        check(" in_progress", Some((1, Likeness::Similar)));
        check("doctors offices & clinics", None);
        check("DOCTORS OFFICES AND CLINICS", Some((4, Likeness::Similar)));
        check("4", Some((4, Likeness::Number)));
        check("Closed", None);
        check("", None);
        check("--", None);
    }

    #[test]
    fn two_options_that_a_text_could_mean_are_left_to_people() {
        check("On Hold", Some((2, Likeness::Exact)));
        check("on-hold", Some((3, Likeness::Exact)));
        check("ON HOLD", None);
    }

    proptest! {
        #[test]
        fn every_label_finds_its_own_option(labels in proptest::collection::hash_set("[A-Za-z][A-Za-z ]{0,12}", 1..8)) {
            let options: Vec<ChoiceOption> =
                labels.iter().zip(1..).map(|(label, value)| ChoiceOption::new(value, label.as_str())).collect();
            for option in &options {
                let found = match_option(&option.label, &options);
                prop_assert_eq!(found, Some((option, Likeness::Exact)));
            }
        }
    }
}
