//! A server under load: hark or a peer, started in a folder of its own, watched, and ended whatever happens.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bench::http::Connection;
use crate::bench::processor::{Memory, Processor};
use crate::clock::Stopwatch;
use crate::journey::{last_lines, printed_address};
use crate::process;

/// From start to ready, recovery included. After that the run fails.
const READY_WITHIN: Duration = Duration::from_secs(300);
/// For what still waits to be written. After that the run fails.
const STOPPED_WITHIN: Duration = Duration::from_secs(300);
/// Short, since the time to get ready is measured with it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// From start to ready.
    ready_seconds: f64,
    log: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either fails only where it has ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts `hark serve`. `folder` holds its data and what it says.
    pub(crate) fn hark(binary: &Path, folder: &Path, metrics: &Path) -> Result<Self> {
        let mut command = hark(binary, folder);
        command.arg("serve").args(["--listen", "127.0.0.1:0"]);
        command.arg("--data").arg(folder.join("data")).arg("--metrics").arg(metrics);
        let said = folder.join("server.out");
        let address = || fs::read_to_string(&said).ok().as_deref().and_then(printed_address);
        Self::start(command, folder, "/readyz", address)
    }

    /// Starts VictoriaMetrics, which keeps samples of any age here.
    pub(crate) fn victoria(binary: &Path, folder: &Path) -> Result<Self> {
        // Free now, and in all likelihood still free when it is asked for.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = port.context("no free port was found")?;
        let mut command = process::program(binary);
        command.current_dir(folder).arg(format!("-storageDataPath={}", folder.join("data").display()));
        command.arg(format!("-httpListenAddr={address}")).arg("-retentionPeriod=100y");
        Self::start(command, folder, "/health", || Some(address))
    }

    fn start(
        mut command: Command,
        folder: &Path,
        ready_at: &str,
        address: impl Fn() -> Option<SocketAddr>,
    ) -> Result<Self> {
        let log = folder.join("server.err");
        let unwritable = || format!("{} could not be written to", folder.display());
        let out = File::create(folder.join("server.out")).with_context(unwritable)?;
        let err = File::create(&log).with_context(unwritable)?;
        let program = command.get_program().to_string_lossy().into_owned();
        let watch = Stopwatch::start();
        let child = command.stdout(out).stderr(err).spawn();
        let child = child.with_context(|| format!("{program} could not be started"))?;
        let mut server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_seconds: 0.0, log };
        while watch.elapsed() < READY_WITHIN {
            if let Some(address) = address().filter(|address| answers(*address, ready_at)) {
                server.address = address;
                server.ready_seconds = watch.elapsed().as_secs_f64();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait().context("a server could not be waited for")? {
                bail!("{program} ended ({status}) before it was ready; its last words were:\n{}", server.last_words());
            }
            sleep(BETWEEN_LOOKS);
        }
        bail!("{program} was not ready in {} s:\n{}", READY_WITHIN.as_secs(), server.last_words())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn ready_seconds(&self) -> f64 {
        self.ready_seconds
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        Memory::of(self.child.id())
    }

    pub(crate) fn processor_seconds(&self, processor: Processor) -> Result<f64> {
        processor
            .of(self.child.id())
            .with_context(|| format!("it has ended; its last words were:\n{}", self.last_words()))
    }

    pub(crate) fn threads(&self, processor: Processor) -> Result<Vec<(String, f64)>> {
        processor.by_thread(self.child.id())
    }

    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let answer = Connection::open(self.address)?.get(path)?;
        if !answer.is_good() {
            bail!("GET {path} was answered with {}", answer.said());
        }
        String::from_utf8(answer.body).context("the answer is not UTF-8")
    }

    /// Where hark's stream stands.
    pub(crate) fn status(&self) -> Result<Value> {
        serde_json::from_str(&self.get("/api/v1/status")?).context("hark's status is no JSON")
    }

    /// Ends it as an operator would, and answers the processor seconds of its whole life.
    pub(crate) fn stop(mut self, processor: Processor) -> Result<f64> {
        let before = processor.of_ended_children()?;
        // The shell has `kill` where no package brings it. What the shell itself uses is a millisecond.
        process::run(process::program("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]))?;
        let watch = Stopwatch::start();
        while self.child.try_wait().context("a server could not be waited for")?.is_none() {
            if watch.elapsed() > STOPPED_WITHIN {
                bail!("it did not stop within {} s:\n{}", STOPPED_WITHIN.as_secs(), self.last_words());
            }
            sleep(BETWEEN_LOOKS);
        }
        Ok(processor.of_ended_children()? - before)
    }

    /// Ends it as a power cut would, as far as the process goes.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().context("hark could not be killed")?;
        self.child.wait().context("hark could not be waited for").map(drop)
    }

    fn last_words(&self) -> String {
        last_lines(&fs::read_to_string(&self.log).unwrap_or_default())
    }
}

/// hark with nothing of the surroundings in it: no configuration file, no environment.
pub(crate) fn hark(binary: &Path, folder: &Path) -> Command {
    let mut command = process::program(binary);
    command.current_dir(folder);
    for name in ["HARK_LISTEN", "HARK_DATA", "HARK_DATABASE", "HARK_METRICS", "HARK_LOG"] {
        command.env_remove(name);
    }
    command
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let answer = Connection::open(address).and_then(|mut connection| connection.get(path));
    answer.is_ok_and(|answer| answer.is_good())
}
