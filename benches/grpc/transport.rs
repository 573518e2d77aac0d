//! Connections of HTTP/2, with windows and frames that hold nobody up.

use std::io;

use tokio::runtime::{Builder, Runtime};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};

use crate::peer::BoxError;
use crate::proto::payloads_client::PayloadsClient;
use crate::proto::payloads_server::{Payloads, PayloadsServer};

/// Bytes that may be under way: more than a client has, so that nobody waits for room.
const WINDOW: u32 = 8 << 20;
/// The most that HTTP/2 allows, for each frame costs something. By default it is 16 KiB.
const FRAME: u32 = (1 << 24) - 1;

/// One thread, which is faster than any number where each role is a process.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// On a port of the system's choice, and its address.
pub(crate) fn bound() -> Result<(TcpIncoming, String), BoxError> {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?.with_nodelay(Some(true));
    let address = incoming.local_addr()?.to_string();
    Ok((incoming, address))
}

/// For ever.
pub(crate) async fn serve(service: impl Payloads, incoming: TcpIncoming) -> Result<(), BoxError> {
    let server = Server::builder().initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    let server = server.max_frame_size(FRAME);
    Ok(server.serve_with_incoming(PayloadsServer::new(service), incoming).await?)
}

pub(crate) async fn connected(address: &str) -> Result<PayloadsClient<tonic::transport::Channel>, BoxError> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    Ok(PayloadsClient::new(endpoint.max_frame_size(FRAME).connect().await?))
}
