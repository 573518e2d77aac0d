//! A registry in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub(crate) fn palm() -> Command {
    Command::new(env!("CARGO_BIN_EXE_palm"))
}

pub(crate) fn add_user(database: &Path, arguments: &[&str], password: &str) -> Output {
    let mut command = palm();
    command.args(["registry", "user", "add", "--database"]).arg(database).args(arguments);
    with_input(command, password)
}

/// Runs it to its end with something on stdin.
pub(crate) fn with_input(mut command: Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may refuse before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

pub(crate) struct Registry {
    child: Child,
    pub(crate) address: String,
    pub(crate) setup_token: Option<String>,
    agent: ureq::Agent,
}

impl Registry {
    /// Returns when it listens.
    pub(crate) fn start(database: &Path, listen: &str) -> Self {
        Self::start_with(database, listen, &[])
    }

    pub(crate) fn start_with(database: &Path, listen: &str, more: &[&str]) -> Self {
        let mut command = palm();
        command.args(["registry", "--listen", listen, "--log", "off", "--database"]).arg(database).args(more);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.split_once("http://").unwrap_or_else(|| panic!("{first}")).1.to_owned();
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut registry = Self { child, address, setup_token: None, agent };
        // Where there is no user yet, the next line has the token.
        if registry.wants_set_up() {
            let line = lines.next().unwrap().unwrap();
            registry.setup_token = line.rsplit_once(' ').map(|(_, token)| token.to_owned());
        }
        registry
    }

    fn wants_set_up(&self) -> bool {
        self.request("GET", "/setup", "", b"").is_ok_and(|(status, _)| status == 200)
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: &[u8],
    ) -> Result<(u16, String), ureq::Error> {
        request(&self.agent, &self.address, (method, path), key, body)
    }

    /// What its memory is now, or was at most (`VmRSS`, `VmHWM`), in KiB; nothing where the system does not say.
    pub(crate) fn memory(&self, which: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and gives its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn request(
    agent: &ureq::Agent,
    address: &str,
    (method, path): (&str, &str),
    key: &str,
    body: &[u8],
) -> Result<(u16, String), ureq::Error> {
    let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{address}{path}"));
    if !key.is_empty() {
        request = request.header("Key", key);
    }
    let sent = agent.configure_request(request.body(body)?).allow_non_standard_methods(true).build();
    let mut response = agent.run(sent)?;
    let text = response.body_mut().with_config().limit(1 << 30).read_to_string()?;
    Ok((response.status().as_u16(), text))
}
