//! Exemplars: one request among those that a series counts, with its trace.
//!
//! Prometheus sends each as a series of its own, in whichever body has room for it. It then lies in a row of its own, which
//! has the labels of the series and counts no request. Other senders put it beside the sample, and it lies in that row.

use hark_model::Timestamp;

use crate::wire::RemoteWrite;
use crate::wire::points::Counted;
use crate::wire::protobuf::{Broken, Field, Message, text};
use crate::wire::remote_write::Request;
use crate::wire::remote_write::series::Series;
use crate::wire::traces::{Exemplar, Id, Trace};

/// OpenMetrics names no label for it; these are what clients write.
const TRACE_LABELS: [&[u8]; 4] = [b"trace_id", b"traceID", b"traceId", b"TraceID"];
const SPAN_LABELS: [&[u8]; 4] = [b"span_id", b"spanID", b"spanId", b"SpanID"];

impl<'a> Request<'a> {
    pub(super) fn read_exemplars(&mut self, series: &Series<'a>) -> Result<(), Broken> {
        self.exemplars.clear();
        let number = match self.version {
            RemoteWrite::V1 => 3,
            RemoteWrite::V2 => 4,
        };
        for field in Message::new(series.bytes) {
            if let (found, Field::Bytes(exemplar)) = field?
                && found == number
            {
                self.read_exemplar(exemplar)?;
            }
        }
        self.exemplars.sort_by_key(|exemplar| exemplar.time);
        Ok(())
    }

    /// Labels other than those of the trace are passed over: they may name anything, people among it.
    fn read_exemplar(&mut self, exemplar: &'a [u8]) -> Result<(), Broken> {
        let (mut value, mut time) = (0.0, None);
        for field in Message::new(exemplar) {
            match field? {
                (2, Field::Fixed64(bits)) => value = f64::from_bits(bits),
                (3, Field::Varint(millis)) => time = Some(Timestamp::from_millis(millis.cast_signed())),
                _ => {}
            }
        }
        let mut trace = Trace::default();
        self.each_label(exemplar, |_, key, label| {
            if TRACE_LABELS.contains(&key) {
                trace.trace = Id::Text(text(label)?);
            } else if SPAN_LABELS.contains(&key) {
                trace.span = Id::Text(text(label)?);
            }
            Ok(())
        })?;
        if value.is_finite() {
            self.exemplars.push(Exemplar { value, time, trace, part: 0 });
            self.written.exemplars += 1;
        }
        Ok(())
    }

    /// How many of the exemplars a sample of this time counts, unless one before it has.
    pub(super) fn exemplars_until(&self, time: Timestamp) -> usize {
        self.exemplars.partition_point(|exemplar| exemplar.time <= Some(time))
    }

    /// Puts those that are left into rows of their own. `is_value`: the metric measures what the exemplars say. One that
    /// cannot be kept, as it has no time, is not worth a complaint.
    pub(super) fn exemplars_alone(&mut self, series: &Series<'a>, metric: &'a str, is_value: bool) {
        for mut exemplar in std::mem::take(&mut self.exemplars) {
            exemplar.part = 0;
            let time = exemplar.time.unwrap_or_default();
            let exemplars = [exemplar];
            let point = series.point(metric, &self.attributes, time, Counted::Delta, &exemplars);
            if self.rows.exemplar(self.fields, &point, is_value.then_some(exemplar.value)).is_err() {
                self.rows.builder.abandon();
            }
        }
    }
}
