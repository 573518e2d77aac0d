use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::{Request, Response};
use tower_service::Service;

use super::door::{Door, Kind};
use super::limits::{Limits, limits};
use super::listen::{Listening, site};
use super::service::HttpService;
use super::status::Body;
use crate::component::component;
use crate::error::Result;
use crate::part::{Address, Methods};
use crate::runtime::Handle;
use crate::service::WorkerService;
use crate::topology::{Route, ServerTemplate};

/// Serves the methods of an impl block over HTTP: what an [`HttpConnection`](super::HttpConnection) calls, of this library or
/// of pylm.
///
/// A request is a POST, to any path, whose body is a PALM message. Its answer is 200 with the same message and the method's
/// result as its payload. A method that fails gets 500, other errors the status of their [code](super::status); their bodies
/// are empty, unless the caller says by the header `palm-errors` that it reads the message with the error. Other methods than
/// POST get 405.
///
/// The methods run on threads of the component, as those of any worker: as many as [`threads`](Self::threads) says.
///
/// ```
/// use palm::http::HttpWorker;
///
/// struct MyHandler;
///
/// #[palm::worker]
/// impl MyHandler {
///     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
///         [message, b" processed online"].concat()
///     }
/// }
///
/// let worker = HttpWorker::new("web_worker", MyHandler).address("127.0.0.1:0").start()?;
/// assert!(worker.address("http_address")?.starts_with("http://127.0.0.1:"));
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a component does nothing until it is started"]
pub struct HttpWorker {
    template: ServerTemplate,
    site: Listening,
    limits: Limits,
}

impl HttpWorker {
    /// A worker of that name over an impl block with `#[palm::worker]`.
    pub fn new(name: impl Into<String>, service: impl WorkerService) -> Self {
        Self {
            template: ServerTemplate::new(name).boxed_service(Some(Box::new(service))),
            site: Listening::default(),
            limits: Limits::default(),
        }
    }

    /// Where it listens: `http://host:port`, or `host:port`. Default: a port of the system's choice on loopback.
    pub fn address(mut self, address: impl Into<Address>) -> Self {
        self.site.address = address.into();
        self
    }

    /// How many calls of methods that take `&self` may run at a time. Default: 1.
    pub fn threads(mut self, threads: usize) -> Self {
        self.template = self.template.threads(threads);
        self
    }

    fn assemble(self) -> ServerTemplate {
        with_methods(self.template, HttpService::worker(self.site, self.limits))
    }

    /// The worker as a service to mount in a server of one's own; it binds nothing.
    ///
    /// # Errors
    /// A thread cannot be started.
    ///
    /// ```
    /// # struct MyHandler;
    /// # #[palm::worker]
    /// # impl MyHandler {
    /// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
    /// #         message.to_vec()
    /// #     }
    /// # }
    /// use palm::http::HttpWorker;
    ///
    /// let worker = HttpWorker::new("web_worker", MyHandler).service()?;
    /// let app: axum::Router = axum::Router::new()
    ///     .route("/", axum::routing::get(|| async { "hello" }))
    ///     .route_service("/worker", worker);
    /// # drop(app);
    /// # Ok::<(), palm::Error>(())
    /// ```
    pub fn service(self) -> Result<HttpWorkerService> {
        let (part, door) = HttpService::mounted(self.limits);
        let handle = with_methods(self.template, part).start()?;
        Ok(HttpWorkerService(Arc::new(Mounted { door, handle })))
    }
}

component!(HttpWorker);
limits!(HttpWorker);
site!(HttpWorker);

fn with_methods(template: ServerTemplate, http: HttpService) -> ServerTemplate {
    template.register_inbound("Http", http, Route::to("Methods").blocking()).register_outbound(
        "Methods",
        Methods::default(),
        Route::exterior(),
    )
}

/// An [`HttpWorker`] as a service of tower's kind: axum's `route_service` takes it, as anything does that takes a `Service`.
///
/// Its clones are one worker. When the last one is dropped, the worker is shut down as a dropped [`Handle`] shuts one down.
#[derive(Clone)]
pub struct HttpWorkerService(Arc<Mounted>);

struct Mounted {
    door: Door,
    handle: Handle,
}

impl HttpWorkerService {
    /// The worker itself: its counters, and the way to end it before the last clone is dropped.
    pub fn handle(&self) -> &Handle {
        &self.0.handle
    }
}

impl fmt::Debug for HttpWorkerService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpWorkerService").field("name", &self.0.handle.name()).finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for HttpWorkerService
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mounted = self.0.clone();
        Box::pin(async move { Ok(mounted.door.palm(Kind::Worker, request).await) })
    }
}
