//! What a client does while nothing comes, over real sockets.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::component::Component;
use crate::client::{Client, ClientBuilder};
use crate::engine::link::Frame;
use crate::error::Error;
use crate::socket::{Context, Interest, Received, Socket, SocketKind, Wakeup, wait};

const MS: Duration = Duration::from_millis(1);

/// A component that answers a message when it has given as many signs of life as the payload says.
struct Served {
    address: String,
    component: Arc<Mutex<Component>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn start() -> Self {
        let context = Context::new();
        let mut router = Socket::new(&context, SocketKind::Router).unwrap();
        router.beat().unwrap();
        let address = router.bind("tcp://127.0.0.1:0").unwrap();
        let component = Arc::new(Mutex::new(Component::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let (shared, until) = (component.clone(), stopped.clone());
        let thread = thread::spawn(move || {
            let (_waker, wakeup) = Wakeup::pair(&context).unwrap();
            let (mut peer, mut signs) = (None, 0);
            while !until.load(SeqCst) {
                wait(&[Interest { socket: &router, read: true, write: false }], &wakeup, Some(20 * MS));
                let mut component = shared.lock().unwrap();
                let mut frames = Vec::new();
                while let Received::Message(incoming) = router.receive(|_| false) {
                    frames.extend(component.take(incoming.body));
                    peer = Some(incoming.head);
                }
                let wanted = |payload: &[u8]| std::str::from_utf8(payload).unwrap().parse::<u32>().ok();
                if let Some((request, payload)) = component.asked.first().cloned()
                    && let Some(wanted) = wanted(&payload)
                {
                    if signs == wanted {
                        signs = 0;
                        component.asked.remove(0);
                        component.reply(request, "late", true);
                    } else {
                        signs += 1;
                        frames.push(Frame::Alive.write().into());
                    }
                }
                frames.extend(component.session.take_frames().map(bytes::Bytes::from));
                frames.extend(component.session.ack_due(true).map(|processed| Frame::Ack { processed }.write().into()));
                for frame in frames {
                    router.send(peer.as_deref(), false, frame.into());
                }
            }
        });
        Self { address, component, stopped, thread: Some(thread) }
    }

    fn builder(&self) -> ClientBuilder {
        let config = [("name", "server".to_owned()), ("_palm.link", self.address.clone())];
        Client::builder("server", "tcp://127.0.0.1:1").this_config(config)
    }

    fn until(&self, what: &str, is_so: impl Fn(&Component) -> bool) {
        let start = Instant::now();
        while !is_so(&self.component.lock().unwrap()) {
            assert!(start.elapsed() < Duration::from_secs(20), "{what} did not come");
            thread::sleep(MS);
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stopped.store(true, SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || thread::panicking());
    }
}

#[test]
fn a_sign_of_life_is_no_silence() {
    let served = Served::start();
    let client = served.builder().timeout(1000 * MS).connect().unwrap();
    // Each takes longer than the time-out.
    assert_eq!(client.eval("server.foo", "70").unwrap(), "late");
    assert_eq!(futures::executor::block_on(client.eval_async("server.foo", "70")).unwrap(), "late");
    let replies: Vec<_> = client.job("server.foo", ["70"]).map(Result::unwrap).collect();
    assert_eq!(replies, ["late"]);
    // A deadline is one all the same.
    let error = client.with_deadline(200 * MS).eval("server.foo", "70").unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
}

#[test]
fn silence_is_a_time_out_and_the_component_is_told() {
    let served = Served::start();
    let client = served.builder().timeout(100 * MS).connect().unwrap();
    assert!(matches!(client.eval("server.foo", "never"), Err(Error::TimedOut { .. })));
    served.until("the first cancellation", |component| component.cancelled.len() == 1);
    let call = client.eval_async("server.foo", "never");
    assert!(matches!(futures::executor::block_on(call), Err(Error::TimedOut { .. })));
    served.until("the second cancellation", |component| component.cancelled.len() == 2);
    let results: Vec<_> = client.job("server.foo", ["never", "ever"]).collect();
    assert!(matches!(&results[..], [Err(Error::TimedOut { .. })]), "{results:?}");
    served.until("the third cancellation", |component| component.cancelled.len() == 3);
    assert_eq!(served.component.lock().unwrap().cancelled, [1, 2, 3]);
    drop(client);
    served.until("the goodbye", |component| component.left);
}

#[test]
fn what_was_received_is_acknowledged_without_another_call() {
    let served = Served::start();
    let client = served.builder().connect().unwrap();
    assert_eq!(client.eval("server.foo", "0").unwrap(), "late");
    served.until("the acknowledgement", |component| component.acknowledged == 1);
    assert_eq!(client.eval("server.foo", "0").unwrap(), "late");
    served.until("the acknowledgement", |component| component.acknowledged == 2);
}
