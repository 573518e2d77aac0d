//! Listens, and holds no more connections than it is told.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::door::Handler;
use super::threads::Threads;
use crate::error::BoxError;

/// How long a request's head may take, and how long a connection may be idle between two requests.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer may take to be read.
const READ_PATIENCE: Duration = Duration::from_secs(60);
/// Largest head of a request.
const HEAD_LIMIT: usize = 16 << 10;
/// Bytes of a connection that are read ahead.
const BUFFER: usize = 64 << 10;
/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 1_024;
/// How long the last answers may take to leave when the component ends.
const GRACE: Duration = Duration::from_millis(900);
/// How long to wait where the system has no room for a connection, at first and at most.
const BACKOFF: Duration = Duration::from_millis(10);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

#[cfg(feature = "tls")]
pub(super) type Tls = Option<tokio_rustls::TlsAcceptor>;
#[cfg(not(feature = "tls"))]
pub(super) type Tls = Option<std::convert::Infallible>;

/// A listener at work, on threads of its own. Dropping it cuts its connections.
pub(super) struct Server {
    stop: watch::Sender<bool>,
    done: std::sync::mpsc::Receiver<()>,
    /// Dropped last: what runs on them is cut.
    _threads: Threads,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// A socket that listens, and the threads to serve it on.
pub(super) struct Bound {
    listener: TcpListener,
    threads: Threads,
    pub(super) port: u16,
}

impl Bound {
    /// Binds the first of these addresses that can be bound.
    pub(super) fn bind(addresses: &[SocketAddr]) -> Result<Self, BoxError> {
        let threads = Threads::new()?;
        let (listener, port) = listen(&threads, addresses)?;
        Ok(Self { listener, threads, port })
    }

    /// Serves it.
    pub(super) fn serve(self, tls: Tls, max_connections: usize, handler: impl Handler) -> Server {
        let (stop, stopped) = watch::channel(false);
        let (ended, done) = std::sync::mpsc::channel();
        let house = House { tls, handler, stopped };
        let span = tracing::Span::current();
        self.threads.spawn(span, async move {
            house.accept(self.listener, max_connections.max(1)).await;
            // Whoever waited may have stopped.
            let _ = ended.send(());
        });
        Server { stop, done, _threads: self.threads }
    }
}

fn listen(threads: &Threads, addresses: &[SocketAddr]) -> Result<(TcpListener, u16), BoxError> {
    let _entered = threads.enter();
    let mut refused: BoxError = "the host has no address".into();
    for address in addresses {
        let bind = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_reuseaddr(true)?;
            socket.bind(*address)?;
            let listener = socket.listen(BACKLOG)?;
            let port = listener.local_addr()?.port();
            std::io::Result::Ok((listener, port))
        };
        match bind() {
            Ok(bound) => return Ok(bound),
            Err(error) => refused = error.into(),
        }
    }
    Err(refused)
}

impl Server {
    /// Accepts nothing more, and waits until the answers under way have left, for a second at most.
    pub(super) fn stop(&self) {
        let _ = self.stop.send(true);
        let _ = self.done.recv_timeout(GRACE + Duration::from_millis(50));
    }
}

/// What the connections have in common.
#[derive(Clone)]
struct House<H> {
    tls: Tls,
    handler: H,
    stopped: watch::Receiver<bool>,
}

/// One connection, as others see it.
struct Seat {
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// When the last request ended, or the connection began.
    idle_since: Mutex<Instant>,
    cut: Notify,
}

impl Seat {
    fn new() -> Arc<Self> {
        Arc::new(Self { busy: AtomicUsize::new(0), idle_since: Mutex::new(Instant::now()), cut: Notify::new() })
    }

    /// Since when it has nothing to do, if it has not.
    fn idle_since(&self) -> Option<Instant> {
        let since = *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner);
        (self.busy.load(Ordering::Acquire) == 0).then_some(since)
    }

    fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }
}

/// A request of a connection; the connection is not cut while it lives.
struct Busy(Arc<Seat>);

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<H: Handler> House<H> {
    async fn accept(self, listener: TcpListener, max_connections: usize) {
        let (mut tasks, mut seats, mut last) = (JoinSet::new(), HashMap::<u64, Arc<Seat>>::new(), 0_u64);
        let mut backoff = BACKOFF;
        let mut stopped = self.stopped.clone();
        while !*stopped.borrow_and_update() {
            let full = seats.len() >= max_connections;
            if full {
                make_room(&seats);
            }
            let accepted = tokio::select! {
                biased;
                _ = stopped.changed() => break,
                Some(ended) = tasks.join_next() => {
                    if let Ok(seat) = ended {
                        seats.remove(&seat);
                    }
                    continue;
                }
                accepted = listener.accept(), if !full => accepted,
                // One that was busy may have become idle.
                () = sleep(BACKOFF), if full => continue,
            };
            match accepted {
                Ok((stream, _)) => {
                    backoff = BACKOFF;
                    last += 1;
                    let (number, seat, house) = (last, Seat::new(), self.clone());
                    seats.insert(number, seat.clone());
                    tasks.spawn(async move {
                        house.host(stream, &seat).await;
                        number
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection cannot be accepted");
                    make_room(&seats);
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                }
            }
        }
        drop(listener);
        let all = async { while tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, all).await;
    }

    async fn host(self, stream: TcpStream, seat: &Arc<Seat>) {
        // Answers are small, and written whole.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.talk(stream, seat).await,
            #[cfg(feature = "tls")]
            Some(tls) => {
                let shaken = tokio::select! {
                    shaken = tokio::time::timeout(HEAD_PATIENCE, tls.accept(stream)) => shaken,
                    () = seat.cut.notified() => return,
                };
                if let Ok(Ok(stream)) = shaken {
                    self.talk(stream, seat).await;
                }
            }
            #[cfg(not(feature = "tls"))]
            Some(never) => match *never {},
        }
    }

    async fn talk(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seat: &Arc<Seat>) {
        let answer = |request: Request<Incoming>| {
            let (busy, handler) = (seat.begin(), self.handler.clone());
            async move {
                let response = handler.handle(request).await;
                drop(busy);
                Ok::<_, std::convert::Infallible>(response)
            }
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_header_size(HEAD_LIMIT)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service_fn(answer));
        let mut connection = std::pin::pin!(connection);
        let mut stopped = self.stopped.clone();
        let mut stopping = *stopped.borrow_and_update();
        if stopping {
            connection.as_mut().graceful_shutdown();
        }
        loop {
            let unread = seat.idle_since().unwrap_or_else(Instant::now) + READ_PATIENCE;
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended");
                    }
                    return;
                }
                () = seat.cut.notified() => return,
                () = sleep_until(unread) => {
                    if seat.idle_since().is_some_and(|since| since + READ_PATIENCE <= Instant::now()) {
                        return;
                    }
                }
                changed = stopped.changed(), if !stopping => {
                    stopping = true;
                    if changed.is_ok() {
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}

/// Cuts the connection that has been idle longest, if one is idle.
fn make_room(seats: &HashMap<u64, Arc<Seat>>) {
    let idle = seats.values().filter_map(|seat| Some((seat.idle_since()?, seat)));
    if let Some((_, seat)) = idle.min_by_key(|(since, _)| *since) {
        seat.cut.notify_one();
    }
}
