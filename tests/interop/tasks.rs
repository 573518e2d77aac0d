//! An unmodified Python master, and a worker of ours that does many of its messages at a time.

use palm::{Client, Worker};
use tokio::sync::Barrier;

use crate::patterns::{self, Pattern};
use crate::python;
use crate::run::{Cast, Stage, take_turn};

/// Nobody leaves before all have come.
struct Hands(Barrier);

#[palm::worker]
impl Hands {
    async fn foo(&self, text: String) -> String {
        self.0.wait().await;
        text
    }
}

#[test]
fn calls_that_a_python_master_hands_out_meet() {
    static ALONE: Pattern = patterns::MASTER_ALONE;
    if python::interpreter().is_none() {
        return;
    }
    let _turn = take_turn();
    let cast = Cast(&["master"]);
    let stage = Stage::set(&ALONE, &cast);
    let db_address = "tcp://127.0.0.1:5559";
    let worker = Worker::new("worker1", Hands(Barrier::new(50))).db_address(db_address).start().expect("it starts");
    let client = Client::connect("server", db_address).expect("the master is up");
    let payloads: Vec<_> = (0..200).map(|number| format!("{number:03}")).collect();
    let answers = client.job("server.foo", payloads.clone()).messages(payloads.len());
    let answers: Vec<_> = answers.collect::<palm::Result<_>>().expect("each message is answered");
    let mut answers: Vec<_> = answers.iter().map(|answer| String::from_utf8_lossy(answer).into_owned()).collect();
    answers.sort();
    assert_eq!(answers, payloads);
    drop(worker);
    stage.close();
}
