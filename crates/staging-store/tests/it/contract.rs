//! The contract of all engines, by SQLite, by an encrypted file where that was built in, and by the server that `STAGING_TEST_MSSQL` names.

use staging_store::contract;

use crate::world::store;

/// One test for each function of the contract.
macro_rules! keeps {
    ($($name:ident),+ $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            let (_folder, store) = store().await;
            contract::$name(&store).await;
        })+

        #[cfg(feature = "sqlcipher")]
        mod encrypted {
            $(#[tokio::test]
            async fn $name() {
                let (_folder, store) = crate::world::encrypted_store().await;
                staging_store::contract::$name(&store).await;
            })+
        }

        mod sql_server {
            $(#[tokio::test]
            async fn $name() {
                let Some((database, store)) = crate::world::server_store().await else { return };
                staging_store::contract::$name(&store).await;
                store.close().await.unwrap();
                database.remove().await.unwrap();
            })+
        }
    };
}

keeps!(
    check,
    transactions_are_whole_or_not,
    appended_rows_come_back_as_they_were,
    columns_that_are_not_appended_get_their_defaults,
    streams_give_every_row_once,
    slices_cover_every_row_once,
    values_keep_their_storage_forms,
    parameters_find_what_is_stored,
    chunks_are_cut_over_pending_rows,
    two_planners_cut_once,
    a_late_planner_goes_on_to_the_pass_that_others_work_on,
    expired_leases_come_back,
    nothing_claimed_is_not_nothing_left,
    a_lost_lease_records_nothing,
    outcomes_are_recorded_whole_or_not,
    a_request_without_outcome_blocks_its_rows,
    requests_in_doubt_are_settled_once,
    a_row_is_processed_when_nothing_is_owed,
    a_late_lookup_is_written_once_more,
    a_change_while_the_insert_is_on_its_way_becomes_an_update,
    a_row_in_error_waits_until_it_is_retried,
    a_deleted_row_that_was_never_sent_is_done,
    matched_rows_are_never_inserted,
    associations_wait_for_both_ends,
    lookups_find_their_parents,
    row_waves_run_across_tables,
    parties_find_their_rows,
    owners_fall_back,
    keys_are_compared_byte_by_byte,
    levels_follow_parents_and_cycles_have_none,
    deep_chains_below_a_cycle_count_from_it,
    keys_are_told_apart_as_dataverse_does,
    a_key_of_several_columns_is_one_key,
);
