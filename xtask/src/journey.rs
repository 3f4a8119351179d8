//! The browser journey: a small demo on a free port, Chromium led through its pages, the server ended whatever happens.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clock::Stopwatch;
use crate::process;

/// The demo the journey walks through: few days, little traffic, a port that is free.
const SMALL_DEMO: [&str; 8] = ["--days", "12", "--rate", "40", "--incidents", "6", "--listen", "127.0.0.1:0"];

const SCRIPT: &str = "dashboard/ui/e2e/journey.mjs";
const SCREENSHOTS: &str = "test-results/screenshots";
const SERVER_LOG: &str = "test-results/journey-server.log";

/// From start to ready: the small demo takes seconds, a loaded machine gets its time. After that the test fails.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// For the way through the pages, browser start included. After that the script is ended and the test fails.
const JOURNEY_WITHIN: Duration = Duration::from_secs(900);
/// For one answer of /readyz. After that it is asked again.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// How much of the server's log is shown when it did not get ready.
const LOG_LINES_SHOWN: usize = 20;

/// The browser to use: the one named in CHROMIUM, else the first that is installed.
pub(crate) fn chromium() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(["/usr/bin".into()]).collect();
    find_chromium(env::var_os("CHROMIUM").map(PathBuf::from), &folders)
}

fn find_chromium(named: Option<PathBuf>, folders: &[PathBuf]) -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let installed = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    named.into_iter().chain(installed).find(|path| path.is_file())
}

pub(crate) fn run(chromium: &Path) -> Result<()> {
    lead(&process::binary("debug")?, SCRIPT, chromium, &[])
}

/// Starts a small demo and leads the browser through it by a script.
pub(crate) fn lead(hark: &Path, script: &str, chromium: &Path, variables: &[(&str, &str)]) -> Result<()> {
    let root = process::root();
    let screenshots = root.join(SCREENSHOTS);
    fs::create_dir_all(&screenshots).with_context(|| format!("{SCREENSHOTS} could not be made: free some space"))?;

    let mut server = Server::start(hark, &root.join(SERVER_LOG))?;
    let address = server.wait_until_ready()?;
    println!("{script} starts at http://{address}, with {}", chromium.display());

    let mut node = process::program("node");
    node.arg(script).env("HARK_URL", format!("http://{address}")).env("SHOTS", &screenshots).env("CHROMIUM", chromium);
    walk(node.envs(variables.iter().copied()), script)
}

fn walk(node: &mut Command, script: &str) -> Result<()> {
    let mut journey = Guarded(node.spawn().context("`node` could not be started: install Node.js 20 or later")?);
    let watch = Stopwatch::start();
    while watch.elapsed() < JOURNEY_WITHIN {
        match journey.0.try_wait().context("the browser journey could not be waited for: run it again")? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => {
                bail!("{script} failed ({status}): see above and {SCREENSHOTS}; hark's log is {SERVER_LOG}")
            }
            None => sleep(BETWEEN_LOOKS),
        }
    }
    bail!("{script} was not done in {} s and was ended: see {SCREENSHOTS}", JOURNEY_WITHIN.as_secs())
}

/// A child that never outlives its owner.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // Either fails only where the child has ended by itself, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running hark whose output goes to a file: read for the address it prints, kept for whoever looks for a failure.
struct Server {
    process: Guarded,
    log: PathBuf,
}

impl Server {
    fn start(hark: &Path, log: &Path) -> Result<Self> {
        let unwritable = || format!("{} could not be written: free some space", log.display());
        let out = File::create(log).with_context(unwritable)?;
        let err = out.try_clone().with_context(unwritable)?;
        let mut hark = process::program(hark);
        let child = hark.args(SMALL_DEMO).stdout(out).stderr(err).spawn();
        let child = child.context("the built hark could not be started: run `cargo build --bin hark` and try again")?;
        Ok(Self { process: Guarded(child), log: log.to_path_buf() })
    }

    fn wait_until_ready(&mut self) -> Result<SocketAddr> {
        let watch = Stopwatch::start();
        while watch.elapsed() < READY_WITHIN {
            if let Some(address) = printed_address(&self.said()).filter(|address| is_ready(*address)) {
                return Ok(address);
            }
            let ended = self.process.0.try_wait().context("hark could not be waited for: run the test again")?;
            if let Some(status) = ended {
                bail!("hark ended ({status}) before it was ready; its last words were:\n{}", last_lines(&self.said()));
            }
            sleep(BETWEEN_LOOKS);
        }
        let limit = READY_WITHIN.as_secs();
        bail!("hark was not ready within {limit} s; its last words were:\n{}", last_lines(&self.said()))
    }

    fn said(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

/// The first `http://127.0.0.1:PORT` in what the server wrote so far. A line still being written may hold half a port,
/// so only whole lines count.
pub(crate) fn printed_address(said: &str) -> Option<SocketAddr> {
    let whole = &said[..=said.rfind('\n')?];
    let start = whole.find("http://127.0.0.1:")? + "http://".len();
    let rest = &whole[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').unwrap_or(rest.len());
    rest[..end].trim_end_matches(['.', ':']).parse().ok()
}

fn is_ready(address: SocketAddr) -> bool {
    status_of(address, "/readyz").is_some_and(|status| status == 200)
}

/// The status of one GET. A whole client would be a dependency for these few lines.
fn status_of(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN).ok()?;
    stream.set_read_timeout(Some(ANSWER_WITHIN)).ok()?;
    stream.set_write_timeout(Some(ANSWER_WITHIN)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.split(' ').nth(1)?.parse().ok()
}

pub(crate) fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn the_named_browser_comes_first_and_none_is_no_error() {
        let (here, nowhere) = (PathBuf::from(file!()), PathBuf::from("no/such/folder"));
        let named = process::root().join(here);
        assert_eq!(find_chromium(Some(named.clone()), &[]), Some(named));
        assert_eq!(find_chromium(Some(nowhere.join("browser")), &[nowhere]), None);
    }

    #[test]
    fn the_address_is_read_from_the_first_whole_line_that_has_it() {
        let said = "replaying\ndashboard: http://127.0.0.1:41873/ (Ctrl-C to stop)\n";
        assert_eq!(printed_address(said), "127.0.0.1:41873".parse().ok());
        assert_eq!(printed_address("open http://127.0.0.1:8080.\n"), "127.0.0.1:8080".parse().ok());
        assert_eq!(printed_address("dashboard: http://127.0.0.1:418"), None);
        assert_eq!(printed_address("nothing yet\n"), None);
    }

    #[test]
    fn a_server_is_ready_when_it_answers_200() {
        for (status, ready) in [("200 OK", true), ("503 Service Unavailable", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let answering = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let length = stream.read(&mut request).unwrap();
                assert!(request[..length].starts_with(b"GET /readyz HTTP/1.1\r\n"));
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
            });
            assert_eq!(is_ready(address), ready);
            answering.join().unwrap();
        }
    }

    #[test]
    fn only_the_end_of_a_long_log_is_shown() {
        let said: String = (0..50).map(|line| format!("{line}\n")).collect();
        assert!(last_lines(&said).starts_with("30\n"));
        assert_eq!(last_lines("one\n"), "one");
    }
}
