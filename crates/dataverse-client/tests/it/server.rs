//! A server of few words: it reads requests, notes them, and reacts as a test tells it to.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dataverse_client::{Client, Credential, Options, RetryPolicy, StaticToken};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// What the server does about a request.
#[derive(Debug, Clone)]
pub(crate) enum Reaction {
    /// Answers.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// Closes the connection without a word.
    Drop,
    /// Says nothing for as long as the client waits.
    Hold,
    /// Promises more bytes than it sends, then closes.
    CutOff { status: u16, body: Vec<u8> },
}

pub(crate) fn answer(status: u16, body: &str) -> Reaction {
    Reaction::Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

pub(crate) fn fault(status: u16, code: &str, message: &str) -> Reaction {
    answer(status, &format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#))
}

pub(crate) fn throttled(retry_after: &str) -> Reaction {
    let body =
        br#"{"error":{"code":"0x80072322","message":"Number of requests exceeded the limit of 6000"}}"#;
    Reaction::Answer {
        status: 429,
        headers: vec![("Retry-After", retry_after.to_owned())],
        body: body.to_vec(),
    }
}

pub(crate) fn created() -> Reaction {
    let id = "https://org/api/data/v9.2/accounts(11111111-1111-1111-1111-111111111111)".to_owned();
    Reaction::Answer { status: 204, headers: vec![("OData-EntityId", id)], body: Vec::new() }
}

/// A running server. It stops when dropped.
pub(crate) struct Server {
    url: String,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Reacts to each request by what `react` says; it is given the request and how many came before.
    pub(crate) async fn start(react: impl Fn(&Arrived, usize) -> Reaction + Send + Sync + 'static) -> Self {
        Self::start_with(None, react).await
    }

    /// The same over TLS, with the certificate that clients must trust.
    pub(crate) async fn start_tls(
        react: impl Fn(&Arrived, usize) -> Reaction + Send + Sync + 'static,
    ) -> (Self, Vec<u8>) {
        let (acceptor, certificate) = crate::tls::acceptor();
        (Self::start_with(Some(acceptor), react).await, certificate)
    }

    async fn start_with(
        acceptor: Option<TlsAcceptor>,
        react: impl Fn(&Arrived, usize) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let react = Arc::new(react);
        let noted = Arc::clone(&arrived);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, react, acceptor) = (Arc::clone(&noted), Arc::clone(&react), acceptor.clone());
                connections.spawn(async move {
                    stream.set_nodelay(true)?;
                    // A connection that breaks is the client's business.
                    match acceptor {
                        None => serve(stream, &noted, react.as_ref()).await,
                        Some(acceptor) => serve(acceptor.accept(stream).await?, &noted, react.as_ref()).await,
                    }
                });
            }
        });
        Self { url, arrived, task }
    }

    /// Reacts in the order given; the last reaction repeats.
    pub(crate) async fn scripted(reactions: Vec<Reaction>) -> Self {
        Self::start(move |_, before| reactions[before.min(reactions.len() - 1)].clone()).await
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn options(&self, credential: Arc<dyn Credential>) -> Options {
        Options {
            request_timeout: Duration::from_secs(20),
            retry: RetryPolicy {
                first_wait: Duration::from_millis(1),
                longest_wait: Duration::from_millis(5),
                throttle_wait: Duration::from_millis(20),
                ..RetryPolicy::default()
            },
            ..Options::new(self.url.parse().unwrap(), credential)
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.options(Arc::new(StaticToken::new("token")))).unwrap()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    noted: &Mutex<Vec<Arrived>>,
    react: &(dyn Fn(&Arrived, usize) -> Reaction + Send + Sync),
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some(request) = read_request(&mut stream, &mut buffer).await? else { return Ok(()) };
        let before = {
            let mut all = noted.lock().unwrap();
            all.push(request.clone());
            all.len() - 1
        };
        match react(&request, before) {
            Reaction::Answer { status, headers, body } => {
                write_answer(&mut stream, status, &headers, &body, body.len()).await?;
            }
            Reaction::Drop => return Ok(()),
            Reaction::Hold => std::future::pending::<()>().await,
            Reaction::CutOff { status, body } => {
                write_answer(&mut stream, status, &[], &body, body.len() + 100).await?;
                return Ok(());
            }
        }
    }
}

async fn write_answer<S: AsyncWrite + Unpin>(
    stream: &mut S,
    status: u16,
    headers: &[(&'static str, String)],
    body: &[u8],
    promised: usize,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {promised}\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.flush().await
}

async fn read_request<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<Arrived>> {
    let head_end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut request = Arrived {
        at: Instant::now(),
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        headers,
        body: Vec::new(),
    };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while buffer.len() < head_end + length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    request.body = buffer[head_end..head_end + length].to_vec();
    buffer.drain(..head_end + length);
    Ok(Some(request))
}
