//! Few ranges that cover many numbers: the filter of a probe.

use std::ops::RangeInclusive;

/// Covers sorted, distinct numbers by at most `most` ranges, leaving out the widest gaps between them.
///
/// A request's rows have neighbouring numbers most of the time; levels and retries scatter them.
pub(crate) fn cover(sorted: &[i64], most: usize) -> Vec<RangeInclusive<i64>> {
    let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let mut gaps: Vec<(i64, usize)> = sorted
        .windows(2)
        .enumerate()
        .map(|(index, pair)| (pair[1] - pair[0], index))
        .filter(|(width, _)| *width > 1)
        .collect();
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    gaps.truncate(most.saturating_sub(1));
    let mut cuts: Vec<usize> = gaps.into_iter().map(|(_, index)| index).collect();
    cuts.sort_unstable();
    let mut ranges = Vec::with_capacity(cuts.len() + 1);
    let mut start = first;
    for cut in cuts {
        ranges.push(start..=sorted[cut]);
        start = sorted[cut + 1];
    }
    ranges.push(start..=last);
    ranges
}

/// `(column ge a and column le b or …)`, in the URL's filter language.
pub(crate) fn filter(column: &str, ranges: &[RangeInclusive<i64>]) -> String {
    let terms: Vec<String> = ranges
        .iter()
        .map(|range| {
            if range.start() == range.end() {
                format!("{column} eq {}", range.start())
            } else {
                format!("({column} ge {} and {column} le {})", range.start(), range.end())
            }
        })
        .collect();
    format!("({})", terms.join(" or "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_widest_gaps_are_left_out() {
        let ranges = cover(&[1, 2, 3, 50, 51, 900], 2);
        assert_eq!(ranges, [1..=51, 900..=900]);
        assert_eq!(filter("n", &ranges), "((n ge 1 and n le 51) or n eq 900)");
        assert!(cover(&[], 3).is_empty());
    }

    proptest! {
        #[test]
        fn every_number_is_covered_by_at_most_so_many_ranges(numbers in proptest::collection::btree_set(0_i64..1000, 1..80), most in 1_usize..12) {
            let sorted: Vec<i64> = numbers.into_iter().collect();
            let ranges = cover(&sorted, most);
            prop_assert!(ranges.len() <= most);
            for number in sorted {
                prop_assert_eq!(ranges.iter().filter(|range| range.contains(&number)).count(), 1);
            }
        }
    }
}
