//! Connections that can be cut: how an answer gets lost on purpose.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::spelling::spelled;

/// A handle to one connection: cutting it loses whatever has not been sent.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    cut: Arc<AtomicBool>,
    /// The next answer stops half-way.
    half: Arc<AtomicBool>,
    /// Shared by all connections of an emulator that has been killed on purpose.
    killed: Arc<AtomicBool>,
    /// Numbers connections from zero; spreads them over the simulated web servers.
    pub(crate) number: u64,
}

impl Wire {
    /// From now on nothing is read or written; the peer sees a reset.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// The answer to come is cut in the middle of its body.
    pub(crate) fn cut_half(&self) {
        self.half.store(true, Ordering::SeqCst);
    }

    /// Whether the answer is to be cut in the middle; asked once.
    pub(crate) fn takes_half(&self) -> bool {
        self.half.swap(false, Ordering::SeqCst)
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst) || self.killed.load(Ordering::SeqCst)
    }
}

/// Accepts connections and gives each a [`Wire`].
pub(crate) struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    accepted: AtomicU64,
    killed: Arc<AtomicBool>,
}

impl Door {
    /// Once `killed` is set, every connection is cut.
    pub(crate) fn new(listener: TcpListener, tls: Option<TlsAcceptor>, killed: Arc<AtomicBool>) -> Self {
        Self { listener, tls, accepted: AtomicU64::new(0), killed }
    }
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY refused");
                    }
                    let number = self.accepted.fetch_add(1, Ordering::Relaxed);
                    let wire = Wire {
                        cut: Arc::new(AtomicBool::new(false)),
                        half: Arc::new(AtomicBool::new(false)),
                        killed: Arc::clone(&self.killed),
                        number,
                    };
                    let stream = match &self.tls {
                        Some(tls) => Stream::Greeting(Box::new(tls.accept(stream))),
                        None => Stream::Plain(stream),
                    };
                    return (Connection { stream, wire, expects_head: false }, address);
                }
                Err(error) => {
                    // Out of file descriptors, mostly: others must close first.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// What carries a connection.
enum Stream {
    Plain(TcpStream),
    /// The handshake happens with the first read, in the connection's own task: a slow one holds up nobody else.
    Greeting(Box<tokio_rustls::Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
    Failed,
}

/// A stream that fails once its [`Wire`] is cut.
pub(crate) struct Connection {
    stream: Stream,
    wire: Wire,
    /// A request came since the last answer began: the next write begins with a head.
    expects_head: bool,
}

impl Connection {
    fn check(&self) -> io::Result<()> {
        if !self.wire.is_cut() {
            return Ok(());
        }
        let socket = match &self.stream {
            Stream::Plain(stream) => Some(stream),
            Stream::Tls(stream) => Some(stream.get_ref().0),
            Stream::Greeting(accept) => accept.get_ref(),
            Stream::Failed => None,
        };
        if let Some(Err(error)) = socket.map(TcpStream::set_zero_linger) {
            tracing::debug!(%error, "the connection closes without a reset");
        }
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    }

    /// Where bytes go, once hands have been shaken.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Carrier<'_>>> {
        self.check()?;
        if let Stream::Greeting(accept) = &mut self.stream {
            match ready!(Pin::new(accept).poll(cx)) {
                Ok(stream) => self.stream = Stream::Tls(Box::new(stream)),
                Err(error) => {
                    self.stream = Stream::Failed;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(match &mut self.stream {
            Stream::Plain(stream) => Ok(Carrier::Plain(Pin::new(stream))),
            Stream::Tls(stream) => Ok(Carrier::Tls(Pin::new(&mut **stream))),
            Stream::Greeting(_) | Stream::Failed => Err(io::Error::from(io::ErrorKind::NotConnected)),
        })
    }
}

enum Carrier<'a> {
    Plain(Pin<&'a mut TcpStream>),
    Tls(Pin<&'a mut TlsStream<TcpStream>>),
}

impl Carrier<'_> {
    fn poll_write_vectored(self, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_write_vectored(cx, bufs),
            Self::Tls(stream) => stream.poll_write_vectored(cx, bufs),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = match ready!(self.poll_stream(cx))? {
            Carrier::Plain(stream) => stream.poll_read(cx, buf),
            Carrier::Tls(stream) => stream.poll_read(cx, buf),
        };
        self.expects_head |= buf.filled().len() > before;
        outcome
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_stream(cx))? {
            Carrier::Plain(stream) => stream.poll_flush(cx),
            Carrier::Tls(stream) => stream.poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
            Stream::Greeting(_) | Stream::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let expects_head = self.expects_head;
        let carrier = ready!(self.poll_stream(cx))?;
        let spelled = if expects_head { spelled(bufs) } else { None };
        let is_head = spelled.is_some();
        let outcome = match &spelled {
            Some(parts) => {
                let parts: Vec<io::IoSlice<'_>> = parts.iter().map(|part| io::IoSlice::new(part)).collect();
                carrier.poll_write_vectored(cx, &parts)
            }
            None => carrier.poll_write_vectored(cx, bufs),
        };
        if is_head && matches!(outcome, Poll::Ready(Ok(_))) {
            self.expects_head = false;
        }
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self.stream, Stream::Plain(_))
    }
}

impl Connected<IncomingStream<'_, Door>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().wire.clone()
    }
}
