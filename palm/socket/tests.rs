use super::*;

fn connected(to: &str) -> zmq::Socket {
    let socket = zmq::Context::new().socket(zmq::PUSH).expect("a socket");
    socket.connect(to).expect("an address");
    socket
}

/// The connection that the next message came on.
fn peer(socket: &mut Socket) -> Option<Peer> {
    loop {
        match socket.receive(|_| true) {
            Received::Message(incoming) => return incoming.peer,
            _ => socket.wait_alone(Ready::Read, Duration::from_secs(5)),
        }
    }
}

#[test]
fn no_wake_up_is_lost() {
    let (waker, wakeup) = Wakeup::pair(&Context::new()).expect("a pair");
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for _ in 0..2_000 {
            waker.wake();
            waker.wake();
            wait(&[], &wakeup, None);
        }
        let _ = done.send(());
    });
    assert_eq!(ended.recv_timeout(Duration::from_secs(30)), Ok(()), "a wait that was to end did not");
}

#[test]
fn connections_are_told_apart_whatever_their_socket() {
    let context = Context::new();
    let mut pulls = [(); 2].map(|()| {
        let mut socket = Socket::new(&context, SocketKind::Pull).expect("a socket");
        socket.watch_peers(&context).expect("a monitor");
        let address = socket.bind("tcp://127.0.0.1:0").expect("a port");
        (socket, address)
    });
    let mut seen = std::collections::HashSet::new();
    for (socket, address) in &mut pulls {
        for _ in 0..3 {
            let push = connected(address);
            push.send("one", 0).expect("sent");
            push.send("two", 0).expect("sent");
            let first = peer(socket).expect("a connection");
            assert_eq!(peer(socket), Some(first));
            assert!(seen.insert(first), "{first:?} stands for two connections");
            drop(push);
            // The descriptor is used again at once: its end is known first.
            while !socket.peer_events().contains(&PeerEvent::Gone(first)) {
                std::thread::yield_now();
            }
        }
    }
}

/// libzmq as `build.rs` has it compiled: two descriptors a socket would take the room of half as many clients.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_is_woken_by_an_eventfd() {
    let socket = Socket::new(&Context::new(), SocketKind::Pull).expect("a socket");
    let descriptor = socket.raw.get_fd().expect("a descriptor");
    let what = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).expect("an open one");
    assert_eq!(what.to_str(), Some("anon_inode:[eventfd]"));
}
