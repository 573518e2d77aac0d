//! What stands on each end of a stream.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status, Streaming};

use crate::client::Client;
use crate::master;
use crate::peer::BoxError;
use crate::proto::Payload;
use crate::proto::payloads_server::Payloads;
use crate::roles::{PROBE, Roles};
use crate::transport::{bound, connected, runtime, serve};

pub(crate) struct Streams;

/// Gives back the very stream that comes in.
struct Echo;

#[tonic::async_trait]
impl Payloads for Echo {
    type ExchangeStream = Streaming<Payload>;

    async fn exchange(&self, asked: Request<Streaming<Payload>>) -> Result<Response<Streaming<Payload>>, Status> {
        Ok(Response::new(asked.into_inner()))
    }
}

impl Roles for Streams {
    type Client = Client;

    fn server(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        runtime()?.block_on(async {
            let (incoming, address) = bound()?;
            ready(&[address]);
            serve(Echo, incoming).await
        })
    }

    fn master(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        runtime()?.block_on(master::run(ready))
    }

    /// Answers with the stream of what is to be done, so it asks before it has that.
    fn worker(self, addresses: &[&str], number: &str, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        let [_, master] = addresses[..] else { return Err("a master has two addresses".into()) };
        let number = Bytes::copy_from_slice(number.as_bytes());
        let answer = move |work: Payload| if work.bytes == PROBE { Payload { bytes: number.clone() } } else { work };
        runtime()?.block_on(async {
            let (sender, receiver) = oneshot::channel::<Streaming<Payload>>();
            let work = stream::once(receiver).filter_map(|work| std::future::ready(work.ok())).flatten();
            let answers = work.filter_map(|work| std::future::ready(work.ok())).map(answer);
            let work = connected(master).await?.exchange(answers).await?.into_inner();
            sender.send(work).map_err(|_| "nobody reads answers")?;
            ready(&[]);
            std::future::pending().await
        })
    }

    fn client(self, addresses: &[&str], answering: usize, size: usize) -> Result<Client, BoxError> {
        Client::connect(addresses[0], answering, size)
    }
}
