//! The components that the tests are about.

use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use palm::http::{GatewayDealer, GatewayRouter, HttpConnection, HttpGateway, HttpService};
use palm::part::{CacheService, Methods, PubService, PullService, WorkerPullService, WorkerPushService};
use palm::{Call, Handle};

/// What the methods of the tests do.
#[derive(Default)]
pub(crate) struct Work;

#[palm::worker]
impl Work {
    fn shout(&self, text: &str) -> String {
        text.to_uppercase()
    }

    fn fail(&self, text: &str) -> palm::Result<String, String> {
        Err(format!("no {text}"))
    }

    fn panic(&self, text: &str) -> String {
        panic!("oh {text}")
    }

    fn none(&self, _text: &str) -> std::iter::Empty<String> {
        std::iter::empty()
    }

    fn twice(&self, text: &str) -> impl Iterator<Item = String> + use<> {
        [format!("{text} 1"), format!("{text} 2")].into_iter()
    }

    fn name(&self, call: &Call) -> String {
        call.name().to_owned()
    }
}

/// A method that says when it begins, and ends when it is told.
pub(crate) struct Gate {
    begun: Sender<String>,
    open: Arc<Mutex<Receiver<()>>>,
}

impl Gate {
    pub(crate) fn new() -> (Self, Receiver<String>, Sender<()>) {
        let (begun, began) = std::sync::mpsc::channel();
        let (opener, open) = std::sync::mpsc::channel();
        (Self { begun, open: Arc::new(Mutex::new(open)) }, began, opener)
    }
}

#[palm::worker]
impl Gate {
    fn wait(&mut self, text: &str) -> String {
        self.begun.send(text.to_owned()).unwrap();
        let _ = self.open.lock().unwrap().recv();
        text.to_owned()
    }
}

palm::topology! {
    /// Methods that are called over HTTP.
    pub(crate) struct Loud {
        inbound  Http:    HttpService = "http://127.0.0.1:*" => Methods, blocking;
        outbound Methods: Methods;
    }
}

palm::topology! {
    /// A service that nobody waits for.
    pub(crate) struct Open {
        inbound  Http:    HttpService = "http://127.0.0.1:*" => Methods;
        outbound Methods: Methods                            => Pub;
        outbound Pub:     PubService;
        bypass   Cache:   CacheService;
    }
}

palm::topology! {
    /// A master whose workers are on the web.
    pub(crate) struct WebMaster {
        inbound  Pull:           PullService                       => HttpConnection;
        outbound HttpConnection: HttpConnection { max_workers: 8 } => Pub;
        outbound Pub:            PubService;
        bypass   Cache:          CacheService;
    }
}

palm::topology! {
    /// A proxy: HTTP in and out.
    pub(crate) struct Proxy {
        inbound  Http:           HttpService = "http://127.0.0.1:*" => HttpConnection, blocking;
        outbound HttpConnection: HttpConnection;
    }
}

palm::topology! {
    /// A master for callers that speak HTTP.
    pub(crate) struct Microservice {
        inbound  GatewayRouter: GatewayRouter                => WorkerPush;
        inbound  WorkerPull:    WorkerPullService            => GatewayDealer;
        outbound WorkerPush:    WorkerPushService;
        outbound GatewayDealer: GatewayDealer;
        bypass   HttpGateway:   HttpGateway;
        bypass   Cache:         CacheService;
    }
}

pub(crate) fn http(handle: &Handle) -> String {
    handle.address("http_address").unwrap()
}

/// A microservice, and workers with the methods of [`Work`].
pub(crate) fn microservice(workers: usize) -> (Handle, Vec<Handle>) {
    let master = Microservice::new("server").start().unwrap();
    let db_address = master.address("db_address").unwrap();
    let worker = |number| palm::Worker::new(format!("worker{number}"), Work).db_address(&db_address).start().unwrap();
    let workers = (1..=workers).map(worker).collect();
    (master, workers)
}
