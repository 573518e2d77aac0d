//! What components write reaches the registry, whatever it is and whenever the registry is there.

use crate::rig::{Rig, until};

const ONE: &str = "[Teller]\nScript = sh DIR/teller.sh\nRestart = never\n";

#[test]
fn lines_come_with_where_they_are_from() {
    let rig = Rig::new(ONE);
    rig.script(
        "teller.sh",
        "echo 'x - INFO - out'\necho err >&2\nprintf 'a\\000b \\033[31mred\\033[0m \\377\\n'\nexit 3\n",
    );
    let _runner = rig.start();
    let out = rig.line("out");
    let of = |key: &str| out[key].as_str().unwrap().to_owned();
    assert_eq!([of("component"), of("instance"), of("stream"), of("level")], ["Teller", "Teller", "STDOUT", "INFO"]);
    assert_eq!(of("node"), rig.get("/nodes")[0]["id"]);
    assert_eq!(rig.line("err")["stream"], "STDERR");
    assert_eq!(rig.line("red")["text"], "a\0b \u{1b}[31mred\u{1b}[0m \u{fffd}");
    let report = rig.state("Teller", "EXITED");
    assert_eq!((&report["exit_code"], &report["restarts"]), (&3.into(), &0.into()));
    let events = rig.get("/events");
    let states: Vec<_> = events.as_array().unwrap().iter().filter_map(|event| event["to"].as_str()).collect();
    assert_eq!(states, ["STARTING", "RUNNING", "EXITED"]);
}

#[test]
fn a_line_of_a_megabyte_is_one_line() {
    let rig = Rig::new(ONE);
    rig.script("teller.sh", "head -c 1048576 /dev/zero | tr '\\000' x\necho\necho end\n");
    let _runner = rig.start();
    rig.line("end");
    let lengths: Vec<_> = rig.lines().iter().map(|line| line["text"].as_str().unwrap().len()).collect();
    assert_eq!(lengths, [1 << 20, 3]);
}

#[test]
fn nothing_is_lost_or_doubled_while_the_registry_is_away() {
    let mut rig = Rig::new(ONE);
    let script = "n=0\nwhile [ $n -lt 3000 ]; do echo line $n; n=$((n+1)); [ $n = 5 ] && until [ -e DIR/go ]; do sleep 0.05; done; done\n\
                  echo x > DIR/written\nsleep 1000\n";
    rig.script("teller.sh", script);
    let mut runner = rig.start();
    rig.line("line 4");
    rig.stop_registry();
    std::fs::write(rig.path("go"), "").unwrap();
    // It is not held back.
    until("the end of writing", || rig.path("written").exists().then_some(()));
    // The runner ends meanwhile, and the next one sends what was left.
    runner.terminate();
    assert!(runner.ended().success());
    rig.start_registry();
    std::fs::remove_file(rig.path("go")).unwrap();
    let _runner = rig.start();
    rig.line("line 2999");
    let texts: Vec<String> = rig.lines().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect();
    let expected: Vec<String> = (0..3000).map(|number| format!("line {number}")).collect();
    assert_eq!(texts[..3000], expected);
}
