//! Starting and stopping an emulator.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::Bytes;
use dataverse_wire::metadata::TableDefinition;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::Error;
use crate::arrival::{arrive, half};
use crate::connection::{Door, Wire};
use crate::fault::FaultPlan;
use crate::service::Service;
use crate::settings::Settings;
use crate::stats::Stats;
use crate::throttle::Limits;
use crate::tls::acceptor;

/// What to emulate. Everything has a default: a fresh organisation with the standard tables on a free
/// loopback port.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one (default `127.0.0.1:0`).
    pub listen: SocketAddr,
    /// Tables beside the standard ones; one of the same name replaces the standard table.
    pub metadata: Vec<TableDefinition>,
    /// Whether the 170 standard tables are there (default yes). Users, teams, business units and
    /// currencies are among them: without them, bring your own.
    pub standard_tables: bool,
    /// Makes ids repeatable: organisation, users, and the order of those made for rows (default 1).
    pub seed: u64,
    /// Application users; the bearer token `user-2` is the second (default 4).
    pub users: u32,
    /// Serves HTTPS, certified by `ca.pem` in this folder, which is made there when it is missing (default: HTTP).
    pub tls: Option<PathBuf>,
    /// Keeps every row there, so that an emulator with the same seed and tables goes on from what was acknowledged,
    /// even if this one is killed (default: rows live in memory alone).
    pub data: Option<PathBuf>,
    /// The undocumented facts.
    pub settings: Settings,
    /// Service protection.
    pub limits: Limits,
    /// Faults on purpose (default none).
    pub faults: FaultPlan,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            metadata: Vec::new(),
            standard_tables: true,
            seed: 1,
            users: 4,
            tls: None,
            data: None,
            settings: Settings::default(),
            limits: Limits::default(),
            faults: FaultPlan::default(),
        }
    }
}

/// A running emulator. Dropping it stops it; [`Emulator::shutdown`] also waits.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    service: Arc<Service>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Emulator {
    /// Listens and serves from now on, on the runtime of the caller.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let address = options.listen;
        let refused = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let tls = options.tls.as_deref().map(|folder| acceptor(folder, address.ip())).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let service = Arc::new(Service::new(scheme, address, options)?);
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&service))
            .into_make_service_with_connect_info::<Wire>();
        let door = Door::new(listener, tls, Arc::clone(service.killed()));
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            axum::serve(door, app)
                .with_graceful_shutdown(async move {
                    // An error means that the emulator was dropped: stop as well.
                    let _ = stopped.await;
                })
                .await
        });
        Ok(Self { address, service, stop: Some(stop), server })
    }

    /// The root of the environment, without a path: `http://127.0.0.1:PORT`, or `https` with certificates.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id that `WhoAmI` tells; follows from the seed.
    pub fn organization_id(&self) -> Uuid {
        self.service.organization_id()
    }

    /// What has been asked so far, and how many rows there are.
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// Takes another plan of faults; its counts start anew.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.service.set_faults(plan);
    }

    /// Takes other limits; their windows start anew.
    pub fn set_limits(&self, limits: Limits) {
        self.service.set_limits(limits);
    }

    /// Back to a fresh organisation: rows and run-time tables gone, counters at zero.
    pub fn reset(&self) {
        self.service.reset();
    }

    /// Keeps all rows in a file, so that an emulator with the same seed and tables can go on from there. The file is
    /// replaced as a whole, or not at all.
    pub fn save(&self, path: &std::path::Path) -> Result<(), Error> {
        let failed =
            |error: std::io::Error| Error::Snapshot { path: path.to_owned(), reason: error.to_string() };
        let bytes = {
            let organisation = self.service.organisation().read();
            organisation.unwrap_or_else(std::sync::PoisonError::into_inner).to_snapshot()
        };
        let beside = path.with_extension("new");
        std::fs::write(&beside, bytes).map_err(failed)?;
        std::fs::rename(&beside, path).map_err(failed)
    }

    /// Replaces all rows by those that [`Emulator::save`] kept; on failure nothing is changed.
    pub fn restore(&self, path: &std::path::Path) -> Result<(), Error> {
        let failed = |reason: String| Error::Snapshot { path: path.to_owned(), reason };
        let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let mut organisation =
            self.service.organisation().write().unwrap_or_else(std::sync::PoisonError::into_inner);
        organisation.take_snapshot(&bytes).map_err(|reason| failed(reason.to_owned()))?;
        organisation.rewrite_journal().map_err(|error| failed(error.to_string()))
    }

    /// Ends when a fault of the plan kills the emulator ([`crate::FaultKind::Kill`]): from then on it answers nothing.
    pub async fn killed(&self) {
        self.service.until_killed().await;
    }

    /// Stops accepting, lets running requests end, and waits for that.
    pub async fn shutdown(mut self) -> Result<(), Error> {
        if let Some(stop) = self.stop.take() {
            // The receiver is gone only when the server has ended already.
            let _ = stop.send(());
        }
        // Idle keep-alive connections close by themselves; a client that keeps one busy is cut off.
        let wait = std::time::Duration::from_secs(5);
        if let Ok(Ok(ended)) = tokio::time::timeout(wait, &mut self.server).await {
            return ended.map_err(Error::Serve);
        }
        self.server.abort();
        Ok(())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.service.close_data();
    }
}

/// Reads a request wholly, then runs it to its end in a task of its own: the service does not notice
/// that a client has gone, and neither may we.
async fn answer(
    State(service): State<Arc<Service>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = match arrive(&service, &head, body, &wire).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let run = {
        let wire = wire.clone();
        tokio::spawn(async move { service.run(head, body, &wire).await })
    };
    match run.await {
        Ok(answer) if wire.takes_half() => half(answer, wire),
        Ok(answer) => answer.map(Body::from),
        Err(error) => {
            tracing::error!(%error, "a request ended in a panic");
            plain(
                http::StatusCode::INTERNAL_SERVER_ERROR,
                "the emulator failed; this is a bug of the emulator",
            )
        }
    }
}

pub(crate) fn plain(status: http::StatusCode, text: &'static str) -> Response {
    let mut answer = Response::new(Body::from(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}
