//! One kept-alive HTTP/1.1 connection, as little of it as a load generator needs.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// For one answer. A server that needs longer has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// A larger answer is not one that anything here asks for.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whole seconds, where the server is busy and says so.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The beginning of what it says, for a person.
    pub(crate) fn said(&self) -> String {
        const SHOWN_MAX: usize = 300;
        let shown = String::from_utf8_lossy(&self.body[..self.body.len().min(SHOWN_MAX)]).into_owned();
        format!("{} {}", self.status, shown.trim())
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let open = || -> std::io::Result<TcpStream> {
            let stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(ANSWER_WITHIN))?;
            stream.set_write_timeout(Some(ANSWER_WITHIN))?;
            Ok(stream)
        };
        let stream = open().with_context(|| format!("{address} cannot be connected to"))?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        let address = self.address;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        self.exchange(&head, &[]).with_context(|| format!("GET {path} at {address} failed"))
    }

    /// `headers` are whole lines, each with its line ending.
    pub(crate) fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
        let (address, length) = (self.address, body.len());
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n");
        self.exchange(&head, body).with_context(|| format!("POST {path} at {address} failed"))
    }

    fn exchange(&mut self, head: &str, body: &[u8]) -> Result<Answer> {
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        read_answer(&mut self.stream)
    }
}

fn read_answer(stream: &mut impl BufRead) -> Result<Answer> {
    let first = read_line(stream)?;
    let status: u16 = first.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no HTTP came back")?;
    let (mut length, mut retry_after, mut is_chunked) = (None, None, false);
    loop {
        let line = read_line(stream)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse::<usize>().context("a length that is no number came back")?);
        } else if name.eq_ignore_ascii_case("retry-after") {
            retry_after = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            is_chunked = value.trim().eq_ignore_ascii_case("chunked");
        }
    }
    let mut body = Vec::new();
    match length {
        _ if is_chunked => read_chunks(stream, &mut body)?,
        Some(length) => read_bytes(stream, length, &mut body)?,
        // It has no body and says no length.
        None if status == 204 => {}
        None => bail!("an answer without a length came back"),
    }
    Ok(Answer { status, retry_after, body })
}

/// Each chunk has its length in front, in hexadecimal; the last one is empty.
fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let length = read_line(stream)?;
        let length = usize::from_str_radix(&length, 16).context("a chunk without a length came back")?;
        read_bytes(stream, length, body)?;
        read_line(stream)?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn read_bytes(stream: &mut impl BufRead, length: usize, body: &mut Vec<u8>) -> Result<()> {
    let before = body.len();
    if length > ANSWER_BYTES_MAX - before {
        bail!("an answer of more than {ANSWER_BYTES_MAX} bytes came back");
    }
    body.resize(before + length, 0);
    Ok(stream.read_exact(&mut body[before..])?)
}

fn read_line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        bail!("the connection was closed");
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        let mut all = &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 429 Busy\r\nretry-after: 2\r\n\
            content-length: 0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"[..];
        let first = read_answer(&mut all).unwrap();
        assert_eq!((first.said(), first.is_good()), ("200 abc".to_owned(), true));
        assert_eq!(read_answer(&mut all).unwrap(), Answer { status: 429, retry_after: Some(2), body: vec![] });
        assert_eq!(read_answer(&mut all).unwrap().status, 204);
        assert_eq!(read_answer(&mut all).unwrap().said(), "200 abc0123456789");
        assert_eq!(read_answer(&mut all).unwrap_err().to_string(), "the connection was closed");
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for broken in ["nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"]
        {
            assert!(read_answer(&mut broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
