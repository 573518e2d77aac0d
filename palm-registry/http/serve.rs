//! The listener, its connections, and the one table of routes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use axum::middleware::{from_fn, from_fn_with_state};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use super::app::Shared;
use super::guard::guard;
use super::rest::{drain, shared};
use super::tag::tag;
use super::{Refusal, api, legacy, pages};

/// Connections at once; further ones wait to be accepted.
const CONNECTIONS: usize = 1_024;
/// How long a connection has for the head of a request, idle or not.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Longest head: request lines of 64 kB, for old clients send cluster files in them.
const HEAD: usize = 128 << 10;
/// How long open requests have when the service ends.
const GRACE: Duration = Duration::from_secs(5);
/// How long a connection lasts: nobody keeps one for ever by reading an answer slowly.
const AGE: Duration = Duration::from_secs(3600);
/// How long its last answer has after that.
const LAST: Duration = Duration::from_secs(60);
/// Between two tries to accept, when this process has no descriptor left.
const BACKOFF: Duration = Duration::from_millis(100);

/// Every route there is.
pub(crate) fn router(app: Shared) -> Router {
    Router::new()
        .merge(legacy::routes())
        .merge(api::routes())
        .merge(pages::routes())
        .fallback(|| async { Refusal::not_found("there is nothing at this address") })
        .method_not_allowed_fallback(|| async { Refusal::method() })
        .layer(from_fn(tag))
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

/// A listener that answers until it is stopped.
#[derive(Debug)]
pub(crate) struct Server {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) fn start(listener: TcpListener, router: Router) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(accept(listener, router, stopped)) }
    }

    /// Accepts no more, and lets open requests end for a few seconds.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

async fn accept(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = JoinSet::new();
    let until = stopped.clone();
    loop {
        let Ok(seat) = seats.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut stopped) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, until) = (router.clone(), until.clone());
                tasks.spawn(async move {
                    talk(stream, peer, router, until).await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(BACKOFF).await;
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, async { while tasks.join_next().await.is_some() {} }).await;
}

/// The service is asked to end, or is gone.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn talk(stream: TcpStream, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<bool>) {
    // Answers are written whole.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let (mut parts, body) = request.into_parts();
            let (body, rest) = shared(body);
            parts.extensions.insert(ConnectInfo(peer));
            let expects = parts.headers.contains_key(header::EXPECT);
            let Ok(response) = router.oneshot(Request::from_parts(parts, Body::new(body))).await;
            if !expects {
                drain(rest).await;
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .half_close(true)
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = told(&mut stopped) => None,
        () = tokio::time::sleep(AGE) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(LAST, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended");
    }
}
