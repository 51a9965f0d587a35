//! Every fact of the service that no document confirms, as a knob with its default said.
//!
//! A client that is to be trusted passes against the defaults and against [`Settings::flipped`].

use serde::{Deserialize, Serialize};

/// What to do where the service's behaviour is not documented, or differs between versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strictness {
    /// The request goes through; the doubtful part is ignored or tolerated.
    Tolerate,
    /// The request is refused with the code that the service would use.
    Refuse,
}

impl Strictness {
    pub(crate) fn refuses(self) -> bool {
        self == Self::Refuse
    }

    fn other(self) -> Self {
        match self {
            Self::Tolerate => Self::Refuse,
            Self::Refuse => Self::Tolerate,
        }
    }
}

/// How much of each row is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// All of it.
    #[default]
    Rows,
    /// Ids, columns of alternate keys, both ends of N:N pairs, import sequence numbers and who made the row: a tenth of the
    /// memory. Rows that others lean on (users, teams, business units, roles, currencies, subjects, queues, units) stay whole.
    /// Reading other columns, or filtering by them, is refused, and nothing cascades.
    Keys,
}

/// The knobs. Each line says what is in doubt; the default is what [`Settings::default`] sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "a list of knobs")]
pub struct Settings {
    /// A column that exists but is not valid for create or update is ignored (default) or refused.
    pub unwritable_columns: Strictness,
    /// An N:N pair that is already there: refused as duplicate (default, 412) or silently accepted.
    pub existing_pair: Strictness,
    /// Creating a row of an intersect table through its entity set: refused (default) or taken as an association.
    pub intersect_create: Strictness,
    /// A create whose status belongs to an inactive state: refused (default) or stored.
    pub inactive_status_on_create: Strictness,
    /// An item of a bulk message without `@odata.type`: refused (default) or accepted.
    pub untyped_bulk_items: Strictness,
    /// A date and time without offset: refused, or taken as UTC (default, as documented).
    pub date_time_without_offset: Strictness,
    /// A time part in a date-only column: refused (default) or cut off.
    pub time_in_date_only_column: Strictness,
    /// A JSON text where a number is expected (`"200"`): refused, or coerced (default).
    pub numbers_as_text: Strictness,
    /// A disabled user as owner: refused, or accepted when a role lets the user read the table (default).
    pub disabled_owner: Strictness,
    /// A team that no role lets read a table, as owner of its rows: refused (default), or accepted. Users need a role in
    /// any case.
    pub team_without_role: Strictness,
    /// `importsequencenumber` in `UpdateMultiple`: refused, or stored (default; a single PATCH never stores it).
    pub sequence_number_in_update_multiple: Strictness,
    /// Attribute updates of a closed case, opportunity, quote, order, invoice or activity: refused (default) or stored.
    pub update_of_closed_row: Strictness,
    /// Winning or closing a quote that is still a draft: refused (default) or done.
    pub close_of_draft_quote: Strictness,
    /// Empty text is stored as null (default yes).
    pub empty_text_is_null: bool,
    /// Columns that the platform fills are demanded (`SystemRequired` and the overrides; default yes).
    pub required_columns_enforced: bool,
    /// Only addresses with content appear with their account, contact or lead (default no: all of them).
    pub only_non_empty_addresses: bool,
    /// The owner and the regarding row of an activity are among its parties, types 9 and 8 (default no).
    pub derived_parties: bool,
    /// Alternate keys and text filters compare without regard to case (default yes).
    pub case_insensitive_text: bool,
    /// Largest request body in bytes (default 128 MiB); more is answered with 413.
    pub max_body_bytes: usize,
    /// Seconds that a request's body may stall before it is answered with 408 (default 120).
    pub body_timeout_seconds: u64,
    /// Most rows of one bulk message; 0 is no limit (default).
    pub max_bulk_rows: usize,
    /// Most rows of one page (default 5,000).
    pub max_page_rows: usize,
    /// Highest number that `$count=true` and `/$count` tell (default 5,000).
    pub count_cap: usize,
    /// Most input rows of an aggregate (default 50,000).
    pub aggregate_cap: usize,
    /// Tables that refuse the bulk messages (default none).
    pub tables_without_bulk: Vec<String>,
    /// Relationships whose metadata tell no cascades follow the usual list: activities, notes, contacts, cases,
    /// opportunities and their products go with their parents (default yes). Otherwise lookups are cleared, and no more.
    pub usual_cascades: bool,
    /// Seconds by which reads of elastic tables lag behind without a session token (default 0).
    pub elastic_lag_seconds: u64,
    /// Rows of a bulk message on an elastic table that went well are among the error's details too (default no: only
    /// those that failed).
    pub elastic_details_of_all_rows: bool,
    /// A bulk message on an elastic table that went partly well answers 500 with `0x80040216` (default no: with the
    /// status and code of its first failed row).
    pub elastic_failure_as_500: bool,
    /// `UpsertMultiple` answers 200 and says of each row whether it was created (default no: 204 without body).
    pub upsert_multiple_tells: bool,
    /// Standard tables track changes, which their metadata at hand does not say (default yes).
    pub standard_change_tracking: bool,
    /// Days after which a delta link is expired (default 7, the organisation's `ExpireChangeTrackingInDays`).
    pub change_tracking_days: u64,
    /// Seconds after which a new alternate key becomes active (default 0: at once).
    pub key_activation_seconds: u64,
    /// Seconds after which a job of `BulkDelete` begins (default 0: it has run when its request is answered).
    pub bulk_delete_seconds: u64,
    /// Files lie in the database, as with self-managed keys, and are downloaded in one piece only (default no).
    pub files_in_database: bool,
    /// How much of each row is stored (default all of it).
    pub keep: Keep,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            unwritable_columns: Strictness::Tolerate,
            existing_pair: Strictness::Refuse,
            intersect_create: Strictness::Refuse,
            inactive_status_on_create: Strictness::Refuse,
            untyped_bulk_items: Strictness::Refuse,
            date_time_without_offset: Strictness::Tolerate,
            time_in_date_only_column: Strictness::Refuse,
            numbers_as_text: Strictness::Tolerate,
            disabled_owner: Strictness::Tolerate,
            team_without_role: Strictness::Refuse,
            sequence_number_in_update_multiple: Strictness::Tolerate,
            update_of_closed_row: Strictness::Refuse,
            close_of_draft_quote: Strictness::Refuse,
            empty_text_is_null: true,
            required_columns_enforced: true,
            only_non_empty_addresses: false,
            derived_parties: false,
            case_insensitive_text: true,
            max_body_bytes: 128 << 20,
            body_timeout_seconds: 120,
            max_bulk_rows: 0,
            max_page_rows: 5_000,
            count_cap: 5_000,
            aggregate_cap: 50_000,
            tables_without_bulk: Vec::new(),
            usual_cascades: true,
            elastic_lag_seconds: 0,
            elastic_details_of_all_rows: false,
            elastic_failure_as_500: false,
            upsert_multiple_tells: false,
            standard_change_tracking: true,
            change_tracking_days: 7,
            key_activation_seconds: 0,
            bulk_delete_seconds: 0,
            files_in_database: false,
            keep: Keep::Rows,
        }
    }
}

impl Settings {
    /// The defaults with every doubtful fact turned the other way; limits stay.
    pub fn flipped() -> Self {
        let usual = Self::default();
        Self {
            unwritable_columns: usual.unwritable_columns.other(),
            existing_pair: usual.existing_pair.other(),
            intersect_create: usual.intersect_create.other(),
            inactive_status_on_create: usual.inactive_status_on_create.other(),
            untyped_bulk_items: usual.untyped_bulk_items.other(),
            date_time_without_offset: usual.date_time_without_offset.other(),
            time_in_date_only_column: usual.time_in_date_only_column.other(),
            numbers_as_text: usual.numbers_as_text.other(),
            disabled_owner: usual.disabled_owner.other(),
            team_without_role: usual.team_without_role.other(),
            sequence_number_in_update_multiple: usual.sequence_number_in_update_multiple.other(),
            update_of_closed_row: usual.update_of_closed_row.other(),
            close_of_draft_quote: usual.close_of_draft_quote.other(),
            empty_text_is_null: !usual.empty_text_is_null,
            required_columns_enforced: usual.required_columns_enforced,
            only_non_empty_addresses: !usual.only_non_empty_addresses,
            derived_parties: !usual.derived_parties,
            case_insensitive_text: !usual.case_insensitive_text,
            standard_change_tracking: !usual.standard_change_tracking,
            usual_cascades: !usual.usual_cascades,
            elastic_lag_seconds: 5,
            elastic_details_of_all_rows: !usual.elastic_details_of_all_rows,
            elastic_failure_as_500: !usual.elastic_failure_as_500,
            upsert_multiple_tells: !usual.upsert_multiple_tells,
            bulk_delete_seconds: 1,
            ..usual
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_their_file_form() {
        let text = serde_json::to_string(&Settings::flipped()).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), Settings::flipped());
        assert!(serde_json::from_str::<Settings>(r#"{"unknown-knob":1}"#).is_err());
    }
}
