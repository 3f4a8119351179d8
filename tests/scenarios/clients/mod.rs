//! Programs of others on both sides of hark: what sends to it, and what reads the history that it leaves behind.
//!
//! A test whose program is not there says so on stderr and passes; with `HARK_REQUIRE_CLIENTS=1` it fails. The scripts
//! in `tests/clients` run in the Python that `HARK_PYTHON` names, see `.ci/run` for what has to be installed in it.

mod import;
mod otlp;
mod prometheus;
mod readers;
mod syslog;

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// Half a minute: a machine under load gets its time.
const TRIES: u32 = 300;

/// A script of `tests/clients`, ready for its arguments.
fn script(name: &str) -> Option<Command> {
    let Some(python) = std::env::var_os("HARK_PYTHON") else {
        missing("HARK_PYTHON names no Python that has the packages of .ci/run");
        return None;
    };
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name));
    Some(command)
}

/// A program on the PATH, and what it says of itself when asked with `argument`.
fn program(name: &str, argument: &str) -> Option<String> {
    let Ok(output) = Command::new(name).arg(argument).stdin(Stdio::null()).output() else {
        missing(&format!("{name} is not on the PATH"));
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

fn missing(what: &str) {
    assert!(std::env::var_os("HARK_REQUIRE_CLIENTS").is_none_or(|value| value != "1"), "{what}");
    eprintln!("skipped: {what}");
}

/// Runs to the end and reads the one JSON value it prints.
fn printed(command: &mut Command) -> Value {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {problems}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{command:?}: {error}: {problems}"))
}

/// A program in the background, killed when it goes out of scope.
struct Background(Child);

impl Background {
    fn start<I: AsRef<OsStr>>(program: &str, arguments: &[I], log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Already ended where something went wrong with it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago, for programs that cannot tell which one they took.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks until there is an answer; `what` is for the message when there is none.
fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..TRIES {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what}: not within {} seconds", TRIES / 10);
}
