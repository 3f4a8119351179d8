//! Arrow's record batches to events, a column at a time.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float64Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, PrimitiveArray, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use hark_model::Timestamp;

use crate::events::{Decoded, Packed};
use crate::files::columns::Columns;
use crate::files::layout::{Layout, Place, Target};
use crate::files::texts::{Coded, Plain, Shown};
use crate::wire::Reader;

/// Whole numbers up to here are exact in a float.
const WHOLE_FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

/// The columns of `batch` are those of `layout`, in its order; its first row is number `first_row` of the file.
pub(super) fn decode(
    batch: &RecordBatch,
    layout: &Layout,
    reader: &Reader<'_>,
    first_row: u64,
) -> Result<Decoded, ArrowError> {
    let mut columns = Columns::new(reader, batch.num_rows());
    for (place, array) in layout.places.iter().zip(batch.columns()) {
        put(&mut columns, place, array)?;
    }
    Ok(columns.finish(|row| first_row + row as u64))
}

fn put(columns: &mut Columns<'_>, place: &Place, array: &ArrayRef) -> Result<(), ArrowError> {
    match (array.data_type(), place.target) {
        (DataType::Null, _) => {}
        (DataType::Utf8, _) => columns.texts(place, &Plain(array.as_string::<i32>().iter())),
        (DataType::LargeUtf8, _) => columns.texts(place, &Plain(array.as_string::<i64>().iter())),
        (DataType::Utf8View, _) => columns.texts(place, &Plain(array.as_string_view().iter())),
        (DataType::Dictionary(_, values), _) => match array.as_any_dictionary_opt().and_then(Coded::new) {
            Some(coded) => columns.texts(place, &coded),
            None => put(columns, place, &cast(array, values)?)?,
        },
        (DataType::Timestamp(unit, _), Target::Time) => columns.times(times(array, *unit)),
        (DataType::Timestamp(unit, _), _) => {
            let times = times(array, *unit);
            let show = |text: &mut String, time: Timestamp| text.push_str(&time.to_string());
            columns.texts(place, &Shown(times.iter().copied(), show));
        }
        (DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_), _) => {
            let shown = match array.data_type() {
                // Written with a midnight otherwise.
                DataType::Date64 => cast(&cast(array, &DataType::Date32)?, &DataType::Utf8)?,
                _ => cast(array, &DataType::Utf8)?,
            };
            columns.texts(place, &Plain(shown.as_string::<i32>().iter()));
        }
        (DataType::Boolean, _) => columns.flags(place, array.as_boolean().iter().collect()),
        (DataType::FixedSizeBinary(16), _) => columns.texts(place, &Shown(array.as_fixed_size_binary().iter(), uuid)),
        (number, Target::Time | Target::Id | Target::User) if number.is_floating() => {
            let numbers = cast(array, &DataType::Float64)?;
            let numbers = whole(columns, place, numbers.as_primitive::<Float64Type>());
            whole_numbers(columns, place, &numbers)?;
        }
        (number, Target::Time | Target::Id | Target::User) if number.is_numeric() => {
            whole_numbers(columns, place, array)?;
        }
        (number, _) if number.is_numeric() => {
            let numbers = cast(array, &DataType::Float64)?;
            columns.numbers(place, packed(numbers.as_primitive::<Float64Type>()));
        }
        // The layout has let nothing else through.
        _ => {}
    }
    Ok(())
}

fn packed(numbers: &Float64Array) -> Vec<Packed> {
    match numbers.nulls() {
        None => numbers.values().iter().map(|&number| Packed::new(number)).collect(),
        Some(_) => numbers.iter().map(Packed::from).collect(),
    }
}

/// Ids and users that are numbers are hashed as their digits, as in JSON.
fn whole_numbers(columns: &mut Columns<'_>, place: &Place, numbers: &dyn Array) -> Result<(), ArrowError> {
    if place.target == Target::Time {
        let millis = cast(numbers, &DataType::Int64)?;
        let millis = millis.as_primitive::<Int64Type>().iter();
        columns.times(millis.map(|millis| millis.map(Timestamp::from_millis)).collect());
    } else {
        let shown = cast(numbers, &DataType::Utf8)?;
        columns.texts(place, &Plain(shown.as_string::<i32>().iter()));
    }
    Ok(())
}

/// Whole numbers come as floats from programs that have no other way to leave one out.
fn whole(columns: &mut Columns<'_>, place: &Place, numbers: &Float64Array) -> Int64Array {
    let whole = |(row, number): (usize, Option<f64>)| {
        let number = number.filter(|number| !number.is_nan())?;
        let is_whole = number.fract() == 0.0 && number.abs() <= WHOLE_FLOAT_MAX;
        if !is_whole {
            columns.refuse(row, format!("`{}` is {number}, and is to be a whole number", place.name));
        }
        is_whole.then_some(number as i64)
    };
    numbers.iter().enumerate().map(whole).collect()
}

/// Times without a zone are in UTC.
fn times(array: &ArrayRef, unit: TimeUnit) -> Vec<Option<Timestamp>> {
    fn each<T: arrow_array::ArrowPrimitiveType<Native = i64>>(
        times: &PrimitiveArray<T>,
        millis: impl Fn(i64) -> i64,
    ) -> Vec<Option<Timestamp>> {
        times.iter().map(|time| time.map(|time| Timestamp::from_millis(millis(time)))).collect()
    }
    match unit {
        // What is too large for milliseconds is out of range either way.
        TimeUnit::Second => each(array.as_primitive::<TimestampSecondType>(), |time| time.saturating_mul(1000)),
        TimeUnit::Millisecond => each(array.as_primitive::<TimestampMillisecondType>(), |time| time),
        TimeUnit::Microsecond => each(array.as_primitive::<TimestampMicrosecondType>(), |time| time.div_euclid(1000)),
        TimeUnit::Nanosecond => {
            each(array.as_primitive::<TimestampNanosecondType>(), |time| time.div_euclid(1_000_000))
        }
    }
}

/// In the usual form, 8-4-4-4-12 digits, which is what the same id is in JSON and CSV.
fn uuid(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}
