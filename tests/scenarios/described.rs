//! Every operation of the OpenAPI document, asked with what it describes and with what it does not: no answer is the server's fault, and
//! what is refused is refused in a sentence.

use std::fmt::Write;
use std::fs;

use serde_json::{Map, Value, json};

use crate::support::{Server, hark};

/// Requests of each operation.
const ROUNDS: usize = 40;
const SEED: u64 = 7;
/// What reaches far: names, slices, times and numbers that are known.
const KNOWN: [&str; 22] = [
    "response_time",
    "failure_rate",
    "requests",
    "ux_score",
    "p95",
    "p50",
    "rate",
    "count",
    "platform:iOS",
    "platform:iOS,locale:de_DE",
    "platform",
    "cluster,feature",
    "2026-03-02T00:00:00Z",
    "2026-03-01T06:00:00Z",
    "2026-03-01T12:34:56.789+02:00",
    "300",
    "100",
    "2026-W09",
    "html",
    "ada",
    "select * from events limit 3",
    "select platform, count(*) from cells_hour group by platform",
];
/// What nobody asks who means well.
const STRANGE: [&str; 26] = [
    "",
    " ",
    "\0",
    "%",
    "%00",
    "'; drop table alerts; --",
    "../../etc/passwd",
    "{}",
    "[",
    "null",
    "-1",
    "0",
    "1e309",
    "NaN",
    "18446744073709551616",
    "9999999999999999999999999999",
    "9999-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "-99999-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "platform:",
    ":iOS",
    "platform:iOS,platform:macOS",
    "\u{202e}\u{1f600}é日本",
    "select 1/0",
    "select from where",
];

/// SplitMix64: the same requests each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, often: usize) -> bool {
        self.below(often) == 0
    }

    fn text(&mut self) -> String {
        match self.below(8) {
            0..5 => KNOWN[self.below(KNOWN.len())].to_owned(),
            5 => "x".repeat(1 << self.below(14)),
            _ => STRANGE[self.below(STRANGE.len())].to_owned(),
        }
    }

    fn anything(&mut self) -> Value {
        match self.below(8) {
            0 => Value::Null,
            1 => json!(self.one_in(2)),
            2 => json!(self.next() as i64),
            3 => json!(f64::from_bits(self.next())),
            4 => json!([]),
            5 => json!({ self.text(): self.text() }),
            _ => json!(self.text()),
        }
    }
}

struct Described {
    document: Value,
    dice: Dice,
}

impl Described {
    /// A value as the schema says, and now and then not.
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        if depth > 6 || self.dice.one_in(12) {
            return self.dice.anything();
        }
        if let Some(name) = schema["$ref"].as_str() {
            let schema = self.document.pointer(name.trim_start_matches('#')).unwrap().clone();
            return self.value(&schema, depth + 1);
        }
        if let Some(choices) = ["oneOf", "anyOf", "allOf"].iter().find_map(|of| schema[of].as_array()) {
            let choice = &choices[self.dice.below(choices.len())];
            return self.value(choice, depth + 1);
        }
        if let Some(choices) = schema["enum"].as_array() {
            return choices[self.dice.below(choices.len())].clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[self.dice.below(kinds.len())].as_str(),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") => self.object(schema, depth),
            Some("array") => (0..self.dice.below(4)).map(|_| self.value(&schema["items"], depth + 1)).collect(),
            Some("string") => json!(self.dice.text()),
            Some("integer") => json!([0, 1, 60, 300, -1, i64::MAX][self.dice.below(6)]),
            Some("number") => json!([0.0, 0.5, 1.0, -3.5, 1e300][self.dice.below(5)]),
            Some("boolean") => json!(self.dice.one_in(2)),
            _ => self.dice.anything(),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let mut made = Map::new();
        for (name, of) in schema["properties"].as_object().into_iter().flatten() {
            if !self.dice.one_in(4) {
                made.insert(name.clone(), self.value(of, depth + 1));
            }
        }
        if schema["additionalProperties"].is_object() {
            made.insert(self.dice.text(), self.value(&schema["additionalProperties"], depth + 1));
        }
        if self.dice.one_in(10) {
            made.insert(self.dice.text(), self.dice.anything());
        }
        Value::Object(made)
    }

    /// An address of a path, its parts and parameters filled in.
    fn address(&mut self, path: &str, operation: &Value) -> String {
        let (mut path, mut query) = (path.to_owned(), String::new());
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let value = match self.value(&parameter["schema"], 0) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            if parameter["in"] == "path" {
                path = path.replace(&format!("{{{name}}}"), &escaped(&value));
            } else if !self.dice.one_in(3) {
                _ = write!(query, "{}{}={}", if query.is_empty() { '?' } else { '&' }, escaped(name), escaped(&value));
            }
        }
        path + &query
    }

    /// A body and what it says it is.
    fn body(&mut self, operation: &Value) -> Option<(String, Vec<u8>)> {
        let content = operation["requestBody"]["content"].as_object()?;
        let (kind, described) = content.iter().nth(self.dice.below(content.len()))?;
        let body = if self.dice.one_in(8) {
            (0..self.dice.below(300)).map(|_| self.dice.next() as u8).collect()
        } else {
            self.value(&described["schema"], 0).to_string().into_bytes()
        };
        Some((kind.clone(), body))
    }
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        _ = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => write!(escaped, "{}", char::from(byte)),
            _ => write!(escaped, "%{byte:02X}"),
        };
        escaped
    })
}

/// Whether an operation says that it answers so, and with a problem.
fn described_as_problem(operation: &Value, status: u16) -> bool {
    operation["responses"][status.to_string()]["content"].get("application/problem+json").is_some()
}

#[test]
fn nothing_that_is_asked_is_the_servers_fault() {
    let folder = tempfile::tempdir().unwrap();
    let [data, made] = ["data", "made"].map(|name| folder.path().join(name));
    let simulate = ["simulate", "--seed", "141", "--days", "2", "--rate", "10", "--incidents", "1", "--out"];
    assert!(hark(&[&simulate[..], &[made.to_str().unwrap()]].concat()).status.success());
    let server = Server::start(&data);
    server.post("/api/v1/events", &fs::read_to_string(made.join("events.ndjson")).unwrap()).unwrap();
    let mut described = Described { document: server.get("/api/openapi.json"), dice: Dice(SEED) };
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let (mut faults, mut taken) = (Vec::new(), 0);
    for (path, operations) in described.document["paths"].as_object().unwrap().clone() {
        // The one answer that never ends.
        for (method, operation) in operations.as_object().unwrap().iter().filter(|_| path != "/api/v1/stream") {
            for _ in 0..ROUNDS {
                let address = described.address(&path, operation);
                let body = described.body(operation);
                let mut request = ureq::http::Request::builder()
                    .method(method.to_uppercase().as_str())
                    .uri(format!("{}{address}", server.url));
                if let Some((kind, _)) = &body {
                    request = request.header("content-type", kind);
                }
                let sent = body.map(|(_, body)| body).unwrap_or_default();
                let mut answer = agent.run(request.body(&sent[..]).unwrap()).unwrap();
                let status = answer.status().as_u16();
                let text = answer.body_mut().read_to_string().unwrap_or_default();
                // Senders are answered in the words of their own protocols.
                let told = match serde_json::from_str::<Value>(&text) {
                    Ok(problem) if described_as_problem(operation, status) => {
                        problem["detail"].as_str().map_or(0, str::len)
                    }
                    _ => text.len(),
                };
                let is_told = status < 400 || told > 10;
                taken += usize::from(status < 300);
                if status >= 500 || !is_told {
                    let sent = String::from_utf8_lossy(&sent);
                    faults.push(format!("{method} {address} {sent:.200}: {status} {text:.300}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults, such as\n{}", faults.len(), faults[..faults.len().min(12)].join("\n"));
    // Most are refused, but what is asked must not all end at the door.
    assert!(taken > 300, "only {taken} were answered");
    assert_eq!(server.stop(), Some(0));
}
