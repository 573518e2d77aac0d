//! A binary made with `palm::cli::main()` runs as it is.

use crate::rig::{KEY, Rig, palm, program, until};

const FILE: &str = "[Master]\nScript = PROGRAM run Master --name server\n--pull = _1\n--pub = _2\n--wpush = _3\n--wpull = _4\n\
                    --db = _5\n[Worker]\nScript = PROGRAM run MyWorker\n--db = _5\nConnected = Master\n";

#[test]
fn it_is_started_called_counted_and_ended() {
    let Some(program) = program("component", "-p palm-cli") else { return };
    let rig = Rig::new(&FILE.replace("PROGRAM", program.to_str().unwrap()));
    let ports = 10_000 + std::process::id() % 1_000 * 10;
    let node = format!("[DEFAULT]\nIp = 127.0.0.1\nProcessors = 2\nPorts_from = {ports}\n");
    std::fs::write(rig.path("node.conf"), node).unwrap();
    let mut runner = rig.start_with(&["--config", rig.path("node.conf").to_str().unwrap()]);
    rig.state("Worker", "RUNNING");
    let db = rig.get("")["addresses"]["_5"].as_str().unwrap().to_owned();
    let called = palm().args(["call", "--db", &db, "server.foo", "a message"]).output().unwrap();
    assert_eq!(String::from_utf8(called.stdout).unwrap(), "processed a message\n");
    let report =
        until("the counters", || rig.report("Master").filter(|report| report["stats"]["received"].as_u64() >= Some(1)));
    // Prometheus gets all of them, under the names that they have in a program of their own.
    let samples = rig.prometheus();
    for counter in report["stats"].as_object().unwrap().keys() {
        let name = match counter.as_str() {
            "in_flight" => "palm_in_flight".to_owned(),
            "holding" => "palm_holding_bytes".to_owned(),
            counter => format!("palm_{counter}_total"),
        };
        let sample = format!("{name}{{cluster=\"{KEY}\",component=\"Master\",instance=\"Master\"}} ");
        assert!(samples.contains(&sample), "{sample}: {samples}");
    }
    runner.terminate();
    assert!(runner.ended().success());
    for instance in ["Master", "Worker"] {
        let report = rig.report(instance).unwrap();
        assert_eq!((&report["state"], &report["exit_code"]), (&"STOPPED".into(), &0.into()), "{report}");
    }
    let launched = rig.lines().iter().filter(|line| line["text"].as_str().unwrap().ends_with("Launch router")).count();
    assert_eq!(launched, 2);
}
