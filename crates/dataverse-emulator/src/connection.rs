//! Connections that can be cut: how an answer gets lost on purpose.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A handle to one connection: cutting it loses whatever has not been sent.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    cut: Arc<AtomicBool>,
    /// Numbers connections from zero; spreads them over the simulated web servers.
    pub(crate) number: u64,
}

impl Wire {
    /// From now on nothing is read or written; the peer sees a reset.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }
}

/// Accepts connections and gives each a [`Wire`].
#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    accepted: AtomicU64,
}

impl Door {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener, accepted: AtomicU64::new(0) }
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
                    let wire = Wire { cut: Arc::new(AtomicBool::new(false)), number };
                    return (Connection { stream, wire }, address);
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

/// A TCP stream that fails once its [`Wire`] is cut.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    wire: Wire,
}

impl Connection {
    fn check(&self) -> io::Result<()> {
        if !self.wire.cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        if let Err(error) = self.stream.set_zero_linger() {
            tracing::debug!(%error, "the connection closes without a reset");
        }
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected<IncomingStream<'_, Door>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().wire.clone()
    }
}
