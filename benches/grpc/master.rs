//! Hands what its client sends on to its workers, and their answers back.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tonic::{Request, Response, Status, Streaming};

use crate::peer::BoxError;
use crate::proto::Payload;
use crate::proto::payloads_server::Payloads;
use crate::transport::{bound, serve};

/// Messages that go from hand to hand at once, if they are there.
const TOGETHER: usize = 64;

type Answers = Pin<Box<dyn Stream<Item = Result<Payload, Status>> + Send>>;

struct Worker {
    /// No more lies in it than a client has under way.
    work: UnboundedSender<Vec<Payload>>,
    answers: Streaming<Payload>,
}

/// Those that wait for a client.
type Crew = Arc<Mutex<Vec<Worker>>>;

struct Workers(Crew);

#[tonic::async_trait]
impl Payloads for Workers {
    type ExchangeStream = Answers;

    async fn exchange(&self, answers: Request<Streaming<Payload>>) -> Result<Response<Answers>, Status> {
        let (sender, mut receiver) = unbounded_channel();
        let worker = Worker { work: sender, answers: answers.into_inner() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        let work = stream::poll_fn(move |context| receiver.poll_recv(context));
        Ok(Response::new(work.flat_map(stream::iter).map(Ok).boxed()))
    }
}

struct Clients(Crew);

#[tonic::async_trait]
impl Payloads for Clients {
    type ExchangeStream = Answers;

    /// There is one, which has all workers.
    async fn exchange(&self, asked: Request<Streaming<Payload>>) -> Result<Response<Answers>, Status> {
        let workers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (work, answers): (Vec<_>, Vec<_>) = workers.into_iter().map(|worker| (worker.work, worker.answers)).unzip();
        let asked = asked.into_inner().filter_map(|asked| std::future::ready(asked.ok()));
        tokio::spawn(async move {
            let (mut asked, mut turns) = (asked.ready_chunks(TOGETHER), work.iter().cycle());
            while let (Some(asked), Some(worker)) = (asked.next().await, turns.next()) {
                // Its end is seen by whoever measures.
                let _ = worker.send(asked);
            }
        });
        let answers = answers.into_iter().map(|answers| answers.ready_chunks(TOGETHER));
        Ok(Response::new(stream::select_all(answers).flat_map(stream::iter).boxed()))
    }
}

/// For ever. Its addresses are for clients and for workers.
pub(crate) async fn run(ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
    let crew = Crew::default();
    let ((clients, address), (workers, workers_address)) = (bound()?, bound()?);
    ready(&[address, workers_address]);
    tokio::spawn(serve(Workers(crew.clone()), workers));
    tokio::spawn(serve(Clients(crew), clients)).await?
}
