//! How a write is done: what the service may skip, in whose name, and how patient the client is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

/// Options of one write. The default sends nothing special: all logic runs, in the name of the application user.
///
/// ```
/// use dataverse_client::{Bypass, WriteOptions};
/// let options = WriteOptions { bypass: Bypass::SyncAndAsync, suppress_flows: true, ..WriteOptions::default() };
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Custom logic that is not to run; needs a privilege that only system administrators have (reference §6).
    pub bypass: Bypass,
    /// Single steps that are not to run; at most three by default.
    pub bypass_steps: Vec<Uuid>,
    /// Power Automate flows are not to start.
    pub suppress_flows: bool,
    /// Duplicate detection rules are to be applied; the Web API leaves them out unless asked (reference §14).
    pub detect_duplicates: bool,
    /// In whose name, if not in that of the client.
    pub impersonate: Option<Impersonation>,
    /// Shown to plug-ins as shared variable `tag`.
    pub tag: Option<String>,
    /// How long one attempt may take; the client's own where none.
    pub timeout: Option<Duration>,
    /// Whether refusals and failures that are safe to repeat are repeated here.
    pub retries: Retries,
    /// Asked right before each attempt, and again as its body is written.
    pub permit: Option<SendPermit>,
}

/// Which custom logic the service leaves out (reference §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bypass {
    /// None.
    #[default]
    Nothing,
    /// Synchronous plug-ins and real-time workflows.
    Sync,
    /// Asynchronous plug-ins and workflows, not flows.
    Async,
    /// Both.
    SyncAndAsync,
}

/// The user in whose name a write is done; the caller needs the delegate role (reference §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impersonation {
    /// By object id in Entra.
    EntraObject(Uuid),
    /// By `systemuserid`.
    SystemUser(Uuid),
}

impl Impersonation {
    pub(crate) fn header(self) -> (&'static str, String) {
        match self {
            Self::EntraObject(id) => ("CallerObjectId", id.to_string()),
            Self::SystemUser(id) => ("MSCRMCallerID", id.to_string()),
        }
    }
}

/// Who repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retries {
    /// The client, by its policy, whatever is safe to repeat.
    #[default]
    ByClient,
    /// The caller: throttling, transient refusals and lost connections come back at once. The wait that the service
    /// asked for is still shared with all other calls of this client.
    ByCaller,
}

/// A question that is asked right before each attempt of a write, and again whenever the connection takes a piece of its
/// body; `false` keeps it from being sent.
///
/// Whoever holds a lease on rows must not send them after it has ended, and an attempt can wait for minutes: for its
/// turn, for a connection, for a process that was stopped. A request whose permit ends while its body is being written
/// is cut off: the service never sees it complete, so it is not executed.
#[derive(Clone)]
pub struct SendPermit(Arc<dyn Fn() -> bool + Send + Sync>);

impl SendPermit {
    /// Wraps the question. It is asked on the async threads: it must not block.
    pub fn new(question: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(question))
    }

    pub(crate) fn is_granted(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for SendPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendPermit")
    }
}

impl WriteOptions {
    /// The headers that say so.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        let bypass = match self.bypass {
            Bypass::Nothing => None,
            Bypass::Sync => Some("CustomSync"),
            Bypass::Async => Some("CustomAsync"),
            Bypass::SyncAndAsync => Some("CustomSync,CustomAsync"),
        };
        if let Some(logic) = bypass {
            headers.push(("MSCRM.BypassBusinessLogicExecution", logic.to_owned()));
        }
        if !self.bypass_steps.is_empty() {
            let steps: Vec<String> = self.bypass_steps.iter().map(Uuid::to_string).collect();
            headers.push(("MSCRM.BypassBusinessLogicExecutionStepIds", steps.join(",")));
        }
        if self.suppress_flows {
            headers.push(("MSCRM.SuppressCallbackRegistrationExpanderJob", "true".to_owned()));
        }
        if self.detect_duplicates {
            headers.push(("MSCRM.SuppressDuplicateDetection", "false".to_owned()));
        }
        headers.extend(self.impersonate.map(Impersonation::header));
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_the_documented_headers() {
        assert!(WriteOptions::default().headers().is_empty());
        let options = WriteOptions {
            bypass: Bypass::SyncAndAsync,
            bypass_steps: vec![Uuid::nil(), Uuid::max()],
            suppress_flows: true,
            detect_duplicates: true,
            impersonate: Some(Impersonation::SystemUser(Uuid::nil())),
            ..WriteOptions::default()
        };
        let nil = Uuid::nil().to_string();
        assert_eq!(
            options.headers(),
            [
                ("MSCRM.BypassBusinessLogicExecution", "CustomSync,CustomAsync".to_owned()),
                ("MSCRM.BypassBusinessLogicExecutionStepIds", format!("{nil},{}", Uuid::max())),
                ("MSCRM.SuppressCallbackRegistrationExpanderJob", "true".to_owned()),
                ("MSCRM.SuppressDuplicateDetection", "false".to_owned()),
                ("MSCRMCallerID", nil),
            ]
        );
    }
}
