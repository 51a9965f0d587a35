//! Every point of every pass, one at a time.

use staging_store::contract::TEST_SERVER;

use super::scene::{Make, Scene};
use super::script::{Point, Side};
use super::{changes, inserts, row_waves, settling, whole};

/// Every how-manieth point is met; all of them with `CRASH_STEP=1`. A prime above the number of troubles, so that all kinds
/// of them are met; a larger one where a server stages, on which a point takes many seconds.
fn step() -> usize {
    let otherwise = if std::env::var_os(TEST_SERVER).is_some() { 199 } else { 17 };
    std::env::var("CRASH_STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(otherwise)
}

/// Plays an act undisturbed, then with trouble at each of its points.
#[expect(clippy::print_stdout, reason = "how many points there are is what a test tells")]
fn every_point(make: Make) {
    let started = std::time::Instant::now();
    let scene = Scene::new(make);
    let name = scene.act.name;
    let calm = scene.play(&[]);
    assert_eq!(calm.problems, Vec::<String>::new(), "{name}, undisturbed");
    let (store, network) = calm.seen;
    let mut points = Vec::new();
    for (side, seen) in [(Side::Store, &store), (Side::Network, &network)] {
        for (number, writes) in seen.iter().enumerate() {
            for trouble in side.troubles(*writes) {
                points.push(Point { side, number: number + 1, trouble: *trouble });
            }
        }
    }
    let (mut met, mut followed) = (0, 0);
    let mut failed = Vec::new();
    let prepared = started.elapsed();
    for point in points.iter().step_by(step()) {
        let played = scene.play(&[vec![*point]]);
        met += usize::from(!played.met.is_empty());
        followed += usize::from(played.processes > 1);
        if !played.problems.is_empty() {
            failed.push(format!("{:?}: {}", played.met, played.problems.join("; ")));
        }
    }
    println!(
        "{name}: {} operations of the store ({} write), {} requests ({} write); {} of {} points met, {followed} of them needed another process; \
         {:.1} s, prepared in {:.1}",
        store.len(),
        store.iter().filter(|writes| **writes).count(),
        network.len(),
        network.iter().filter(|writes| **writes).count(),
        met,
        points.len(),
        started.elapsed().as_secs_f64(),
        prepared.as_secs_f64()
    );
    assert!(failed.is_empty(), "{name}: {} points fail\n{}", failed.len(), failed.join("\n"));
}

macro_rules! acts {
    ($($test:ident: $make:path;)*) => {
        /// All of them.
        pub(super) const ACTS: &[Make] = &[$(|shop| Box::pin($make(shop))),*];
        $(
            #[test]
            fn $test() {
                every_point(|shop| Box::pin($make(shop)));
            }
        )*
    };
}

acts! {
    rows_are_created_once_whatever_point_the_trouble_is_at: inserts::insert;
    rows_with_an_alternate_key_are_created_once: inserts::alternate_key;
    rows_with_guids_made_by_us_are_created_once: inserts::sequential;
    rows_with_guids_of_the_source_are_created_once: inserts::source;
    rows_of_row_waves_are_created_once: row_waves::row_waves;
    rows_of_an_elastic_table_are_created_once: inserts::elastic;
    owed_lookups_are_written: settling::lookups;
    pairs_are_associated_once: settling::associate;
    states_are_set_and_nothing_is_closed_twice: settling::states;
    quotes_and_orders_are_closed_once: settling::closings;
    changed_rows_are_updated: changes::update;
    rows_and_pairs_are_deleted: changes::delete;
    errors_are_retried_and_counted_once: changes::retry;
    rows_are_taken_back: changes::take_back;
    rows_that_were_there_are_found: changes::matching;
    a_restored_backup_takes_over_what_is_there: changes::restored;
    a_whole_load_ends_as_if_nothing_had_happened: whole::whole;
}
