//! Settings of a client.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::Credential;

/// Settings of a client. [`Options::new`] takes the two that have no default.
#[derive(Debug, Clone)]
pub struct Options {
    /// The environment, such as `https://org.crm4.dynamics.com`; a path is ignored.
    pub url: Url,
    /// Where tokens come from.
    pub credential: Arc<dyn Credential>,
    /// What tokens are asked for; `{url}/.default` where none.
    pub scope: Option<String>,
    /// Version of the Web API.
    pub api_version: String,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long one attempt may take, from sending to the last byte of the answer.
    pub request_timeout: Duration,
    /// When and how often to send again.
    pub retry: RetryPolicy,
    /// Additional trusted certificates in PEM form, for the emulator and for companies that inspect their traffic.
    pub root_certificates: Vec<Vec<u8>>,
    /// Text that is put before this crate's name in `User-Agent`.
    pub user_agent: Option<String>,
}

/// When and how often a request is sent again. Only what is safe is: see the crate's documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Attempts altogether, for failures that are no throttling.
    pub attempts: u32,
    /// The first wait; it doubles each time.
    pub first_wait: Duration,
    /// The longest wait between two attempts.
    pub longest_wait: Duration,
    /// How long throttling is borne before it is reported.
    pub throttle_patience: Duration,
    /// The wait after a throttled request whose answer names none.
    pub throttle_wait: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts from half a second on, and half an hour of throttling, which Microsoft's own clients bear longer
    /// than any other failure too (reference §5.3).
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            throttle_patience: Duration::from_mins(30),
            throttle_wait: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// Defaults: version `v9.2`, 15 seconds to connect, 4 minutes for a request as Microsoft's client has it
    /// (reference §4.4).
    pub fn new(url: Url, credential: Arc<dyn Credential>) -> Self {
        Self {
            url,
            credential,
            scope: None,
            api_version: "v9.2".to_owned(),
            connect_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_mins(4),
            retry: RetryPolicy::default(),
            root_certificates: Vec::new(),
            user_agent: None,
        }
    }
}
