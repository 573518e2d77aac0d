//! The example `applications` beyond loopback, as the chapter on several machines has it.

use std::process::Command;

use palm::Client;

use crate::run::{CLIENT_LIMIT, Player, example, take_turn};

fn master(more: &[&str], variable: Option<&str>) -> Player {
    let mut command = Command::new(example("applications"));
    command
        .args(["master", "--name", "server", "--db", "tcp://0.0.0.0:5559"])
        .args(more)
        .env_remove("PALM_RUN_INSECURE");
    if let Some(value) = variable {
        command.env("PALM_RUN_INSECURE", value);
    }
    Player::start(format!("applications insecure {}", variable.unwrap_or("unset")), true, command)
}

#[test]
fn a_master_listens_there_if_it_is_told_that_it_may() {
    let _turn = take_turn();
    for (more, variable) in [(&["--insecure"][..], None), (&[], Some("yes")), (&[], Some("1"))] {
        let _master = master(more, variable);
        Client::builder("server", "tcp://127.0.0.1:5559").timeout(CLIENT_LIMIT).connect().expect("it listens");
    }
    for variable in [None, Some("no"), Some("")] {
        let mut master = master(&[], variable);
        let status = master.wait(CLIENT_LIMIT).expect("it ends");
        assert!(status.code() == Some(1) && master.report().contains("(`--insecure`)"), "{}", master.report());
    }
}
