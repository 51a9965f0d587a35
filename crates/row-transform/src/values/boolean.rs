//! Words for true and false.

use super::text::trim_text;

/// The words that mean true and those that mean false, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Texts that mean true.
    pub yes: Vec<String>,
    /// Texts that mean false; an empty text stands for an empty cell.
    pub no: Vec<String>,
}

impl Words {
    /// The words of a rule where it gives some, otherwise the usual ones and the labels of the metadata.
    ///
    /// A rule that gives only one of the two lists keeps the usual words for the other.
    pub fn new(yes: Option<&[String]>, no: Option<&[String]>, labels: Option<(&str, &str)>) -> Self {
        let usual = |words: &[&str], label: Option<&str>| -> Vec<String> {
            words.iter().copied().chain(label).map(str::to_lowercase).collect()
        };
        let given = |words: &[String]| words.iter().map(|word| word.to_lowercase()).collect();
        let mut words = Self {
            yes: yes
                .map_or_else(|| usual(&["true", "yes", "y", "t", "1"], labels.map(|(yes, _)| yes)), given),
            no: no.map_or_else(|| usual(&["false", "no", "n", "f", "0"], labels.map(|(_, no)| no)), given),
        };
        // A label such as "No" for true (it happens in renamed options) must not make a word mean both.
        let clear = words.yes.clone();
        words.no.retain(|word| !clear.contains(word));
        words
    }

    /// Whether an empty cell means something.
    pub fn empty_means(&self) -> Option<bool> {
        if self.yes.iter().any(String::is_empty) {
            Some(true)
        } else {
            self.no.iter().any(String::is_empty).then_some(false)
        }
    }
}

/// What a text means, or `None` when it is neither.
pub fn read_boolean(text: &str, words: &Words) -> Option<bool> {
    let lower = trim_text(text).to_lowercase();
    if words.yes.contains(&lower) { Some(true) } else { words.no.contains(&lower).then_some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_empty_is_how_salesforce_says_yes_and_no() {
        let words = Words::new(Some(&["1".to_owned()]), Some(&[String::new(), "0".to_owned()]), None);
        assert_eq!(read_boolean("1", &words), Some(true));
        assert_eq!(read_boolean("", &words), Some(false));
        assert_eq!(read_boolean("yes", &words), None);
        assert_eq!(words.empty_means(), Some(false));
    }

    #[test]
    fn the_labels_of_the_metadata_are_words_too() {
        let words = Words::new(None, None, Some(("Do Not Allow", "Allow")));
        assert_eq!(read_boolean("do not allow", &words), Some(true));
        assert_eq!(read_boolean(" Allow ", &words), Some(false));
        assert_eq!(words.empty_means(), None);
    }
}
