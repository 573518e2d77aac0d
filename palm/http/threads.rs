use std::future::Future;

use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

use crate::error::BoxError;

/// Threads of an HTTP part: they move bytes, and run no code of the user's.
const THREADS: usize = 2;

/// The threads that an HTTP part works on. Dropping them cuts what they do, and does not wait.
#[derive(Debug)]
pub(super) struct Threads(Option<Runtime>, Handle);

impl Threads {
    pub(super) fn new() -> Result<Self, BoxError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("palm http")
            .enable_io()
            .enable_time()
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Self(Some(runtime), handle))
    }

    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.1.enter()
    }

    /// Runs `task`, whose events are those of `span`.
    pub(super) fn spawn(&self, span: tracing::Span, task: impl Future<Output = ()> + Send + 'static) {
        self.1.spawn(Within { span, task: Box::pin(task) });
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A runtime that is dropped waits, and panics within another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A task within a span.
struct Within<F> {
    span: tracing::Span,
    task: std::pin::Pin<Box<F>>,
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<F::Output> {
        let Self { span, task } = &mut *self;
        let _entered = span.enter();
        task.as_mut().poll(cx)
    }
}
