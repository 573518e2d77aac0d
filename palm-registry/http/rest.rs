//! What is left of a body when its request is answered.
//!
//! A caller that still sends when the connection is closed may never see the answer: the system takes it back.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// How much is taken, and for how long.
const AMOUNT: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(2);

/// A body that one reads, and another one after that.
pub(super) struct Shared(Arc<Mutex<Incoming>>);

pub(super) fn shared(body: Incoming) -> (Shared, Shared) {
    let body = Arc::new(Mutex::new(body));
    (Shared(body.clone()), Shared(body))
}

impl Body for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

/// Takes what is still on its way.
pub(super) async fn drain(mut body: Shared) {
    let take = async {
        let mut taken = 0;
        while let Some(Ok(frame)) = body.frame().await {
            taken += frame.data_ref().map_or(0, Bytes::len);
            if taken > AMOUNT {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, take).await;
}
