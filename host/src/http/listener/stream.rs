//! A TCP stream whose writes time out. Without that, a caller that does not read its answer would
//! hold the connection for ever. And what hyper answers by itself leaves as an envelope.

use std::{
    future::Future,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use super::refusal;

pub(super) struct Stream {
    inner: TcpStream,
    /// Longest time that a write may wait for the caller to read.
    patience: Duration,
    /// The deadline of a write that waits.
    waiting: Option<Pin<Box<Sleep>>>,
    /// What is still to be written instead of an answer of hyper's own.
    instead: Option<Bytes>,
}

impl Stream {
    pub(super) fn new(inner: TcpStream, patience: Duration) -> Self {
        Self { inner, patience, waiting: None, instead: None }
    }

    /// Passes on the result of a write, or a timeout if it has waited for longer than `patience`.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.waiting = None;
            return wrote;
        }
        let deadline = Instant::now() + self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        match waiting.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes bytes, or what stands for them; either way the count is that of `bytes`.
    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_none() {
            self.instead = refusal::instead_of(bytes).map(Bytes::from);
        }
        let Some(instead) = &mut self.instead else { return Pin::new(&mut self.inner).poll_write(cx, bytes) };
        while instead.has_remaining() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, instead))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            instead.advance(written);
        }
        self.instead = None;
        Poll::Ready(Ok(bytes.len()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = self.write(cx, bytes);
        self.bounded(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // An answer of hyper's own is one slice.
        let wrote = match slices {
            [only] => self.write(cx, only),
            several => Pin::new(&mut self.inner).poll_write_vectored(cx, several),
        };
        self.bounded(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
