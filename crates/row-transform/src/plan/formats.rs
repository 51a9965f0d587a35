//! Which date formats the T-SQL form of our reader knows.

/// Longest list of formats that SQL Server takes, in UTF-16 units.
const LONGEST_FORMAT: usize = 500;

/// Whether `dv_date` of SQL Server reads this `strftime` format: all directives but those of weeks and centuries, of named
/// zones, and those with flags or widths.
pub(crate) fn is_read_by_sql_server(format: &str) -> bool {
    if crate::values::utf16_length(format) > LONGEST_FORMAT || format.contains(['\u{1e}', '\u{1f}']) {
        return false;
    }
    let mut rest = format;
    while let Some((_, directive)) = rest.split_once('%') {
        let without_point = directive.strip_prefix('.').unwrap_or(directive);
        let has_point = without_point.len() < directive.len();
        let bare = without_point.trim_start_matches(|c: char| c.is_ascii_digit());
        let has_digits = bare.len() < without_point.len();
        let mut letters = bare.chars();
        let is_known = match letters.next() {
            Some('f') => true,
            Some('N') => !has_point,
            _ if has_point || has_digits => false,
            Some(':') => letters.next() == Some('z'),
            Some(letter) => "YymdeHkIlMSjbhBaApPzsTDFRnt%".contains(letter),
            None => false,
        };
        if !is_known {
            return false;
        }
        rest = letters.as_str();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_formats_are_read_and_weeks_are_not() {
        for format in [
            "%m/%d/%Y",
            "%d.%m.%Y %H:%M:%S%.f",
            "%Y-%m-%dT%H:%M:%S%.3f%:z",
            "%s",
            "%a, %d %b %y %I:%M %p %z",
            "100%% %D %R",
            "%F %T %6f",
        ] {
            assert!(is_read_by_sql_server(format), "{format}");
        }
        for format in ["%G-W%V-%u", "%_d.%m.%Y", "%Y%m%d %Q", "%Y-%U-%w", "%F %T %::z", "%5Y-%m-%d"] {
            assert!(!is_read_by_sql_server(format), "{format}");
        }
    }
}
