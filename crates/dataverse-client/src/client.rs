//! The client itself: what all calls share.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use http::HeaderMap;

use crate::auth::TokenCache;
use crate::send::Request;
use crate::session::Sessions;
use crate::throttle::{ServiceLimits, Throttle};
use crate::{BulkMessage, Error, Impersonation, Options};

/// So long the service's caches may be behind its definitions; documented as about half of it.
const STALE: Duration = Duration::from_mins(1);

/// A connection to one environment as one application user. Clones are cheap and share everything: connections, the
/// token, the waits that the service asks for.
///
/// Every call may be dropped half-way. A write that has been sent may then be executed all the same.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    caller: Option<Impersonation>,
}

struct Inner {
    http: reqwest::Client,
    /// Scheme, host and port.
    origin: String,
    /// Service root with a slash at its end.
    root: String,
    tokens: TokenCache,
    throttle: Throttle,
    options: Options,
    bulk_support: Mutex<HashMap<(String, BulkMessage), bool>>,
    /// Held by whoever asks for support, so that many who need the same answer ask once.
    probing: tokio::sync::Mutex<()>,
    sessions: Sessions,
    /// When a definition was last made or changed through this client.
    defined: Mutex<Option<Instant>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("root", &self.inner.root).finish_non_exhaustive()
    }
}

impl Client {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a URL without host, a version that is none, or certificates that cannot be read.
    pub fn new(options: Options) -> Result<Self, Error> {
        let origin = options.url.origin();
        if !origin.is_tuple() || !matches!(options.url.scheme(), "http" | "https") {
            return Err(configuration(format!("`{}` is no http or https address", options.url), None));
        }
        let is_version = options.api_version.strip_prefix('v').is_some_and(|version| {
            version.split('.').count() == 2 && version.split('.').all(|part| part.parse::<u8>().is_ok())
        });
        if !is_version {
            return Err(configuration(format!("`{}` is no API version", options.api_version), None));
        }
        let origin = origin.ascii_serialization();
        let own_name = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        let user_agent =
            options.user_agent.as_ref().map_or(own_name.to_owned(), |name| format!("{name} {own_name}"));
        // HTTP/1.1 opens a connection per concurrent request, so that they spread over the web servers; cookies are not
        // kept for the same reason (reference §5.2). Retries happen in `send` and nowhere below.
        let mut builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .connect_timeout(options.connect_timeout)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        for pem in &options.root_certificates {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|error| configuration("a root certificate cannot be read", Some(error.into())))?;
            builder = builder.tls_certs_merge(certificates);
        }
        let http = builder
            .build()
            .map_err(|error| configuration("the HTTP client cannot be built", Some(error.into())))?;
        let scope = options.scope.clone().unwrap_or_else(|| format!("{origin}/.default"));
        Ok(Self {
            caller: None,
            inner: Arc::new(Inner {
                http,
                origin: origin.clone(),
                root: format!("{origin}/api/data/{}/", options.api_version),
                tokens: TokenCache::new(Arc::clone(&options.credential), scope),
                throttle: Throttle::default(),
                options,
                bulk_support: Mutex::default(),
                probing: tokio::sync::Mutex::default(),
                sessions: Sessions::default(),
                defined: Mutex::default(),
            }),
        })
    }

    /// The service root, such as `https://org.crm.dynamics.com/api/data/v9.2/`.
    pub fn root(&self) -> &str {
        &self.inner.root
    }

    /// A client that reads and writes in the name of a user; the application user needs the delegate role
    /// (reference §11). Connections, token and waits are shared with this one.
    #[must_use]
    pub fn impersonating(&self, caller: Impersonation) -> Self {
        Self { inner: Arc::clone(&self.inner), caller: Some(caller) }
    }

    pub(crate) fn caller(&self) -> Option<Impersonation> {
        self.caller
    }

    /// What the service last said about its limits.
    pub fn limits(&self) -> ServiceLimits {
        self.inner.throttle.limits()
    }

    /// Remembers that a definition is being changed.
    pub(crate) fn has_defined(&self) {
        *self.inner.defined.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// A read of definitions, past the service's caches where this client has just changed some (reference §1.3).
    pub(crate) fn of_definitions(&self, request: Request) -> Request {
        let defined = *self.inner.defined.lock().unwrap_or_else(PoisonError::into_inner);
        match defined {
            Some(at) if at.elapsed() < STALE => request.header("Consistency", "Strong"),
            _ => request,
        }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    pub(crate) fn tokens(&self) -> &TokenCache {
        &self.inner.tokens
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.inner.throttle
    }

    /// The URL of a path below the root; what the service gave as a whole stays as it is.
    pub(crate) fn url_of(&self, path: &str) -> String {
        if self.is_own(path) { path.to_owned() } else { format!("{}{path}", self.inner.root) }
    }

    /// An absolute URL of this very service: tokens go nowhere else.
    pub(crate) fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.inner.origin).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The latest session token of an elastic table, by entity set. Reads through this client send it by themselves, and
    /// so see what was written through it; another process needs it to see the same.
    pub fn session_token(&self, entity_set: &str) -> Option<String> {
        self.inner.sessions.latest(entity_set)
    }

    /// Takes a session token that was told elsewhere, unless a later one is known.
    pub fn set_session_token(&self, entity_set: &str, token: &str) {
        self.inner.sessions.note(entity_set, token);
    }

    pub(crate) fn note_session(&self, entity_set: &str, headers: &HeaderMap) {
        if let Some(token) = headers.get("x-ms-session-token").and_then(|token| token.to_str().ok()) {
            self.inner.sessions.note(entity_set, token);
        }
    }

    pub(crate) fn probing(&self) -> &tokio::sync::Mutex<()> {
        &self.inner.probing
    }

    pub(crate) fn known_support(&self, table: &str, message: BulkMessage) -> Option<bool> {
        let known = self.inner.bulk_support.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(table.to_owned(), message)).copied()
    }

    pub(crate) fn note_support(&self, table: &str, message: BulkMessage, is_supported: bool) {
        let mut known = self.inner.bulk_support.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((table.to_owned(), message), is_supported);
    }
}

fn configuration(reason: impl Into<String>, source: Option<crate::Cause>) -> Error {
    Error::Configuration { reason: reason.into(), source }
}
