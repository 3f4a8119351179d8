//! The load: several senders, each with a connection of its own, as fast as answers come or by a timetable.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use crate::bench::http::{Answer, Connection};
use crate::clock::Stopwatch;

/// Senders of a run where nothing else is said: the waiting of one is the work of the others.
pub(crate) const SENDERS: usize = 8;
/// A body is sent so often before the run fails; a busy server says how long to wait in between.
const TRIES_MAX: u64 = 300;

/// Bodies for one address, in the order in which they go out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) path: &'a str,
    /// Whole lines.
    pub(crate) headers: &'a str,
    pub(crate) bodies: &'a [&'a [u8]],
    pub(crate) senders: usize,
}

/// What it took until the last answer came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sent {
    pub(crate) seconds: f64,
    /// Bodies that were refused with a time to come again, and sent again.
    pub(crate) retries: u64,
    /// Of each body, from when it was due to its answer. Empty of a load that has no timetable.
    pub(crate) answer_ms: Vec<f64>,
}

impl Load<'_> {
    /// Each sender takes the next body as soon as the last is answered.
    pub(crate) fn send(&self, address: SocketAddr) -> Result<Sent> {
        let next = AtomicUsize::new(0);
        self.run(address, |_, number, connection| {
            let mut sent = Sent::default();
            while let Some(body) = self.bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                sent.retries += self.deliver(connection, number, body)?;
            }
            Ok(sent)
        })
    }

    /// Body by body every `interval`, whether the last was answered or not: a sender that is held up falls behind, and
    /// its answers count from when they were due.
    pub(crate) fn send_every(&self, interval: Duration, address: SocketAddr) -> Result<Sent> {
        self.run(address, |watch, number, connection| {
            let mut sent = Sent::default();
            for at in (number..self.bodies.len()).step_by(self.senders) {
                let due = interval.mul_f64(at as f64);
                sleep(due.saturating_sub(watch.elapsed()));
                sent.retries += self.deliver(connection, number, self.bodies[at])?;
                sent.answer_ms.push(watch.elapsed().saturating_sub(due).as_secs_f64() * 1000.0);
            }
            Ok(sent)
        })
    }

    fn run(
        &self,
        address: SocketAddr,
        sender: impl Fn(&Stopwatch, usize, &mut Connection) -> Result<Sent> + Sync,
    ) -> Result<Sent> {
        let connections = (0..self.senders).map(|_| Connection::open(address)).collect::<Result<Vec<_>>>()?;
        let watch = Stopwatch::start();
        let each = thread::scope(|scope| {
            let start = |(number, mut connection)| {
                let (watch, sender) = (&watch, &sender);
                scope.spawn(move || sender(watch, number, &mut connection))
            };
            let running: Vec<_> = connections.into_iter().enumerate().map(start).collect();
            let joined = running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a sender panicked"))?);
            joined.collect::<Result<Vec<Sent>>>()
        })?;
        Ok(Sent {
            seconds: watch.elapsed().as_secs_f64(),
            retries: each.iter().map(|sent| sent.retries).sum(),
            answer_ms: each.into_iter().flat_map(|sent| sent.answer_ms).collect(),
        })
    }

    /// Sends a body until it is taken and answers how often that was too early. Each sender is a source with a clock of
    /// its own, as gateways are.
    fn deliver(&self, connection: &mut Connection, number: usize, body: &[u8]) -> Result<u64> {
        let headers = format!("X-Hark-Source: sender-{number}\r\n{}", self.headers);
        for retries in 0..TRIES_MAX {
            let answer = connection.post(self.path, &headers, body)?;
            match answer {
                _ if answer.is_good() => return Ok(retries),
                Answer { status: 429 | 503, retry_after: Some(seconds), .. } => sleep(Duration::from_secs(seconds)),
                refused => bail!("a body of {} bytes for {} was refused: {}", body.len(), self.path, refused.said()),
            }
        }
        bail!("{} was busy {TRIES_MAX} times in a row", self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Takes two connections and answers each request on them; `busy` many of all are told to come again at once.
    fn server(busy: usize) -> (SocketAddr, thread::JoinHandle<Vec<Vec<u8>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let told = std::sync::Arc::new(AtomicUsize::new(0));
        let taking = thread::spawn(move || {
            let streams: Vec<_> = (0..2).map(|_| listener.accept().unwrap().0).collect();
            let serving = streams.into_iter().map(|stream| {
                let told = std::sync::Arc::clone(&told);
                thread::spawn(move || serve(stream, &told, busy))
            });
            let serving: Vec<_> = serving.collect();
            serving.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        (address, taking)
    }

    fn serve(stream: std::net::TcpStream, told: &AtomicUsize, busy: usize) -> Vec<Vec<u8>> {
        let mut stream = BufReader::new(stream);
        let mut taken = Vec::new();
        loop {
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).unwrap() > 2 {
                length = line.strip_prefix("Content-Length: ").map_or(length, |value| value.trim().parse().unwrap());
                line.clear();
            }
            if line.is_empty() {
                return taken;
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let is_busy = told.fetch_add(1, Ordering::Relaxed) < busy;
            let status = if is_busy { "429 Busy\r\nRetry-After: 0" } else { "200 OK" };
            write!(stream.get_mut(), "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
            taken.extend((!is_busy).then_some(body));
        }
    }

    fn bodies() -> [&'static [u8]; 5] {
        [b"a", b"bb", b"ccc", b"dd", b"e"]
    }

    #[test]
    fn every_body_arrives_once_and_a_busy_server_is_asked_again() {
        let (address, taken) = server(3);
        let bodies = bodies();
        let load = Load { path: "/", headers: "", bodies: &bodies, senders: 2 };
        let sent = load.send(address).unwrap();
        let mut taken = taken.join().unwrap();
        taken.sort_unstable();
        assert_eq!((taken, sent.retries), (bodies.map(<[u8]>::to_vec).to_vec(), 3));
    }

    #[test]
    fn a_timetable_is_kept_and_answers_are_timed() {
        let (address, taken) = server(0);
        let bodies = bodies();
        let load = Load { path: "/", headers: "", bodies: &bodies, senders: 2 };
        let sent = load.send_every(Duration::from_millis(10), address).unwrap();
        assert_eq!((taken.join().unwrap().len(), sent.answer_ms.len()), (5, 5));
        assert!(sent.seconds >= 0.04, "{sent:?}");
    }
}
