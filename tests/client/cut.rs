//! Stands before a component, so that its connections can be cut, and led to another one.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Clone)]
pub(crate) struct Cut {
    pub(crate) address: String,
    target: Arc<Mutex<String>>,
    connections: Arc<Mutex<Vec<[TcpStream; 2]>>>,
}

impl Cut {
    pub(crate) fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let cut = Self { address, target: Arc::default(), connections: Arc::default() };
        cut.aim(target);
        let shared = cut.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let target = shared.target.lock().unwrap().clone();
                let Ok(far) = TcpStream::connect(target) else { continue };
                for stream in [&near, &far] {
                    stream.set_nodelay(true).unwrap();
                }
                shared.connections.lock().unwrap().push([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                for [mut from, mut to] in [[near.try_clone().unwrap(), far.try_clone().unwrap()], [far, near]] {
                    thread::spawn(move || {
                        let mut buffer = vec![0; 64 << 10];
                        while let Ok(count @ 1..) = from.read(&mut buffer)
                            && to.write_all(&buffer[..count]).is_ok()
                        {}
                        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        cut
    }

    /// Where new connections lead.
    pub(crate) fn aim(&self, target: &str) {
        *self.target.lock().unwrap() = target.strip_prefix("tcp://").unwrap().to_owned();
    }

    /// Ends every connection; how many there were.
    pub(crate) fn cut(&self) -> usize {
        let connections = std::mem::take(&mut *self.connections.lock().unwrap());
        for stream in connections.iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        connections.len()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.lock().unwrap().len()
    }
}
