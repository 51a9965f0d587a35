//! A wire to the server that is cut when a given text goes through it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// When the wire is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never gets the text.
    Before,
    /// The server gets the text, and its answer arrives nowhere.
    After,
}

/// Forwards connections to a server.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    plan: Arc<Plan>,
}

struct Plan {
    /// The text in UTF-16, how often it may go through before, and the cut.
    cut: Mutex<Option<(Vec<u8>, usize, Cut)>>,
    cuts: watch::Sender<usize>,
}

impl Wire {
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(Plan { cut: Mutex::default(), cuts: watch::Sender::new(0) });
        let shared = Arc::clone(&plan);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(forward(
                    from_client,
                    to_server,
                    Some(Arc::clone(&shared)),
                    shared.cuts.subscribe(),
                ));
                tokio::spawn(forward(from_server, to_client, None, shared.cuts.subscribe()));
            }
        });
        Self { address, plan }
    }

    /// Cuts all connections when this text comes through after it did so `times`.
    pub(crate) fn cut(&self, text: &str, times: usize, cut: Cut) {
        let bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        *self.plan.cut.lock().unwrap() = Some((bytes, times, cut));
    }

    /// How often it was cut.
    pub(crate) fn cuts(&self) -> usize {
        *self.plan.cuts.borrow()
    }
}

impl Plan {
    /// What to do about bytes on their way to the server.
    fn judge(&self, bytes: &[u8]) -> Option<Cut> {
        let mut planned = self.cut.lock().unwrap();
        let (text, times, cut) = planned.as_mut()?;
        if !bytes.windows(text.len()).any(|window| window == text) {
            return None;
        }
        if *times > 0 {
            *times -= 1;
            return None;
        }
        let cut = *cut;
        *planned = None;
        Some(cut)
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    plan: Option<Arc<Plan>>,
    mut cuts: watch::Receiver<usize>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            // Both directions end here: the peers see a connection that is gone.
            _ = cuts.changed() => return,
        };
        if read == 0 {
            return;
        }
        let cut = plan.as_ref().and_then(|plan| plan.judge(&buffer[..read]));
        if cut != Some(Cut::Before) && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        if let (Some(plan), Some(_)) = (&plan, cut) {
            plan.cuts.send_modify(|cuts| *cuts += 1);
            return;
        }
    }
}
