//! What a running component logs.

use palm::Client;

use crate::program::{program, start, start_as};

pub(crate) fn lines_are_on_stderr_in_local_time() {
    let time = |zone: &str| {
        let mut server = start_as(program(&["run", "MyServer", "--name", "my_server"]).env("TZ", zone));
        server.line_with("Starting the router");
        let line = server.log.remove(0);
        server.stops();
        line
    };
    let line = time("UTC0");
    let shape: String = line.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00,000 - my_server - INFO - Starting the router");
    // Half an hour beside, the minutes tell.
    let minutes = |line: &str| line[14..16].parse::<i32>().unwrap();
    let apart = (minutes(&time("XXX-05:30")) - minutes(&line)).rem_euclid(60);
    assert!((30..=31).contains(&apart), "{apart}");
}

pub(crate) fn levels_are_overridden() {
    let count = |arguments: &[&str], variable: &str| {
        let mut command =
            program(&[&["run", "MyServer", "--name", "my_server", "--messages", "1"], arguments].concat());
        let mut server = start_as(command.env("PALM_LOG", variable).env("PALM_RUN_DB", "tcp://0.0.0.0:*"));
        // It is refused, and logs until then.
        assert_eq!(server.ends(), 2);
        server.log.len() - 1
    };
    assert!(count(&[], "info") > 5);
    assert_eq!(count(&[], "warn"), 0);
    assert_eq!(count(&["--log", "off"], "debug"), 0);
    assert!(count(&["--log", "INFO"], "error") > 5);
}

pub(crate) fn a_forged_line_is_none() {
    let mut server = start(&["MyServer", "--name", "my_server"]);
    let client = Client::connect("my_server", server.address("db_address")).unwrap();
    let forged = "gone\r\n2017-02-01 10:11:41,485 - root - ERROR - forged \x1b[2J";
    client.eval("my_server.shout", forged).unwrap();
    server.line_with("Shouting gone\\r");
    server.line_with("    2017-02-01 10:11:41,485 - root - ERROR - forged \\u{1b}[2J");
    assert!(server.log.last().unwrap().starts_with("    2017"));
    server.stops();
}
