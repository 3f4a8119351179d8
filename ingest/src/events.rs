//! A batch of events in columns: what the wire formats produce and the fold consumes.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow_schema::SchemaRef;
use hark_model::Timestamp;
use serde::{Deserialize, Serialize};

/// A line that could not be taken. The rest of its batch counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// From 1, in the body as it was sent.
    pub line: u64,
    pub reason: String,
}

/// One entry a row in every column; `columns` are those of the plan's schema, in its order.
#[derive(Debug, Clone, Default)]
pub struct Events {
    pub times: Vec<Timestamp>,
    /// Hashed idempotency keys; `None` where the event carries none.
    pub ids: Vec<Option<u64>>,
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone)]
pub enum Column {
    /// Codes into a dictionary of this batch alone; `None` is absent.
    Text {
        codes: Vec<Option<i32>>,
        dictionary: Vec<String>,
    },
    Number(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
}

impl Events {
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The batch as Arrow, for the expressions.
    pub(crate) fn to_record_batch(&self, schema: &SchemaRef) -> RecordBatch {
        let columns = self.columns.iter().map(Column::to_arrow).collect();
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(self.len()));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
            .unwrap_or_else(|error| unreachable!("columns are made after the schema: {error}"))
    }
}

impl Column {
    pub(crate) fn has_any(&self) -> bool {
        match self {
            Self::Text { codes, .. } => codes.iter().any(Option::is_some),
            Self::Number(values) => values.iter().any(Option::is_some),
            Self::Flag(flags) => flags.iter().any(Option::is_some),
        }
    }

    fn to_arrow(&self) -> ArrayRef {
        match self {
            Self::Text { codes, dictionary } => {
                let keys = Int32Array::from(codes.clone());
                let values = Arc::new(StringArray::from_iter_values(dictionary));
                let array = DictionaryArray::try_new(keys, values);
                Arc::new(array.unwrap_or_else(|error| unreachable!("codes point into their dictionary: {error}")))
            }
            Self::Number(values) => Arc::new(Float64Array::from(values.clone())),
            Self::Flag(values) => Arc::new(BooleanArray::from(values.clone())),
        }
    }
}
