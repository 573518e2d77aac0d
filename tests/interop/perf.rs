//! The example `perf` as processes: what its clients print is read by programs.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use palm::Client;

use crate::run::{CLIENT_LIMIT, Player, example, take_turn};

fn play(wire: &str, words: &[&str]) -> Player {
    let mut command = Command::new(example("perf"));
    command.args(words).env("WIRE", wire).env("WORK_US", "10");
    Player::start(format!("perf {wire} {}", words.join(" ")), true, command)
}

/// What a client prints, by its words.
fn printed(wire: &str, words: &[&str]) -> Vec<String> {
    let mut client = play(wire, words);
    let status = client.wait(CLIENT_LIMIT);
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", client.report());
    let out = client.stdout();
    assert_eq!(out.lines().count(), 1, "{out}");
    out.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn each_client_prints_a_line_of_numbers() {
    let whole = |word: &str| word.parse::<u64>().is_ok();
    for wire in ["", "classic"] {
        for roles in [&[&["server"][..]][..], &[&["master"], &["worker", "worker1"], &["worker", "worker2"]]] {
            let _turn = take_turn();
            let _players: Vec<Player> = roles.iter().map(|words| play(wire, words)).collect();
            let line = printed(wire, &["client", "1000", "150"]);
            let [palm, good, of, all, answered, rate, per_second, bytes, megabytes] = &line[..] else {
                panic!("{line:?}")
            };
            assert_eq!([palm, good, of, all, answered], ["palm:", "1000", "of", "1000", "answered"]);
            assert!(whole(rate) && per_second == "msg/s" && megabytes == "MB/s", "{line:?}");
            assert!(bytes.split_once('.').is_some_and(|(left, right)| whole(left) && right.len() == 1), "{line:?}");

            let line = printed(wire, &["latency", "100", "150"]);
            let [palm, what, unit, p50, half, p99, most] = &line[..] else { panic!("{line:?}") };
            assert_eq!([palm, what, unit, p50, p99], ["palm", "latency", "us", "p50", "p99"]);
            assert!(whole(half) && whole(most), "{line:?}");
        }
    }
}

/// Two results of a worker that is killed then: nobody comes for the others.
#[test]
fn a_client_that_is_not_answered_says_how_often_it_was_and_fails() {
    let _turn = take_turn();
    let mut command = Command::new(example("perf"));
    command.args(["worker", "worker1"]).env("WIRE", "").env("WORK_US", "100000");
    let _master = play("", &["master"]);
    let worker = Player::start("perf slow worker".to_owned(), true, command);
    let mut client = play("", &["client", "200", "150"]);
    let stats = Client::connect("server", "tcp://127.0.0.1:7559").expect("the master is there");
    let end = Instant::now() + CLIENT_LIMIT;
    // Messages of the client, and results of the worker.
    let received = || -> Option<u64> {
        let stats: serde_json::Value = serde_json::from_slice(&stats.get("_palm.stats").ok()??).ok()?;
        stats["received"].as_u64()
    };
    while received() < Some(202) {
        assert!(Instant::now() < end, "{}", client.report());
        sleep(Duration::from_millis(10));
    }
    worker.kill();
    let status = client.wait(CLIENT_LIMIT).expect("it ends");
    assert_eq!(status.code(), Some(1), "{}", client.report());
    let out = client.stdout();
    let good = out.strip_prefix("palm: ").and_then(|rest| rest.split_once(" of 200 answered "));
    assert!(good.is_some_and(|(good, _)| good.parse().is_ok_and(|good| (2..200).contains(&good))), "{out}");
}
