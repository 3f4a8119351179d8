//! OTLP logs: each log record is one event, its attributes and those of its scope and resource are the fields.

use crate::builder::{Row, Slot};
use crate::events::Decoded;
use crate::wire::attributes::{Attribute, Rows, Target, Value, any_value, check_attributes, from_nanos, pair};
use crate::wire::protobuf::{Field, Message, text};
use crate::wire::traces::{Id, Trace, TraceFields};
use crate::wire::{Reader, WireError};

/// Decodes an `ExportLogsServiceRequest`. A record that cannot be taken is named by its number in the request, from 1.
pub(super) fn decode(body: &[u8], reader: &Reader<'_>) -> Result<Decoded, WireError> {
    let mut logs = Logs::new(reader);
    for field in Message::new(body) {
        if let (1, Field::Bytes(resource_logs)) = field? {
            logs.resource(resource_logs)?;
        }
    }
    Ok(logs.rows.finish())
}

struct Logs<'a> {
    rows: Rows<'a>,
    message: Slot,
    severity: Slot,
    event_name: Slot,
    traces: TraceFields,
    /// Of the record at hand: they come before other fields that they win over.
    attributes: Vec<&'a [u8]>,
}

impl<'a> Logs<'a> {
    fn new(reader: &Reader<'a>) -> Self {
        let mut rows = Rows::of_events(reader, "log records");
        let [message, severity, event_name] = ["message", "severity", "event_name"].map(|name| rows.builder.slot(name));
        let traces = rows.trace_fields();
        Self { rows, message, severity, event_name, traces, attributes: Vec::new() }
    }

    fn resource(&mut self, resource_logs: &'a [u8]) -> Result<(), WireError> {
        // Fields may come in any order, and records need what is around them.
        let mut around = Vec::new();
        for field in Message::new(resource_logs) {
            if let (1, Field::Bytes(resource)) = field? {
                self.rows.attributes(resource, 1, &mut around)?;
            }
        }
        around.retain(is_about_all);
        for field in Message::new(resource_logs) {
            if let (2, Field::Bytes(scope_logs)) = field? {
                self.scope(scope_logs, &around)?;
            }
        }
        Ok(())
    }

    fn scope(&mut self, scope_logs: &'a [u8], resource: &[Attribute<'a>]) -> Result<(), WireError> {
        let mut around = resource.to_vec();
        let mut records = 0;
        for field in Message::new(scope_logs) {
            match field? {
                (1, Field::Bytes(scope)) => self.rows.attributes(scope, 3, &mut around)?,
                (2, Field::Bytes(_)) => records += 1,
                _ => {}
            }
        }
        self.rows.builder.expect(records);
        around.retain(is_about_all);
        for field in Message::new(scope_logs) {
            if let (2, Field::Bytes(record)) = field? {
                self.rows.begin()?;
                let taken = self.record(record, &around).and_then(|row| self.rows.builder.commit(row));
                self.rows.end(taken);
            }
        }
        Ok(())
    }

    /// What is set later wins: the body over what is around, attributes over the body.
    fn record(&mut self, record: &'a [u8], around: &[Attribute<'a>]) -> Result<Row, String> {
        let mut row = Row::default();
        self.rows.put_all(&mut row, around)?;
        let (mut time, mut observed, mut severity_number) = (0, 0, 0);
        let mut ids = Trace::default();
        let mut severity_text = "";
        self.attributes.clear();
        let mut fields = Message::new(record);
        loop {
            while let Some(attribute) = fields.bytes_of(6) {
                check_attributes(self.attributes.len())?;
                self.attributes.push(attribute);
            }
            let Some(field) = fields.next() else { break };
            match field? {
                (1, Field::Fixed64(nanos)) => time = nanos,
                (6, Field::Bytes(attribute)) => {
                    check_attributes(self.attributes.len())?;
                    self.attributes.push(attribute);
                }
                (9, Field::Bytes(id)) => ids.trace = Id::Bytes(id),
                (10, Field::Bytes(id)) => ids.span = Id::Bytes(id),
                (11, Field::Fixed64(nanos)) => observed = nanos,
                (2, Field::Varint(number)) => severity_number = number,
                (3, Field::Bytes(bytes)) => severity_text = text(bytes)?,
                (5, Field::Bytes(body)) => self.body(&mut row, body)?,
                (12, Field::Bytes(name)) if !name.is_empty() => self.rows.builder.text(self.event_name, text(name)?)?,
                _ => {}
            }
        }
        let severity = if severity_text.is_empty() { severity_name(severity_number) } else { severity_text };
        if !severity.is_empty() {
            self.rows.builder.text(self.severity, severity)?;
        }
        self.rows.put_trace(self.traces, ids);
        // A time among the body's entries or the attributes is the event's own, and wins.
        row.time = row.time.or_else(|| from_nanos(time)).or_else(|| from_nanos(observed));
        for (at, bytes) in self.attributes.iter().enumerate() {
            self.rows.put_attribute(&mut row, at, bytes)?;
        }
        Ok(row)
    }

    /// A text is the message; an event logged as an object has its entries for fields.
    fn body(&mut self, row: &mut Row, body: &'a [u8]) -> Result<(), String> {
        match any_value(body)? {
            Value::Text(text) => self.rows.builder.text(self.message, text),
            Value::Entries(entries) => {
                for field in Message::new(entries) {
                    if let (1, Field::Bytes(entry)) = field? {
                        let (key, value) = pair(entry)?;
                        let target = self.rows.target(key)?;
                        self.rows.put(row, (target, value))?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The id and the time of a resource are not those of its events.
fn is_about_all(attribute: &Attribute<'_>) -> bool {
    !matches!(attribute.0, Target::Id | Target::Time | Target::Nowhere)
}

/// The short names of the data model, four numbers each; some senders give the number alone.
fn severity_name(number: u64) -> &'static str {
    match number {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => "",
    }
}

#[cfg(test)]
mod order;
#[cfg(test)]
mod tests;
