//! What a query gives back.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::JsonArray;
use serde_json::Value;

use crate::LakeError;

#[derive(Debug, Clone)]
pub struct Answer {
    /// Names and types of the columns, the types in words.
    pub columns: Vec<(String, String)>,
    pub batches: Vec<RecordBatch>,
    /// There was more than the limits let through.
    pub truncated: bool,
    /// Damaged files whose rows are missing, as `table/day=.../file`.
    pub left_out: Vec<String>,
}

impl Answer {
    pub(crate) fn columns_of(schema: &Schema) -> Vec<(String, String)> {
        schema.fields().iter().map(|field| (field.name().clone(), in_words(field.data_type()))).collect()
    }

    /// The rows, with their values in the order of `columns`: numbers as numbers, times as RFC 3339 in UTC, lists as
    /// lists. A number that JSON has no word for (NaN, infinity) is null.
    pub fn rows(&self) -> Result<Vec<Vec<Value>>, LakeError> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            // Positions for names: two columns may have the same, and an object has no order.
            let names = (0..batch.num_columns()).map(|at| at.to_string());
            let fields = batch
                .schema()
                .fields()
                .iter()
                .zip(names)
                .map(|(field, name)| field.as_ref().clone().with_name(name))
                .collect::<Vec<_>>();
            let renamed = RecordBatch::try_new(Schema::new(fields).into(), batch.columns().to_vec());
            let renamed = renamed.map_err(|error| unprintable(&error))?;
            let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
            writer.write(&renamed).and_then(|()| writer.finish()).map_err(|error| unprintable(&error))?;
            let objects: Vec<serde_json::Map<String, Value>> =
                serde_json::from_slice(&writer.into_inner()).map_err(|error| unprintable(&error))?;
            let row = |mut object: serde_json::Map<String, Value>| {
                (0..batch.num_columns()).map(|at| object.remove(&at.to_string()).unwrap_or_default()).collect()
            };
            rows.extend(objects.into_iter().map(row));
        }
        Ok(rows)
    }
}

fn unprintable(error: &dyn std::error::Error) -> LakeError {
    LakeError::Query { problem: format!("its rows cannot be written as JSON ({error})") }
}

fn in_words(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Dictionary(_, value) => in_words(value),
        DataType::List(element) | DataType::LargeList(element) => format!("list of {}", in_words(element.data_type())),
        number if number.is_integer() => "integer".to_owned(),
        number if number.is_numeric() => "number".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}
