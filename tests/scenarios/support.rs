//! A real hark to talk to: the binary under test on a free port, ended when it goes out of scope.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

pub(crate) const HARK: &str = env!("CARGO_BIN_EXE_hark");
/// Far more than a start takes here; a machine under load gets its time.
const TRIES: u32 = 600;

pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts `hark serve` on a folder and waits until it is ready.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// The same, with more arguments.
    pub(crate) fn start_with(folder: &Path, arguments: &[&str]) -> Self {
        Self::spawn(&mut Command::new(HARK), folder, arguments)
    }

    /// The same, on an address that somebody has been told.
    pub(crate) fn start_on(folder: &Path, address: &str, arguments: &[&str]) -> Self {
        Self::spawn_on(&mut Command::new(HARK), folder, address, arguments)
    }

    /// The same, by a program that becomes hark: it is given hark's path and arguments.
    pub(crate) fn start_through(program: &mut Command, folder: &Path, arguments: &[&str]) -> Self {
        Self::spawn(program.arg(HARK), folder, arguments)
    }

    fn spawn(program: &mut Command, folder: &Path, arguments: &[&str]) -> Self {
        Self::spawn_on(program, folder, "127.0.0.1:0", arguments)
    }

    fn spawn_on(program: &mut Command, folder: &Path, address: &str, arguments: &[&str]) -> Self {
        let mut child = program
            .args(["serve", "--listen", address, "--data"])
            .arg(folder)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("hark is on ").unwrap_or_else(|| panic!("an address, not {line:?}"));
        let server = Self { url: url.to_owned(), child };
        for _ in 0..TRIES {
            if ureq::get(format!("{}/readyz", server.url)).call().is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("hark did not get ready");
    }

    /// SIGKILL: no goodbye, no cleaning up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit status it ends with.
    pub(crate) fn stop(mut self) -> Option<i32> {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().code()
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Result<serde_json::Value, ureq::Error> {
        post(&self.url, path, body)
    }

    pub(crate) fn get(&self, path: &str) -> serde_json::Value {
        ureq::get(format!("{}{path}", self.url)).call().unwrap().body_mut().read_json().unwrap()
    }

    /// The status and body of the answer to a body, whatever they are.
    pub(crate) fn send(&self, path: &str, body: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let mut answer = request.send(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    /// The rows that a query gives.
    pub(crate) fn query(&self, sql: &str) -> Vec<Vec<serde_json::Value>> {
        let question = serde_json::json!({ "sql": sql }).to_string();
        let answer = self.post("/api/v1/query", &question).unwrap_or_else(|problem| panic!("{sql}: {problem}"));
        serde_json::from_value(answer["rows"].clone()).unwrap()
    }

    /// The status and body of an answer, whatever it is.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(format!("{}{path}", self.url)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended where the test killed or stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn post(url: &str, path: &str, body: &str) -> Result<serde_json::Value, ureq::Error> {
    let request = ureq::post(format!("{url}{path}")).header("content-type", "application/json");
    request.send(body)?.body_mut().read_json()
}

/// The status and answer of a request by any method, whatever they are.
pub(crate) fn with_method(server: &Server, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let address = format!("{}{path}", server.url);
    let mut answer = match (method, body) {
        ("PUT", Some(body)) => agent.put(address).header("content-type", "application/json").send(body.to_string()),
        ("POST", Some(body)) => agent.post(address).header("content-type", "application/json").send(body.to_string()),
        _ => agent.delete(address).call(),
    }
    .unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// Runs the command line to its end.
pub(crate) fn hark(args: &[&str]) -> Output {
    Command::new(HARK).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Exit status and standard error of a command that should fail.
pub(crate) fn failure(args: &[&str]) -> (Option<i32>, String) {
    let output = hark(args);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}
