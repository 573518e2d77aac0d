//! The flags of each kind.

use crate::program::{fails, output, prints_json, program};

const COMMON: [&str; 3] = ["--messages", "--advertise", "--insecure"];

pub(crate) fn each_kind_has_its_own() {
    let kinds: [(&str, &[&str]); 6] = [
        ("MyServer", &["--name", "--pull", "--pub", "--link", "--db", "--pipelined", "--threads", "--tasks"]),
        (
            "MyPipeline",
            &["--name", "--sub", "--previous", "--pub", "--link", "--db", "--to-client", "--threads", "--tasks"],
        ),
        (
            "MySink",
            &["--name", "--sub", "--previous", "--pub", "--link", "--db", "--to-client", "--threads", "--tasks"],
        ),
        ("MyMaster", &["--name", "--pull", "--pub", "--link", "--wpush", "--wpull", "--db", "--pipelined"]),
        ("Hub", &["--name", "--sub", "--previous", "--pub", "--link", "--wpush", "--wpull", "--db", "--pipelined"]),
        ("MyWorker", &["--name", "--db", "--pull", "--push", "--threads", "--tasks"]),
    ];
    let all = [
        "--wpush",
        "--wpull",
        "--link",
        "--sub",
        "--previous",
        "--pub",
        "--push",
        "--pull",
        "--pipelined",
        "--to-client",
        "--threads",
        "--tasks",
    ];
    for (component, own) in kinds {
        let about = prints_json(&["describe", component, "--json"]);
        let flags: Vec<_> =
            about["flags"].as_array().unwrap().iter().map(|flag| flag["flag"].as_str().unwrap()).collect();
        assert_eq!(flags, [own, &COMMON].concat(), "{component}");
        for other in all.iter().filter(|flag| !own.contains(flag)) {
            let tip = format!("the flags of a {} are {}", about["kind"].as_str().unwrap(), own.join(", "));
            fails(&["run", component, other, "tcp://127.0.0.1:1"], 2, &[&format!("'{other}'"), &tip]);
        }
    }
}

pub(crate) fn a_name_is_needed_and_is_one_word() {
    fails(&["run", "MyServer"], 2, &["--name <NAME>"]);
    for name in ["", "a.b", "a b", "a\nb"] {
        fails(&["run", "MyServer", "--name", name], 2, &["one word without a dot"]);
    }
}

pub(crate) fn addresses_are_checked() {
    for address in ["5555", "127.0.0.1:5555", "tcp://", ""] {
        fails(&["run", "MyServer", "--name", "x", "--db", address], 2, &["tcp://127.0.0.1:5555"]);
    }
    fails(&["run", "MyPipeline", "--name", "x"], 2, &["--sub <ADDRESS>"]);
    fails(&["run", "Hub", "--name", "x"], 2, &["--sub <ADDRESS>"]);
    fails(&["run", "MyServer", "--name", "x", "--messages", "0"], 2, &["--messages"]);
    fails(&["run", "MyServer", "--name", "x", "--threads", "0"], 2, &["--threads"]);
    fails(&["run", "MyServer", "--name", "x", "--tasks", "0"], 2, &["--tasks"]);
    fails(
        &["run", "MySink", "--name", "x", "--sub", "tcp://127.0.0.1:1", "--to-client", "perhaps"],
        2,
        &["true, false"],
    );
}

pub(crate) fn a_worker_needs_its_master() {
    fails(&["run", "MyWorker"], 2, &["--db <ADDRESS>"]);
    fails(&["run", "MyWorker", "--pull", "tcp://127.0.0.1:1"], 2, &["--db <ADDRESS>"]);
}

pub(crate) fn sinks_take_pairs() {
    let sink = ["run", "MySink", "--name", "x"];
    fails(&sink, 2, &["--sub <ADDRESS>"]);
    let two = [&sink[..], &["--sub", "tcp://127.0.0.1:1", "--sub", "tcp://127.0.0.1:2"]].concat();
    for previous in [&["--previous", "a"][..], &["--previous", "a", "--previous", "b", "--previous", "c"]] {
        fails(&[&two, previous].concat(), 2, &["times --previous for 2 times --sub"]);
    }
}

pub(crate) fn every_flag_has_its_variable() {
    for component in ["MyServer", "MyPipeline", "MySink", "MyMaster", "Hub", "MyWorker"] {
        let about = prints_json(&["describe", component, "--json"]);
        for flag in about["flags"].as_array().unwrap() {
            let name = flag["flag"].as_str().unwrap().trim_start_matches("--").to_uppercase().replace('-', "_");
            assert_eq!(flag["variable"], format!("PALM_RUN_{name}"), "{component}");
        }
    }
    for (name, says) in [("a.b", "one word without a dot"), ("", "required arguments were not provided")] {
        let (code, _, err) = output(program(&["run", "MyServer"]).env("PALM_RUN_NAME", name).env("PALM_LOG", ""));
        assert_eq!(code, 2);
        assert!(err.contains(says), "{err}");
    }
}

pub(crate) fn the_last_one_holds() {
    fails(&["run", "MyServer", "--name", "x", "--name", "a.b"], 2, &["'a.b'"]);
    let words =
        ["run", "MyServer", "--name=x", "--db=tcp://0.0.0.0:*", "--db=tcp://127.0.0.1:*", "--pull=tcp://0.0.0.0:*"];
    fails(&words, 2, &["part `Pull`"]);
}
