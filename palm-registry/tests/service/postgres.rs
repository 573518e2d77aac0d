//! The same on PostgreSQL, on a server of the test's own.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{on_database, skip, until};
use crate::{api, legacy, logs, nodes, pages, payloads, security};

struct Postgres {
    server: Child,
    programs: PathBuf,
    directory: tempfile::TempDir,
}

impl Postgres {
    /// It does not run as root: then it runs as somebody who owns nothing.
    fn start() -> Result<Self, String> {
        let programs = programs().ok_or("there is no PostgreSQL here")?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        if output("id", &["-u"])? == "0" {
            let (user, group) = (output("id", &["-u", "nobody"])?, output("id", &["-g", "nobody"])?);
            chown(directory.path(), user.parse().ok(), group.parse().ok()).map_err(|error| error.to_string())?;
        }
        let data = directory.path().join("data");
        let made = as_nobody(&programs.join("initdb"))?
            .args(["--auth=trust", "--username=palm", "--encoding=UTF8", "--no-sync", "--no-instructions", "--pgdata"])
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return Err("initdb failed".to_owned());
        }
        let server = as_nobody(&programs.join("postgres"))?
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let postgres = Self { server, programs, directory };
        until("PostgreSQL", || postgres.sql("SELECT 1"));
        Ok(postgres)
    }

    fn sql(&self, statement: &str) -> bool {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-q", "-X", "-U", "palm", "-d", "postgres", "-c", statement, "-h"]).arg(self.directory.path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn new_database(&self, name: &str) -> String {
        assert!(self.sql(&format!("CREATE DATABASE {name}")));
        let socket = self.directory.path().display().to_string().replace('/', "%2F");
        format!("postgres://palm@localhost/{name}?host={socket}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Where the programs of the server are: Debian keeps them out of the way.
fn programs() -> Option<PathBuf> {
    let mut places: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    places.extend(
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin")),
    );
    let place = places.into_iter().find(|place| place.join("initdb").exists() && place.join("postgres").exists())?;
    let place = std::fs::canonicalize(place.join("initdb")).ok()?.parent()?.to_owned();
    place.join("psql").exists().then_some(place)
}

fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn as_nobody(program: &Path) -> Result<Command, String> {
    if output("id", &["-u"])? != "0" {
        return Ok(Command::new(program));
    }
    let group = output("id", &["-g", "nobody"])?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", &group, "--clear-groups"]).arg(program).current_dir("/");
    Ok(command)
}

#[test]
fn all_of_it_on_postgresql() {
    let postgres = match Postgres::start() {
        Ok(postgres) => postgres,
        Err(reason) => return skip(&format!("what runs on PostgreSQL, since {reason}")),
    };
    let scenarios: [(&str, fn()); 23] = [
        ("comes_up", legacy::a_cluster_comes_up_as_it_always_did),
        ("key_taken", legacy::a_key_may_be_chosen_and_is_taken_then),
        ("refused", legacy::what_is_refused_is_4xx),
        ("strange_lines", logs::strange_lines_come_back_intact),
        ("garbage", logs::garbage_is_refused_and_bad_utf8_is_replaced),
        ("paging", logs::paging_by_time_loses_nothing),
        ("origins", logs::origins_are_kept_and_filtered_by),
        ("trimmed", logs::the_oldest_lines_make_room),
        ("log_goes", logs::a_log_goes_with_its_cluster),
        ("exactly", nodes::a_node_gets_exactly_its_own_again),
        ("reports", nodes::reports_become_states_events_and_metrics),
        ("lost", nodes::a_node_that_is_not_heard_of_is_lost_until_it_is),
        ("room", nodes::nodes_that_hold_nothing_make_room),
        ("too_much", nodes::what_is_too_old_or_too_much_goes),
        ("locked_out", security::a_user_who_is_locked_out_is_out),
        ("crowd", nodes::no_port_is_handed_out_twice_in_a_crowd),
        ("plans", api::clusters_are_made_planned_and_deleted),
        ("first_user", pages::the_first_user_is_made_on_a_page),
        ("keys", pages::keys_are_shown_once_and_taken_back),
        ("tags", legacy::what_a_client_has_already_is_not_sent_again),
        ("collide", pages::clusters_that_give_out_the_same_ports_are_told_of),
        ("guesses", security::sign_ins_that_are_refused_are_recorded),
        ("payloads", payloads::payloads_are_values_to_the_database),
    ];
    for (name, scenario) in scenarios {
        on_database(postgres.new_database(name), scenario);
    }
}
