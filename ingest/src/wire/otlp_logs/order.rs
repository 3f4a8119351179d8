//! Records of one body whose attributes are not alike: what one record had at a position says nothing about the next.

use proptest::prelude::*;
use prost::encoding::encode_varint;

use crate::wire::Format;
use crate::wire::trial::{self, NANOS, shown};

/// A field with a length, as every encoder writes it.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![number << 3 | 2];
    encode_varint(bytes.len() as u64, &mut all);
    all.extend_from_slice(bytes);
    all
}

/// A field whose length takes a byte more than it has to, which is allowed.
fn long_field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    [&[number << 3 | 2, length | 0x80, length >> 7][..], bytes].concat()
}

fn text(value: &str) -> Vec<u8> {
    field(1, value.as_bytes())
}

fn number(value: f64) -> Vec<u8> {
    [&[4 << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn whole(value: u64) -> Vec<u8> {
    let mut bytes = vec![3 << 3];
    encode_varint(value, &mut bytes);
    bytes
}

fn flag(value: bool) -> Vec<u8> {
    vec![2 << 3, u8::from(value)]
}

/// How a `KeyValue` may lie on the wire.
#[derive(Debug, Clone, Copy)]
enum Shape {
    KeyAndValue,
    ValueAndKey,
    /// The last of them counts, and so does the last value.
    TwoKeys,
    TwoValues,
    WithAnUnknownField,
    LongLengths,
    NoKey,
    NoValue,
}

const SHAPES: [Shape; 8] = [
    Shape::KeyAndValue,
    Shape::ValueAndKey,
    Shape::TwoKeys,
    Shape::TwoValues,
    Shape::WithAnUnknownField,
    Shape::LongLengths,
    Shape::NoKey,
    Shape::NoValue,
];

fn attribute(shape: Shape, key: &str, value: &[u8]) -> Vec<u8> {
    let (key_field, value_field) = (field(1, key.as_bytes()), field(2, value));
    let parts = match shape {
        Shape::KeyAndValue => vec![key_field, value_field],
        Shape::ValueAndKey => vec![value_field, key_field],
        Shape::TwoKeys => vec![field(1, b"total_ms"), key_field, value_field],
        Shape::TwoValues => vec![key_field, field(2, &text("first")), value_field],
        Shape::WithAnUnknownField => vec![key_field, value_field, vec![7 << 3, 1]],
        Shape::LongLengths => vec![long_field(1, key.as_bytes()), long_field(2, value)],
        Shape::NoKey => vec![value_field],
        Shape::NoValue => vec![key_field],
    };
    parts.concat()
}

fn record(attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [&[1 << 3 | 1][..], &NANOS.to_le_bytes()].concat();
    attributes.iter().for_each(|attribute| bytes.extend(field(6, attribute)));
    bytes
}

/// With an `outcome` of the resource, and a `level` of the scope that the resource has too.
fn body(records: &[Vec<u8>]) -> Vec<u8> {
    let of_resource = [("outcome", "resource"), ("level", "resource")]
        .map(|(key, value)| field(1, &attribute(Shape::KeyAndValue, key, &text(value))));
    let scope = field(3, &attribute(Shape::KeyAndValue, "level", &text("scope")));
    let records: Vec<u8> = records.iter().flat_map(|record| field(2, record)).collect();
    let scope_logs = [field(1, &scope), records].concat();
    field(1, &[field(1, &of_resource.concat()), field(2, &scope_logs)].concat())
}

fn decoded(records: &[Vec<u8>]) -> Vec<String> {
    shown(&trial::decode(Format::OtlpLogs { json: false }, &body(records)).unwrap())
}

fn plain(attributes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let attributes = attributes.iter().map(|(key, value)| attribute(Shape::KeyAndValue, key, value));
    record(&attributes.collect::<Vec<_>>())
}

#[test]
fn keys_may_come_in_another_order_be_missing_and_come_twice() {
    let records = [
        plain(&[("outcome", text("ok")), ("total_ms", number(1.0)), ("ok", flag(true))]),
        plain(&[("outcome", text("ok")), ("total_ms", number(2.0)), ("ok", flag(false))]),
        plain(&[("ok", flag(true)), ("outcome", text("ok")), ("total_ms", number(3.0))]),
        plain(&[("total_ms", number(4.0)), ("ok", flag(true))]),
        plain(&[("outcome", text("ok")), ("outcome", text("failed")), ("total_ms", number(5.0))]),
        plain(&[("outcome", text("ok")), ("level", text("record"))]),
        plain(&[]),
        plain(&[("outcome", text("ok")), ("total_ms", number(6.0)), ("ok", flag(true))]),
    ];
    assert_eq!(
        decoded(&records),
        [
            "level=scope ok=true outcome=ok total_ms=1.0000",
            "level=scope ok=false outcome=ok total_ms=2.0000",
            "level=scope ok=true outcome=ok total_ms=3.0000",
            "level=scope ok=true outcome=resource total_ms=4.0000",
            "level=scope outcome=failed total_ms=5.0000",
            "level=record outcome=ok",
            "level=scope outcome=resource",
            "level=scope ok=true outcome=ok total_ms=6.0000",
        ]
    );
}

#[test]
fn a_position_may_hold_another_kind_of_value_in_each_record() {
    let of_total = [number(1.5), text("fast"), whole(7), flag(true), number(f64::NAN), vec![], number(2.5)];
    assert_eq!(
        decoded(&of_total.map(|value| plain(&[("total_ms", value)]))),
        [
            "level=scope outcome=resource total_ms=1.5000",
            "level=scope outcome=resource total_ms=7.0000",
            "level=scope outcome=resource total_ms=1.0000",
            "level=scope outcome=resource",
            "level=scope outcome=resource",
            "level=scope outcome=resource total_ms=2.5000",
            "no 2: `total_ms` is text; the metrics read it as a number",
        ]
    );
    let of_outcome = [text("ok"), number(2.5), text("2.5"), whole(31188), flag(true), text("true"), text("")];
    let outcomes = ["ok", "2.5", "2.5", "31188", "true", "true", ""];
    assert_eq!(
        decoded(&of_outcome.map(|value| plain(&[("outcome", value)]))),
        outcomes.map(|outcome| format!("level=scope outcome={outcome}"))
    );
}

#[test]
fn keys_that_begin_alike_are_not_the_same() {
    let keys = ["a", "", "ab", "a", "abcdefghi", "abcdefghj", "a.b", "a_b"];
    let shown = decoded(&keys.map(|key| plain(&[(key, text("1"))])));
    let fields = ["a=1", "", "ab=1", "a=1", "abcdefghi=1", "abcdefghj=1", "a_b=1", "a_b=1"];
    let expected = fields.map(|field| format!("{field} level=scope outcome=resource").trim_start().to_owned());
    assert_eq!(shown, expected);
}

#[test]
fn a_text_that_is_none_is_refused_after_one_that_was_taken() {
    let broken = attribute(Shape::KeyAndValue, "outcome", &field(1, &[b'o', 0xff]));
    let records = [plain(&[("outcome", text("ok"))]), record(&[broken]), plain(&[("outcome", text("ok"))])];
    assert_eq!(
        decoded(&records),
        ["level=scope outcome=ok", "level=scope outcome=ok", "no 2: it cannot be read: a text is not valid UTF-8"]
    );
}

/// Values of every kind where the metrics say what a field is; elsewhere texts, since a batch decides what those are.
fn attributes() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let read = prop::sample::select(vec!["outcome", "total_ms", "ok", "id", "user.id", "time"]);
    let free = prop::sample::select(vec!["a", "a.b", "a_b", "abcdefghijklmnopqrst", "", "level"]);
    let texts = prop::sample::select(vec!["", "ok", "okay", "a long one, of 20 letters", "größe", "7"]);
    let of_any_kind = prop_oneof![
        texts.clone().prop_map(text),
        (0_u8..3).prop_map(|value| number(f64::from(value) / 2.0)),
        prop::sample::select(vec![1, 300, NANOS / 1_000_000, u64::MAX]).prop_map(whole),
        any::<bool>().prop_map(flag),
        Just(number(f64::INFINITY)),
        Just(field(6, b"")),
        Just(Vec::new()),
    ];
    let shape = || prop::sample::select(SHAPES.to_vec());
    let shape_of_most = || prop_oneof![4 => Just(Shape::KeyAndValue), 1 => shape()];
    let of_read = (shape_of_most(), read, of_any_kind).prop_map(|(shape, key, value)| attribute(shape, key, &value));
    let of_free = (shape_of_most(), free, texts).prop_map(|(shape, key, value)| attribute(shape, key, &text(value)));
    prop::collection::vec(prop_oneof![of_read, of_free], 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Alone in its body a record has nobody before it.
    #[test]
    fn a_record_is_the_same_whatever_came_before(records in prop::collection::vec(attributes(), 1..8), again in 1..3_usize) {
        let records = records.iter().map(|attributes| record(attributes));
        let records: Vec<_> = std::iter::repeat_n(records, again).flatten().collect();
        let (mut rows, mut refused) = (Vec::new(), Vec::new());
        for (at, record) in records.iter().enumerate() {
            let alone = decoded(std::slice::from_ref(record)).remove(0);
            match alone.strip_prefix("no 1: ") {
                Some(reason) => refused.push(format!("no {}: {reason}", at + 1)),
                None => rows.push(alone),
            }
        }
        prop_assert_eq!(decoded(&records), [rows, refused].concat());
    }
}
