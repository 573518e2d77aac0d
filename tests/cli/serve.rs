//! `run`, with real clients.

use palm::Client;

use crate::program::{Running, program, start, start_as};

fn connect(server: &str, running: &mut Running) -> Client {
    Client::connect(server, running.address("db_address")).unwrap()
}

pub(crate) fn a_server_until_sigterm() {
    let mut server = start(&["MyServer", "--name", "my_server", "--db", "tcp://127.0.0.1:*"]);
    let client = connect("my_server", &mut server);
    assert_eq!(&client.eval("my_server.foo", b"a message").unwrap()[..], b"you sent me a message");
    assert_eq!(&client.eval("my_server.shout", "a message").unwrap()[..], b"A MESSAGE");
    server.stops();
}

pub(crate) fn a_server_until_ctrl_c() {
    let mut server = start(&["MyServer", "--name", "my_server"]);
    server.address("pull_address");
    server.signal("INT");
    assert_eq!(server.ends(), 0);
}

pub(crate) fn a_second_signal_ends_at_once() {
    for (signal, again, code) in [("TERM", "TERM", 143), ("INT", "INT", 130), ("TERM", "INT", 130)] {
        let mut server = start(&["MyServer", "--name", "my_server"]);
        let client = connect("my_server", &mut server);
        std::thread::spawn(move || client.eval("my_server.slow", ""));
        server.line_with("Sleeping");
        server.signal(signal);
        server.line_with("stopping");
        server.signal(again);
        assert_eq!(server.ends(), code);
    }
}

pub(crate) fn a_master_and_its_worker() {
    let mut master = start(&["MyMaster", "--name", "server", "--worker-push-address", "tcp://127.0.0.1:*"]);
    let address = master.address("db_address");
    let worker = start(&["MyWorker", "--name", "worker1", "--db", &address]);
    let client = Client::connect("server", &address).unwrap();
    let replies: Vec<_> = client.job("server.foo", ["a", "b"]).messages(4).map(Result::unwrap).collect();
    // Its `scatter` makes two of each.
    assert_eq!(replies.iter().filter(|reply| ***reply == *b"worker1 processed a").count(), 2);
    worker.stops();
    master.stops();
}

pub(crate) fn a_stream_through_pipeline_and_sink() {
    let mut server = start(&["Plain", "--name", "my_server", "--pipelined"]);
    let db = server.address("db_address");
    let address = server.address("pub_address");
    let mut pipeline = start(&[
        "MyPipeline",
        "--name",
        "my_pipeline",
        "--sub",
        &address,
        "--previous",
        "my_server",
        "--to-client",
        "false",
    ]);
    let address = pipeline.address("pub_address");
    let mut sink = start(&["MySink", "--name", "my_sink", "--sub-address", &address, "--previous", "my_pipeline"]);
    let client = Client::builder("my_server", &db).sub_address(sink.address("pub_address")).connect().unwrap();
    let reply = client.eval(["my_server.foo", "my_pipeline.foo", "my_sink.foo"], b"a message").unwrap();
    assert_eq!(&reply[..], b"and gathered and I pipelined plainly a message");
    for component in [sink, pipeline, server] {
        component.stops();
    }
}

pub(crate) fn a_hub_with_a_worker_that_looks_nothing_up() {
    let mut server = start(&["Plain", "--name", "my_server", "--pipelined"]);
    let db = server.address("db_address");
    let address = server.address("pub_address");
    let mut hub = start(&["Hub", "--name", "hub", "--sub", &address, "--previous", "my_server"]);
    let address = hub.address("pub_address");
    let (wpull, wpush) = (hub.address("worker_pull_address"), hub.address("worker_push_address"));
    let worker = start(&["MyWorker", "--name", "worker1", "--pull", &wpush, "--push", &wpull]);
    let client = Client::builder("my_server", &db).sub_address(address).connect().unwrap();
    let reply = client.eval(["my_server.foo", "hub.foo"], b"a message").unwrap();
    assert_eq!(&reply[..], b"worker1 processed plainly a message");
    for component in [worker, hub, server] {
        component.stops();
    }
}

pub(crate) fn messages_end_it() {
    let mut server = start(&["MyServer", "--name", "my_server", "--messages", "2"]);
    let client = connect("my_server", &mut server);
    for _ in 0..2 {
        client.eval("my_server.foo", "").unwrap();
    }
    assert_eq!(server.ends(), 0);
}

pub(crate) fn variables_stand_for_flags() {
    let mut master = start_as(
        program(&["run", "Master"])
            .env("PALM_RUN_NAME", "plain")
            .env("PALM_RUN_DB", "tcp://127.0.0.1:*")
            .env("PALM_RUN_PIPELINED", "false"),
    );
    let address = master.address("db_address");
    let mut command = program(&["run", "MyWorker", "--name", "worker1"]);
    // A worker has no such flag, and so no such variable.
    let worker = start_as(command.env("PALM_RUN_DB", &address).env("PALM_RUN_SUB", "nonsense"));
    let client = Client::connect("plain", &address).unwrap();
    assert_eq!(&client.eval("plain.foo", "it").unwrap()[..], b"worker1 processed it");
    worker.stops();
    master.stops();
}

pub(crate) fn a_worker_has_a_uuid() {
    let mut worker = start(&["MyWorker", "--db-address", "tcp://127.0.0.1:1"]);
    // It says so every 10 s; what its parts are depends on the master.
    worker.line_with("waiting for `master`");
    let name = worker.log[0].split(" - ").nth(1).unwrap().to_owned();
    assert!(uuid::Uuid::parse_str(&name).is_ok(), "{name}");
    worker.stops();
}

pub(crate) fn a_worker_without_a_master_ends_when_told() {
    let mut worker = start(&["MyWorker", "--name", "worker1", "--db", "tcp://127.0.0.1:1"]);
    worker.line_with("waiting for `master`");
    worker.stops();
}

/// An address of this machine where nobody is yet.
fn free_address() -> String {
    format!("tcp://{}", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

/// When a line of the log was written, in milliseconds of the day.
fn time(line: &str) -> u32 {
    let digits = line.split([' ', ':', ',']).skip(1).take(4).map(|word| word.parse::<u32>().unwrap());
    digits.zip([3_600_000, 60_000, 1_000, 1]).map(|(number, unit)| number * unit).sum()
}

pub(crate) fn it_is_said_every_ten_seconds_who_is_absent() {
    let (stream, answers, push, pull) = (free_address(), free_address(), free_address(), free_address());
    let mut absent = vec![
        (start(&["MyPipeline", "--name", "p", "--sub", &stream, "--previous", "first", "--pub", &answers]), &stream),
        (start(&["MySink", "--name", "s", "--sub", &stream, "--previous", "first"]), &stream),
        (start(&["Hub", "--name", "h", "--sub", &stream, "--previous", "first"]), &stream),
        (start(&["MyWorker", "--name", "w", "--pull", &push, "--push", &pull]), &push),
    ];
    for (component, address) in &mut absent {
        let text = format!("WARNING - waiting for the component at {address}");
        component.line_with(&text);
        component.line_with(&text);
        let said: Vec<u32> = component.log.iter().filter(|line| line.ends_with(&text)).map(|line| time(line)).collect();
        let between = (said[1] + 86_400_000 - said[0]) % 86_400_000;
        // Either line may be late, the first one too.
        assert!((9_000..20_000).contains(&between), "{:#?}", component.log);
    }
    let (pipeline, _) = absent.remove(0);
    absent.into_iter().for_each(|(component, _)| component.stops());
    let mut first = start(&["Plain", "--name", "first", "--pipelined", "--pub", &stream]);
    let client = Client::builder("first", first.address("db_address")).sub_address(answers).connect().unwrap();
    assert_eq!(client.eval(["first.foo", "p.foo"], "x").unwrap(), "and I pipelined plainly x");
    pipeline.stops();
    first.stops();
}

pub(crate) fn a_worker_that_hangs_ends_its_process() {
    let timeout = Some(std::time::Duration::from_millis(300));
    let master = palm::Master::new("server").work_timeout(timeout).attempts(1).start().unwrap();
    let address = master.address("db_address").unwrap();
    let mut worker = start(&["MyWorker", "--name", "worker1", "--db", &address]);
    let client = Client::connect("server", &address).unwrap();
    let error = client.eval("server.foo", "hang").unwrap_err();
    assert!(matches!(error, palm::Error::Remote { code: palm::wire::Code::Poisoned, .. }), "{error}");
    assert_eq!(worker.ends(), 1);
    let line = worker.log.iter().find(|line| line.contains("ERROR") && line.contains("`foo` hangs"));
    assert!(line.is_some_and(|line| line.contains("message `")), "{:#?}", worker.log);
}

pub(crate) fn one_component_is_a_program() {
    let mut command = program(&["--name", "default", "--name", "my_server", "--log", "info"]);
    let mut server = start_as(command.env(crate::program::VARIABLE, "MyServer"));
    let client = connect("my_server", &mut server);
    client.eval("my_server.foo", "").unwrap();
    server.stops();
    let (code, _, err) =
        crate::program::output(program(&["--name=x", "--sub=y"]).env(crate::program::VARIABLE, "MyServer"));
    assert_eq!(code, 2);
    assert!(err.contains("the flags of a server are --name, --pull"), "{err}");
    let (code, ..) = crate::program::output(program(&[]).env(crate::program::VARIABLE, "Nothing"));
    assert_eq!(code, 3);
}
