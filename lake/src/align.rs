//! Batches brought to the columns and types of a table.
//!
//! Events are free-form, so the table grows with what comes and no value is ever turned away:
//! - a new column is added to the table and is null in the rows before it;
//! - a value that the column's type holds without loss is cast (12 becomes 12.0 in a column of numbers);
//! - any other is kept as text in `<name>_text`, and the column itself is null in that row;
//! - a name that differs from a column's in case alone, or that belongs to the table (`day`), gets `_2` at its end:
//!   Delta's names are the same whatever their case, and Spark could not read the table otherwise.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, BooleanArray, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_array::{RecordBatchOptions, new_null_array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::{CastOptions, can_cast_types, cast, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::compute::{self, kernels::cmp};

use crate::coded::as_coded;
use crate::table::{DAY, TIME};

const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// What Spark refuses in the name of a column.
const REFUSED_IN_NAMES: [char; 10] = [' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '='];

/// Whether codes stay in place of the texts that they stand for, which is how they are written fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    Plain,
    AsTheyCome,
}

/// The table's columns after these batches, and the batches with exactly these columns, `day` first.
pub(crate) fn align(
    known: Option<&Schema>,
    batches: &[RecordBatch],
    texts: Texts,
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let mut columns = Columns::new(known, texts);
    let rows: Vec<_> = batches.iter().map(|batch| columns.place(batch)).collect::<Result<_, _>>()?;
    let schema = Arc::new(Schema::new(columns.fields));
    let complete = |(placed, batch): (Placed, &RecordBatch)| {
        let missing = |at: usize| new_null_array(schema.field(at).data_type(), batch.num_rows());
        let mut placed = placed;
        placed.resize(schema.fields().len(), None);
        let arrays = placed.into_iter().enumerate().map(|(at, array)| array.unwrap_or_else(|| missing(at)));
        let arrays: Vec<ArrayRef> = arrays.collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(schema_of(&schema, &arrays), arrays, &options)
    };
    let aligned = rows.into_iter().zip(batches).map(complete).collect::<Result<_, _>>()?;
    Ok((schema, aligned))
}

/// The schema, but for the columns of text that come as codes.
fn schema_of(schema: &SchemaRef, arrays: &[ArrayRef]) -> SchemaRef {
    let is_same = |(field, array): (&FieldRef, &ArrayRef)| field.data_type() == array.data_type();
    let both = || schema.fields().iter().zip(arrays);
    if both().all(is_same) {
        return Arc::clone(schema);
    }
    let field =
        |(field, array): (&FieldRef, &ArrayRef)| field.as_ref().clone().with_data_type(array.data_type().clone());
    Arc::new(Schema::new(both().map(field).collect::<Vec<_>>()))
}

/// A batch's arrays by the table's columns.
type Placed = Vec<Option<ArrayRef>>;

struct Columns {
    fields: Vec<FieldRef>,
    texts: Texts,
}

impl Columns {
    fn new(known: Option<&Schema>, texts: Texts) -> Self {
        let mut fields = known.map_or_else(Vec::new, |schema| schema.fields().to_vec());
        if fields.is_empty() {
            fields.push(Arc::new(Field::new(DAY, DataType::Date32, true)));
            fields.push(Arc::new(Field::new(TIME, instant_type(), true)));
        }
        Self { fields, texts }
    }

    fn place(&mut self, batch: &RecordBatch) -> Result<Placed, ArrowError> {
        let times = times_of(batch)?;
        let mut placed = vec![None; self.fields.len()];
        let days: Date32Array = times.iter().map(|time| time.map(day_of)).collect();
        self.put(&mut placed, DAY, &DataType::Date32, Arc::new(days));
        self.put(&mut placed, TIME, &instant_type(), Arc::new(times));
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            let is_own_day = field.name() == DAY && *field.data_type() == DataType::Date32;
            let Some(plain) = stored_type(array.data_type()).filter(|_| field.name() != TIME && !is_own_day) else {
                continue;
            };
            let (name, wanted) = self.name_of(field.name(), &plain, &placed);
            let is_kept_coded =
                self.texts == Texts::AsTheyCome && wanted == DataType::Utf8 && as_coded(array).is_some();
            if array.data_type() == &wanted || is_kept_coded {
                self.put(&mut placed, &name, &wanted, Arc::clone(array));
                continue;
            }
            let (kept, rest) = if is_lossless(array.data_type(), &plain) && plain == wanted {
                (cast(array, &wanted)?, None)
            } else {
                fit(array, &plain, &wanted)?
            };
            self.put(&mut placed, &name, &wanted, kept);
            if let Some(rest) = rest {
                let name = self.name_of_text(field.name(), &placed);
                self.put(&mut placed, &name, &DataType::Utf8, Arc::new(rest));
            }
        }
        Ok(placed)
    }

    fn put(&mut self, placed: &mut Placed, name: &str, held: &DataType, array: ArrayRef) {
        let at = self.position(name).unwrap_or_else(|| {
            self.fields.push(Arc::new(Field::new(name, held.clone(), true)));
            self.fields.len() - 1
        });
        placed.resize(self.fields.len().max(placed.len()), None);
        placed[at] = Some(array);
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name() == name)
    }

    /// The column that takes what comes under a name, and its type.
    fn name_of(&self, name: &str, plain: &DataType, placed: &Placed) -> (String, DataType) {
        let base = if name.is_empty() { "_".to_owned() } else { name.replace(REFUSED_IN_NAMES, "_") };
        let mut candidates = std::iter::once(base.clone()).chain((2..).map(|number: u32| format!("{base}_{number}")));
        let taken = |at: usize| placed.get(at).is_some_and(Option::is_some);
        candidates
            .find_map(|candidate| match self.position(&candidate) {
                Some(at) if taken(at) => None,
                Some(at) => Some((candidate, self.fields[at].data_type().clone())),
                None => {
                    let differs_in_case = |field: &FieldRef| field.name().eq_ignore_ascii_case(&candidate);
                    (!self.fields.iter().any(differs_in_case)).then(|| (candidate, plain.clone()))
                }
            })
            .unwrap_or_else(|| unreachable!("there are more numbers than columns"))
    }

    /// The column of text beside a column, for the values that it can't hold.
    fn name_of_text(&self, name: &str, placed: &Placed) -> String {
        let mut base = format!("{name}_text");
        loop {
            let (name, held) = self.name_of(&base, &DataType::Utf8, placed);
            if held == DataType::Utf8 {
                return name;
            }
            base.push_str("_text");
        }
    }
}

fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn day_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(MICROS_PER_DAY)).unwrap_or_else(|_| unreachable!("2^63 µs are 2^27 days"))
}

fn times_of(batch: &RecordBatch) -> Result<TimestampMicrosecondArray, ArrowError> {
    let times = batch.column_by_name(TIME).filter(|times| matches!(times.data_type(), DataType::Timestamp(..)));
    let wrong = |problem: &str| ArrowError::SchemaError(format!("every row needs a timestamp in `{TIME}`, {problem}"));
    let times = times.ok_or_else(|| wrong("and there is no such column of timestamps"))?;
    if times.null_count() > 0 {
        return Err(wrong("and some have none"));
    }
    Ok(cast(times, &instant_type())?.as_primitive::<TimestampMicrosecondType>().clone())
}

/// The type as Delta has it: no dictionaries, views, unsigned numbers or nanoseconds. `None` for a column that never
/// had a value: its type comes with the first.
fn stored_type(data_type: &DataType) -> Option<DataType> {
    let list = |element: &FieldRef| {
        let element = stored_type(element.data_type()).unwrap_or(DataType::Utf8);
        DataType::List(Arc::new(Field::new("element", element, true)))
    };
    Some(match data_type {
        DataType::Null => return None,
        DataType::Dictionary(_, value) => return stored_type(value),
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Decimal128(..) => data_type.clone(),
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(..) => instant_type(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _) => list(element),
        DataType::Struct(fields) => {
            let stored = |field: &FieldRef| {
                Field::new(field.name(), stored_type(field.data_type()).unwrap_or(DataType::Utf8), true)
            };
            DataType::Struct(fields.iter().map(stored).collect())
        }
        // Text of any kind, and what Delta has no type for (times of day, durations, maps, unions), as text.
        _ => DataType::Utf8,
    })
}

/// Whether every value of one type has its place in the stored type that belongs to it. A nanosecond timestamp loses
/// its last three digits, knowingly: Delta has microseconds.
fn is_lossless(from: &DataType, stored: &DataType) -> bool {
    *from != DataType::UInt64 && can_cast_types(from, stored)
}

/// The values that a column's type holds without loss, and the others as text.
fn fit(array: &ArrayRef, plain: &DataType, wanted: &DataType) -> Result<(ArrayRef, Option<StringArray>), ArrowError> {
    // One form for text first, so that comparing with what comes back needs no second one.
    let array = if is_lossless(array.data_type(), plain) { cast(array, plain)? } else { Arc::clone(array) };
    let survives = survivors(&array, wanted)?;
    let Some((kept, survives)) = survives else {
        return Ok((new_null_array(wanted, array.len()), Some(texts(&array, |row| array.is_valid(row))?)));
    };
    if survives.true_count() == array.len() {
        return Ok((kept, None));
    }
    let kept = compute::nullif(&kept, &compute::not(&survives)?)?;
    Ok((kept, Some(texts(&array, |row| !survives.value(row))?)))
}

/// The array cast, and which of its values would come back the same; `None` where the types have nothing in common.
fn survivors(array: &ArrayRef, wanted: &DataType) -> Result<Option<(ArrayRef, BooleanArray)>, ArrowError> {
    let from = array.data_type();
    let is_plain = |held: &DataType| held.is_numeric() || matches!(held, DataType::Boolean | DataType::Utf8);
    if !is_plain(from) || !(is_plain(wanted) || *from == DataType::Utf8) || !can_cast_types(from, wanted) {
        return Ok(None);
    }
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let kept = cast_with_options(array, wanted, &options)?;
    let back = cast_with_options(&kept, from, &options)?;
    let same = cmp::not_distinct(&back, array)?;
    if *from != DataType::Utf8 || !wanted.is_floating() {
        return Ok(Some((kept, same)));
    }
    // "12" comes back from a column of numbers as "12.0", and is the same number all the same.
    let (back, texts) = (back.as_string::<i32>(), array.as_string::<i32>());
    let same_number = |row: usize| same.value(row) || back.value(row).strip_suffix(".0") == Some(texts.value(row));
    let same = (0..array.len()).map(|row| Some(same_number(row))).collect();
    Ok(Some((kept, same)))
}

fn texts(array: &ArrayRef, is_wanted: impl Fn(usize) -> bool) -> Result<StringArray, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    let text = |row: usize| (array.is_valid(row) && is_wanted(row)).then(|| formatter.value(row).try_to_string());
    (0..array.len()).map(|row| text(row).transpose()).collect()
}
