//! What components write reaches the registry, whatever it is and whenever the registry is there.

use std::fs;
use std::time::{Duration, Instant};

use crate::rig::{Rig, is_alive, most_memory, until};

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
    // When it was read, which is after its process was started.
    let at = |value: &serde_json::Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let started = rig.get("/events?kind=state")[0]["at"].clone();
    assert!(at(&out["at"]) >= at(&started) && at(&out["at"]) <= jiff::Timestamp::now());
    assert_eq!((&report["exit_code"], &report["restarts"]), (&3.into(), &0.into()));
    let events = rig.get("/events");
    let states: Vec<_> = events.as_array().unwrap().iter().filter_map(|event| event["to"].as_str()).collect();
    assert_eq!(states, ["STARTING", "RUNNING", "EXITED"]);
}

/// As a component writes it, through runner, registry, the old surface and the command.
#[test]
fn a_strange_megabyte_comes_back_as_it_was() {
    let rig = Rig::new(ONE);
    let strange = "<script>alert(1)</script>\0\u{1b}]52;c;x\u{7}\u{1b}[2J\u{202e}é\r\t\"'&";
    let mut line = strange.repeat((1 << 20) / strange.len());
    line.push_str(&"x".repeat((1 << 20) - line.len()));
    fs::write(rig.path("line"), format!("{line}\n")).unwrap();
    rig.script("teller.sh", "cat DIR/line\necho end\n");
    let _runner = rig.start();
    rig.line("end");
    let stored = &rig.lines()[0];
    assert!(stored["text"] == line.as_str() && stored["continues"] == false);
    let told = rig.told(&["logs", "k", "--stream", "STDOUT"]);
    let (first, rest) = told.split_once(" [Teller] ").unwrap();
    assert!(!first.contains('\n') && rest.starts_with(&format!("{line}\n")));
    let old =
        ureq::get(format!("{}/logs?cluster=k", rig.url())).call().unwrap().body_mut().read_json::<serde_json::Value>();
    assert!(old.unwrap()[0]["text"] == line.as_str());
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

/// A component writes `bytes` to each of its streams at once: one line without end, and short ones. With a registry that is away for
/// so long, if at all. Gives the most memory of the runner, and what was on disk when the registry came back.
fn flood(bytes: usize, away: Option<Duration>) -> (u64, u64) {
    let mut rig = Rig::new(ONE);
    let short = "0123456789".repeat(100).split_off(1);
    let script = format!(
        "echo $$ > DIR/pid\nuntil [ -e DIR/go ]; do sleep 0.05; done\nhead -c {bytes} /dev/zero | tr '\\000' x &\n\
         yes {short} | head -c {bytes} >&2\nwait\necho\necho end\necho end >&2\necho x > DIR/written\nexec sleep 1000\n"
    );
    rig.script("teller.sh", &script);
    let runner = rig.start();
    let pid = rig.pid("pid");
    let directory = rig.path("state");
    let spool = || {
        let state = fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
        let files = fs::read_dir(state.join("spool")).unwrap();
        files.map(|file| file.unwrap().metadata().map_or(0, |data| data.len())).sum::<u64>()
    };
    let start = Instant::now();
    if away.is_some() {
        rig.stop_registry();
    }
    fs::write(rig.path("go"), "").unwrap();
    // It is not held back.
    until("the end of writing", || rig.path("written").exists().then_some(()));
    if let Some(away) = away {
        until("the registry's return", || (start.elapsed() >= away).then_some(()));
    }
    let kept = spool();
    assert!(is_alive(pid));
    if away.is_some() {
        rig.start_registry();
    }
    for stream in ["STDOUT", "STDERR"] {
        until("the last line", || rig.last_line(stream).filter(|line| line == "end"));
    }
    let (mut length, mut parts) = (0, 0);
    rig.each_line("STDOUT", |part| {
        let text = part["text"].as_str().unwrap();
        if text != "end" {
            assert!(text.bytes().all(|byte| byte == b'x'));
            (length, parts) = (length + text.len(), parts + 1);
            assert_eq!(part["continues"], length < bytes, "part {parts}");
        }
    });
    assert_eq!((length, parts), (bytes, bytes.div_ceil(1 << 20)));
    let mut lines = 0;
    rig.each_line("STDERR", |line| {
        let text = line["text"].as_str().unwrap();
        assert!(text == short || text == "end", "{text}");
        lines += usize::from(text == short);
    });
    assert_eq!(lines, bytes / (short.len() + 1));
    assert!(is_alive(pid));
    (most_memory(runner.pid()), kept)
}

/// Of the runner, whatever its components write.
const MEMORY: u64 = 32 << 20;

#[test]
fn a_flood_holds_nobody_back_and_comes_through() {
    let (memory, _) = flood(10_000_000, None);
    assert!(memory < MEMORY, "{memory}");
}

#[test]
fn a_flood_while_the_registry_is_away_is_kept_on_disk() {
    let (memory, disk) = flood(10_000_000, Some(Duration::ZERO));
    assert!(memory < MEMORY && disk >= 20_000_000 - (8 << 20), "{memory}, {disk}");
}

#[test]
#[ignore = "takes minutes: for `--ignored full`"]
fn full_a_hundred_megabytes_on_each_stream() {
    let (memory, _) = flood(100_000_000, None);
    eprintln!("100 MB on each stream: {} KiB of memory at most", memory >> 10);
    assert!(memory < MEMORY, "{memory}");
}

#[test]
#[ignore = "takes minutes: for `--ignored full`"]
fn full_the_registry_is_away_for_a_minute() {
    let (memory, disk) = flood(100_000_000, Some(Duration::from_secs(60)));
    eprintln!("200 MB while the registry is away: {} KiB of memory at most, {disk} bytes on disk", memory >> 10);
    assert!(memory < MEMORY && disk >= 200_000_000 - (8 << 20), "{memory}, {disk}");
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
    fs::write(rig.path("go"), "").unwrap();
    // It is not held back.
    until("the end of writing", || rig.path("written").exists().then_some(()));
    // The runner ends meanwhile, and the next one sends what was left.
    runner.terminate();
    assert!(runner.ended().success());
    rig.start_registry();
    fs::remove_file(rig.path("go")).unwrap();
    let _runner = rig.start();
    rig.line("line 2999");
    let texts: Vec<String> = rig.lines().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect();
    let expected: Vec<String> = (0..3000).map(|number| format!("line {number}")).collect();
    assert_eq!(texts[..3000], expected);
}
