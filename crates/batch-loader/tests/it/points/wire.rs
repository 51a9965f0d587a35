//! The network between loader and service: a door that one request at a time goes through, and that knows what became of it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use staging_store::Store;
use staging_store::contract::ScratchStaging;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::script::{Passage, Script, Trouble};

/// How much later than its loss a late request is carried out.
pub(super) const LATE: Duration = Duration::from_millis(40);
/// The service's execution ceiling: what was asked for is done after this time, or never. The quiet time is longer.
pub(super) const CEILING: Duration = Duration::from_millis(80);

/// A door before an emulator.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) address: SocketAddr,
    door: Arc<Door>,
}

#[derive(Debug)]
struct Door {
    service: SocketAddr,
    script: Mutex<Arc<Script>>,
    /// Writes that are on their way, each with the time at which it came or was given up by its sender.
    writes: watch::Sender<Vec<(u64, Instant)>>,
    ledger: Mutex<Option<Store>>,
    broken: Mutex<Vec<String>>,
    /// How many writes there were, and those of them whose sender waits for their answer.
    awaited: Mutex<(u64, BTreeSet<u64>)>,
}

struct Message {
    /// Which of the writes it is; 0 for a read.
    number: u64,
    bytes: Vec<u8>,
    head: usize,
    what: String,
}

impl Message {
    fn writes(&self) -> bool {
        self.number > 0
    }
}

impl Wire {
    pub(super) async fn before(service: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Arc::new(Door {
            service,
            script: Mutex::default(),
            writes: watch::Sender::new(Vec::new()),
            ledger: Mutex::default(),
            broken: Mutex::default(),
            awaited: Mutex::default(),
        });
        let shared = Arc::clone(&door);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&shared).serve(stream));
            }
        });
        Self { address, door }
    }

    /// From now on requests follow this script; the manifest that must name each of them is there.
    pub(super) fn follow(&self, script: &Arc<Script>, ledger: Option<Store>) {
        *self.door.script.lock().unwrap() = Arc::clone(script);
        *self.door.ledger.lock().unwrap() = ledger;
    }

    /// Waits until the service has done all that it was asked for.
    pub(super) async fn idle(&self) {
        let mut writes = self.door.writes.subscribe();
        writes.wait_for(Vec::is_empty).await.unwrap();
    }

    /// What was sent and should not have been.
    pub(super) fn broken(&self) -> Vec<String> {
        std::mem::take(&mut self.door.broken.lock().unwrap())
    }
}

impl Door {
    async fn serve(self: Arc<Self>, mut loader: TcpStream) {
        let Some(mut message) = receive(&mut loader).await else { return };
        if !message.what.starts_with("GET ") {
            message.number = self.awaits();
        }
        let script = Arc::clone(&self.script.lock().unwrap());
        let passage = script.at_network(message.writes(), &message.what);
        let trouble = match passage {
            // Nobody is there to hear of it.
            Passage::Stuck => {
                self.answered(&message);
                return until_gone(loader).await;
            }
            Passage::Free => None,
            Passage::Met(trouble) => Some(trouble),
        };
        if message.writes() {
            self.check_manifest(&message).await;
        } else {
            self.past_ceiling().await;
        }
        match trouble {
            Some(Trouble::FailBefore | Trouble::Gone | Trouble::Stop) => {
                self.answered(&message);
                reset(loader);
            }
            Some(Trouble::DieBefore) => {
                self.answered(&message);
                script.die();
                until_gone(loader).await;
            }
            Some(late @ (Trouble::FailLate | Trouble::DieLate)) => {
                self.begin(&message);
                self.answered(&message);
                if late == Trouble::DieLate {
                    script.die();
                }
                reset(loader);
                tokio::time::sleep(LATE).await;
                self.pass(&message).await;
                self.end(&message);
            }
            None | Some(Trouble::DieAfter | Trouble::FailAfter) => {
                self.begin(&message);
                let answer = self.pass(&message).await;
                self.end(&message);
                self.answered(&message);
                match trouble {
                    Some(Trouble::DieAfter) => {
                        script.die();
                        until_gone(loader).await;
                    }
                    Some(_) => reset(loader),
                    // The loader may be dead by now.
                    None => drop(loader.write_all(&answer).await),
                }
            }
        }
    }

    /// Notes a write that is on its way.
    fn begin(&self, message: &Message) {
        if message.writes() {
            self.writes.send_modify(|writes| writes.push((message.number, Instant::now())));
        }
    }

    fn end(&self, message: &Message) {
        self.writes.send_modify(|writes| writes.retain(|(number, _)| *number != message.number));
    }

    /// What the service was asked for longer ago than its ceiling is done before anything is read: a machine that stood
    /// still must not look like a service without a ceiling.
    async fn past_ceiling(&self) {
        let before = Instant::now();
        let is_old = move |since: &Instant| before.duration_since(*since) >= CEILING;
        let mut writes = self.writes.subscribe();
        writes.wait_for(|writes| !writes.iter().any(|(_, since)| is_old(since))).await.unwrap();
    }

    /// Nothing is sent before it is in the manifest: as many requests are open there as are waited for.
    async fn check_manifest(&self, message: &Message) {
        let Some(ledger) = self.ledger.lock().unwrap().clone() else { return };
        let before = self.awaited.lock().unwrap().1.clone();
        let open = ScratchStaging::statement("SELECT COUNT(*) FROM target_Request WHERE State = 'sent'");
        let open = ledger.count(&open).await.unwrap();
        // Others may have been answered, and recorded, meanwhile.
        let still = self.awaited.lock().unwrap().1.intersection(&before).count();
        if open < still as u64 {
            let what = format!("{} was sent, with {open} requests open in the manifest", message.what);
            self.broken.lock().unwrap().push(what);
        }
    }

    /// Numbers a write whose sender waits for its answer.
    fn awaits(&self) -> u64 {
        let mut awaited = self.awaited.lock().unwrap();
        awaited.0 += 1;
        let number = awaited.0;
        awaited.1.insert(number);
        number
    }

    /// Nobody waits for an answer any more.
    fn answered(&self, message: &Message) {
        self.awaited.lock().unwrap().1.remove(&message.number);
    }

    /// Has the service carry it out, and reads the whole answer.
    async fn pass(&self, message: &Message) -> Vec<u8> {
        let mut service = TcpStream::connect(self.service).await.unwrap();
        service.set_nodelay(true).unwrap();
        // One request a connection: where an answer ends needs no understanding.
        let (head, rest) = message.bytes.split_at(message.head);
        let mut bytes = head.to_vec();
        bytes.extend_from_slice(b"Connection: close\r\n");
        bytes.extend_from_slice(rest);
        service.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        service.read_to_end(&mut answer).await.unwrap();
        answer
    }
}

/// Reads one request; none from a connection that closes before it is complete.
async fn receive(stream: &mut TcpStream) -> Option<Message> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 2;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    while bytes.len() < end + 2 + length.unwrap_or(0) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let what = text.lines().next().unwrap_or_default().to_owned();
    Some(Message { number: 0, head: end, what, bytes })
}

fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

/// Holds a connection until its other end is closed.
async fn until_gone(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // However it ends.
    let _ = stream.read_to_end(&mut rest).await;
}
