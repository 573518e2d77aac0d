//! An unmodified Python client that calls a server of ours often: all calls are answered, each with its own.

use std::process::Command;
use std::time::Duration;

use crate::patterns;
use crate::python;
use crate::run::{Cast, Player, Stage, take_turn};

const EVALS: usize = 1_000;
const SINGLE_JOBS: usize = 200;
const LOCKSTEP: usize = 200;

fn calls(label: String, evals: usize, singles: usize, steps: usize) -> Option<Player> {
    let mut command = Command::new(python::interpreter()?);
    command.arg("-u").arg(crate::run::script("calls.py"));
    command.args([evals, singles, steps].map(|count| count.to_string()));
    Some(Player::start(label, false, command))
}

/// The line of counts that a client ends with.
fn outcome(client: &mut Player, limit: Duration, stage: &Stage<'_>) -> serde_json::Value {
    let status = client.wait(limit);
    assert!(
        status.is_some_and(|status| status.success()),
        "a client did not end well in {limit:?}: {status:?}\n{}\n{}",
        client.report(),
        stage.report()
    );
    let output = client.stdout();
    let counts = output.lines().last().expect("the client prints its counts");
    serde_json::from_str(counts).expect("the counts are JSON")
}

#[test]
fn python_client_50_fresh_processes() {
    if python::interpreter().is_none() {
        return;
    }
    let _turn = take_turn();
    let cast = Cast(&["client"]);
    let mut stage = Stage::set(patterns::find("single"), &cast);
    // A client of pylm sleeps half a second before its first call; five at a time make that bearable.
    for round in 0..10 {
        let start = |number| calls(format!("fresh client {round}.{number}"), 1, 0, 0);
        let mut clients: Vec<Player> = (0..5).filter_map(start).collect();
        for client in &mut clients {
            let counts = outcome(client, Duration::from_secs(60), &stage);
            assert_eq!(counts["calls"], 1, "{counts}");
            assert_eq!(counts["wrong"], serde_json::json!([]), "{counts}");
        }
        stage.demand_all_up();
    }
    stage.close();
}

#[test]
fn python_client_in_a_row() {
    if python::interpreter().is_none() {
        return;
    }
    let _turn = take_turn();
    let cast = Cast(&["client"]);
    let mut stage = Stage::set(patterns::find("single"), &cast);
    let mut client =
        calls("client in a row".to_owned(), EVALS, SINGLE_JOBS, LOCKSTEP).expect("python was there a moment ago");
    let counts = outcome(&mut client, Duration::from_secs(240), &stage);
    eprintln!("{counts}");
    let total = EVALS + SINGLE_JOBS + LOCKSTEP;
    assert_eq!(counts["calls"], total, "{counts}");
    assert_eq!(counts["wrong"], serde_json::json!([]), "{counts}");
    match counts["counters"]["holds_run_out"].as_u64() {
        Some(run_out) => assert_eq!(run_out, 0, "{counts}"),
        // A call that waits for a hold takes half a second. A busy machine may make a few as slow as that.
        None => assert!(counts["slow"].as_u64().is_some_and(|slow| slow <= 3), "{counts}"),
    }
    stage.demand_all_up();
    stage.close();
}
