//! Numbers that the service enforces or recommends (reference §3, §4 and §5).

use std::time::Duration;

/// Most individual requests in one `$batch`; those inside change sets count (reference §3.1).
pub const BATCH_OPERATIONS: usize = 1000;

/// Longest URL of a `GET` inside a `$batch`, in characters (reference §3.1).
pub const BATCH_URL_CHARS: usize = 65_536;

/// Longest URL of an ordinary `GET`, in characters (reference §13; from practice).
pub const URL_CHARS: usize = 32_768;

/// Rows per bulk message that the documentation recommends to start with on standard tables (reference §4.2).
pub const BULK_ROWS: std::ops::RangeInclusive<usize> = 100..=1000;

/// Rows per bulk message recommended on elastic tables (reference §4.2).
pub const ELASTIC_BULK_ROWS: usize = 100;

/// Largest page of a query (reference §13.1).
pub const PAGE_ROWS: u32 = 5000;

/// The number at which `$count=true` stops counting (reference §13.2).
pub const COUNT_CAP: u64 = 5000;

/// Most input rows of an aggregation (reference §13.3).
pub const AGGREGATE_ROWS: u64 = 50_000;

/// Sliding window of the service protection limits (reference §5.1).
pub const WINDOW: Duration = Duration::from_mins(5);

/// Requests per user and web server in one [`WINDOW`] (reference §5.1).
pub const WINDOW_REQUESTS: u32 = 6000;

/// Combined execution time per user and web server in one [`WINDOW`] (reference §5.1).
pub const WINDOW_EXECUTION: Duration = Duration::from_mins(20);

/// Requests at the same time per user and web server; "52 or higher" (reference §5.1).
pub const CONCURRENT_REQUESTS: u32 = 52;

/// Request context size with plug-ins registered, in bytes: 116.85 MB (reference §4.4).
pub const PLUG_IN_CONTEXT_BYTES: usize = 122_526_105;

/// The platform's hard limit for one synchronous plug-in (reference §4.4).
pub const PLUG_IN_TIME: Duration = Duration::from_mins(2);

/// Earliest date-time the platform stores (reference §8).
pub const EARLIEST_DATE_TIME: &str = "1753-01-01T00:00:00Z";

/// Longest single-line text column, in UTF-16 units (reference §8).
pub const STRING_LENGTH: u32 = 4000;

/// Longest multi-line text column, in UTF-16 units (reference §8).
pub const MEMO_LENGTH: u32 = 1_048_576;

/// Most alternate keys of a table (reference §7.5).
pub const ALTERNATE_KEYS: usize = 10;

/// Most columns of an alternate key (reference §7.5).
pub const ALTERNATE_KEY_COLUMNS: usize = 16;
