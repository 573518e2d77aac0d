//! A REST front end over a pool of workers: JSON in, JSON out, and each worker's errors as the status they are.
//!
//! Everything in one process: `cargo run --features http,json --example rest`
//!
//! Or a role in each terminal, in any order, with as many workers as you like:
//!
//!     cargo run --features http,json --example rest front
//!     cargo run --features http,json --example rest worker worker1
//!     cargo run --features http,json --example rest worker worker2
//!     cargo run --features http,json --example rest client
//!     curl -d '{"items": [{"price": 250, "count": 4}]}' -H 'content-type: application/json' http://localhost:8080/quote

mod support;

use std::process::ExitCode;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use palm::{Client, Error, Json, Master};
use serde::{Deserialize, Serialize};
use support::print;

#[derive(Serialize, Deserialize)]
struct Order {
    items: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
struct Item {
    /// In cents.
    price: u64,
    count: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Quote {
    total: u64,
}

/// What the workers of the pool do.
struct Quotes;

#[palm::worker]
impl Quotes {
    fn quote(&mut self, Json(order): Json<Order>) -> Result<Json<Quote>, &'static str> {
        let prices = order.items.iter().map(|item| item.price.checked_mul(item.count));
        let total = prices.reduce(|sum, price| sum?.checked_add(price?)).unwrap_or(Some(0));
        total.map(|total| Json(Quote { total })).ok_or("the total is beyond all bounds")
    }
}

/// `POST /quote`: axum reads the order, a worker does the work.
async fn quote(State(pool): State<Client>, axum::Json(order): axum::Json<Order>) -> Result<axum::Json<Quote>, Failed> {
    let quote = pool.eval_as_async::<Json<Quote>>("pool.quote", Json(order)).await?;
    Ok(axum::Json(quote))
}

/// Why there is no quote.
struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            Error::Remote { code, .. } => palm::http::status(*code),
            Error::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        (status, axum::Json(serde_json::json!({ "error": self.0.to_string() }))).into_response()
    }
}

/// Serves the front end until `stop` comes.
async fn serve(pool: Client, listener: tokio::net::TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let app = Router::new().route("/quote", post(quote)).with_state(pool);
    if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "the front end ended");
    }
}

fn system(action: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::System { action, source: error.into() }
}

#[tokio::main]
async fn front(master: Master, address: &str) -> palm::Result<()> {
    let master = master.start()?;
    let pool = Client::connect("pool", master.address("db_address")?)?;
    let listener = tokio::net::TcpListener::bind(address).await.map_err(system("bind the front end"))?;
    serve(pool, listener, async { drop(tokio::signal::ctrl_c().await) }).await;
    Ok(())
}

fn worker(name: &str, db_address: &str) -> palm::Worker {
    palm::Worker::new(name, Quotes).db_address(db_address)
}

/// Posts a body; gives status and body of the answer.
fn ask(address: &str, body: &str) -> palm::Result<(u16, String)> {
    let failed = |error: ureq::Error| Error::System { action: "call the front end", source: error.into() };
    let request = ureq::post(format!("{address}/quote")).header("content-type", "application/json");
    let mut response = request.config().http_status_as_error(false).build().send(body).map_err(failed)?;
    Ok((response.status().as_u16(), response.body_mut().read_to_string().map_err(failed)?))
}

fn client(address: &str) -> palm::Result<()> {
    let asked = [
        (r#"{"items": [{"price": 250, "count": 4}, {"price": 99, "count": 1}]}"#, 200),
        (r#"{"items": []}"#, 200),
        (r#"{"items": [{"price": 18446744073709551615, "count": 2}]}"#, 502),
        (r#"{"items": "all of them"}"#, 422),
        ("this is no JSON", 400),
    ];
    for (body, expected) in asked {
        let (status, answer) = ask(address, body)?;
        print((status, &answer));
        assert_eq!(status, expected, "{body}");
    }
    let (_, answer) = ask(address, asked[0].0)?;
    assert_eq!(serde_json::from_str::<Quote>(&answer).ok(), Some(Quote { total: 1_099 }));
    Ok(())
}

fn everything() -> palm::Result<()> {
    let master = Master::new("pool").expected_workers(2).start()?;
    let db_address = master.address("db_address")?;
    let _worker1 = worker("worker1", &db_address).start()?;
    let _worker2 = worker("worker2", &db_address).start()?;
    let runtime = tokio::runtime::Runtime::new().map_err(system("start the front end"))?;
    let pool = Client::connect("pool", &db_address)?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).map_err(system("bind"))?;
    let address = format!("http://{}", listener.local_addr().map_err(system("bind"))?);
    runtime.spawn(serve(pool, listener, std::future::pending()));
    client(&address)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["front"] => front(
            Master::new("pool")
                .pull_address("tcp://127.0.0.1:5555")
                .pub_address("tcp://127.0.0.1:5556")
                .worker_pull_address("tcp://127.0.0.1:5557")
                .worker_push_address("tcp://127.0.0.1:5558")
                .db_address("tcp://127.0.0.1:5559"),
            "127.0.0.1:8080",
        ),
        ["worker", name] => worker(name, "tcp://127.0.0.1:5559").run(),
        ["client"] => client("http://127.0.0.1:8080"),
        _ => support::no_role("front, worker NAME, client"),
    })
}
