//! What every engine must do, as functions over an open store: each panics when it is not so.
//!
//! Each function stages tables of its own, so that they can run one after another on one store.

mod keys;
mod life;
mod lookup;
mod outcome;
mod scratch_staging;
mod stage;
mod statement;
mod storage;
mod work;

pub use keys::{a_key_of_several_columns_is_one_key, keys_are_told_apart_as_dataverse_does};
pub use life::{
    a_change_while_the_insert_is_on_its_way_becomes_an_update, a_deleted_row_that_was_never_sent_is_done,
    a_late_lookup_is_written_once_more, a_row_in_error_waits_until_it_is_retried,
    a_row_is_processed_when_nothing_is_owed, associations_wait_for_both_ends,
    matched_rows_are_never_inserted,
};
pub use lookup::{
    deep_chains_below_a_cycle_count_from_it, keys_are_compared_byte_by_byte,
    levels_follow_parents_and_cycles_have_none, lookups_find_their_parents, owners_fall_back,
    parties_find_their_rows, row_waves_run_across_tables,
};
pub use outcome::{
    a_lost_lease_records_nothing, a_request_without_outcome_blocks_its_rows,
    outcomes_are_recorded_whole_or_not, requests_in_doubt_are_settled_once,
};
pub use scratch_staging::ScratchStaging;
pub use statement::{
    appended_rows_come_back_as_they_were, columns_that_are_not_appended_get_their_defaults,
    slices_cover_every_row_once, streams_give_every_row_once, transactions_are_whole_or_not,
};
pub use storage::{parameters_find_what_is_stored, values_keep_their_storage_forms};
pub use work::{
    a_late_planner_goes_on_to_the_pass_that_others_work_on, chunks_are_cut_over_pending_rows,
    expired_leases_come_back, nothing_claimed_is_not_nothing_left, two_planners_cut_once,
};

pub use crate::mssql::{ScratchDatabase, TEST_SERVER, ask};

use crate::Store;

/// Runs all of them.
pub async fn check(store: &Store) {
    transactions_are_whole_or_not(store).await;
    appended_rows_come_back_as_they_were(store).await;
    columns_that_are_not_appended_get_their_defaults(store).await;
    streams_give_every_row_once(store).await;
    slices_cover_every_row_once(store).await;
    values_keep_their_storage_forms(store).await;
    parameters_find_what_is_stored(store).await;
    chunks_are_cut_over_pending_rows(store).await;
    two_planners_cut_once(store).await;
    a_late_planner_goes_on_to_the_pass_that_others_work_on(store).await;
    expired_leases_come_back(store).await;
    nothing_claimed_is_not_nothing_left(store).await;
    a_lost_lease_records_nothing(store).await;
    outcomes_are_recorded_whole_or_not(store).await;
    a_request_without_outcome_blocks_its_rows(store).await;
    requests_in_doubt_are_settled_once(store).await;
    a_row_is_processed_when_nothing_is_owed(store).await;
    a_late_lookup_is_written_once_more(store).await;
    a_change_while_the_insert_is_on_its_way_becomes_an_update(store).await;
    a_row_in_error_waits_until_it_is_retried(store).await;
    a_deleted_row_that_was_never_sent_is_done(store).await;
    matched_rows_are_never_inserted(store).await;
    associations_wait_for_both_ends(store).await;
    lookups_find_their_parents(store).await;
    parties_find_their_rows(store).await;
    owners_fall_back(store).await;
    keys_are_compared_byte_by_byte(store).await;
    levels_follow_parents_and_cycles_have_none(store).await;
    deep_chains_below_a_cycle_count_from_it(store).await;
    row_waves_run_across_tables(store).await;
    keys_are_told_apart_as_dataverse_does(store).await;
    a_key_of_several_columns_is_one_key(store).await;
}
