//! A wire to the server of the staging database, which is cut once so many bytes have gone to the server.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Forwards connections to a server.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    plan: Arc<Plan>,
}

#[derive(Default)]
struct Plan {
    /// Bytes of one connection after which it is cut; 0: none is.
    after: AtomicU64,
    /// Whether the server is away from then on.
    stays_away: AtomicBool,
    cuts: AtomicU64,
}

impl Wire {
    pub(crate) fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(Plan::default());
        let shared = Arc::clone(&plan);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.stays_away.load(Ordering::SeqCst) && shared.cuts.load(Ordering::SeqCst) > 0 {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let (from_client, to_client) = (client.try_clone().unwrap(), client);
                let (from_server, to_server) = (server.try_clone().unwrap(), server);
                let plan = Arc::clone(&shared);
                std::thread::spawn(move || forward(from_client, to_server, Some(&plan)));
                std::thread::spawn(move || forward(from_server, to_client, None));
            }
        });
        Self { address, plan }
    }

    /// Cuts a connection over which more than so many bytes go to the server: none but a bulk insert sends as many.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.plan.after.store(bytes, Ordering::SeqCst);
    }

    /// After the first cut nobody reaches the server.
    pub(crate) fn then_stay_away(&self) {
        self.plan.stays_away.store(true, Ordering::SeqCst);
    }

    pub(crate) fn cuts(&self) -> u64 {
        self.plan.cuts.load(Ordering::SeqCst)
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, plan: Option<&Plan>) {
    let mut buffer = [0; 16 * 1024];
    let mut sent = 0;
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        sent += read as u64;
        let cut = plan.is_some_and(|plan| {
            let after = plan.after.load(Ordering::SeqCst);
            let cut = after > 0 && sent > after;
            if cut {
                // Once.
                plan.after.store(0, Ordering::SeqCst);
                plan.cuts.fetch_add(1, Ordering::SeqCst);
            }
            cut
        });
        if read == 0 || cut || to.write_all(&buffer[..read]).is_err() {
            // Both peers see a connection that is gone.
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            return;
        }
    }
}
