//! The columns that the metrics read, in the order and of the kinds that their plan asks for.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::FieldRef;
use hark_query::{FieldKind, Plan};

use crate::events::{Column, Events, Packed};

/// One column a field of the plan. Batches that were decoded for this very plan have them in place already; those
/// written to the log under older definitions may lack a field or hold it as another kind.
pub(crate) fn project<'a>(plan: &Plan, events: &'a Events) -> Vec<Cow<'a, Column>> {
    let rows = events.len();
    let column = |(at, (name, kind)): (usize, (&str, FieldKind))| {
        let in_place = events.columns.get(at).filter(|column| column.name == name).map(|column| &column.column);
        match in_place.or_else(|| events.column(name)) {
            Some(column) if is_of(column, kind) => Cow::Borrowed(column),
            Some(column) => Cow::Owned(convert(column, kind)),
            None => Cow::Owned(absent(kind, rows)),
        }
    };
    plan.fields.iter().enumerate().map(column).collect()
}

/// A field that need not be there, as numbers. No line is refused for what stands in it: what is none is absent.
pub(crate) fn numbers<'a>(events: &'a Events, name: &str) -> Option<Cow<'a, Column>> {
    let column = events.column(name)?;
    let is_number = is_of(column, FieldKind::Number);
    Some(if is_number { Cow::Borrowed(column) } else { Cow::Owned(convert(column, FieldKind::Number)) })
}

/// The batch as Arrow, for the expressions. Columns that none of them reads are empty in it.
pub(crate) fn to_record_batch(plan: &Plan, columns: &[Cow<'_, Column>], rows: usize) -> RecordBatch {
    let fields = plan.schema.fields().iter().zip(&plan.is_in_expression);
    let column = |(column, (field, is_read)): (&Cow<'_, Column>, (&FieldRef, &bool))| {
        if *is_read { column.to_arrow() } else { new_null_array(field.data_type(), rows) }
    };
    let columns = columns.iter().zip(fields).map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(&plan.schema), columns, &options)
        .unwrap_or_else(|error| unreachable!("columns are made after the schema: {error}"))
}

fn is_of(column: &Column, kind: FieldKind) -> bool {
    matches!(
        (column, kind),
        (Column::Text { .. }, FieldKind::Text)
            | (Column::Number(_), FieldKind::Number)
            | (Column::Flag(_), FieldKind::Flag)
    )
}

fn absent(kind: FieldKind, rows: usize) -> Column {
    match kind {
        FieldKind::Text => Column::Text { codes: vec![0; rows], values: Vec::new() },
        FieldKind::Number => Column::Number(vec![Packed::ABSENT; rows]),
        FieldKind::Flag => Column::Flag(vec![None; rows]),
    }
}

/// What cannot be read as the kind asked for is absent: it came before anybody asked.
fn convert(column: &Column, kind: FieldKind) -> Column {
    let texts: Vec<Option<Cow<'_, str>>> = match column {
        Column::Text { codes, values } => codes
            .iter()
            .map(|&code| code.checked_sub(1).map(|at| Cow::Borrowed(values[at as usize].as_str())))
            .collect(),
        Column::Number(numbers) => numbers.iter().map(|number| number.get().map(|n| n.to_string().into())).collect(),
        Column::Flag(flags) => flags.iter().map(|flag| flag.map(|flag| flag.to_string().into())).collect(),
    };
    match kind {
        FieldKind::Text => {
            let mut values: Vec<String> = texts.iter().flatten().map(ToString::to_string).collect();
            values.sort_unstable();
            values.dedup();
            let code = |text: Option<Cow<'_, str>>| {
                let found = text.and_then(|text| values.binary_search_by(|value| value.as_str().cmp(&text)).ok());
                found.map_or(0, |at| at as u32 + 1)
            };
            Column::Text { codes: texts.into_iter().map(code).collect(), values }
        }
        FieldKind::Number => {
            let number = |text: &Option<Cow<'_, str>>| match text.as_deref() {
                Some("true") => Some(1.0),
                Some("false") => Some(0.0),
                text => text.and_then(|text| text.parse().ok()),
            };
            Column::Number(texts.iter().map(|text| Packed::from(number(text))).collect())
        }
        FieldKind::Flag => {
            let flag = |text: &Option<Cow<'_, str>>| match text.as_deref() {
                Some("true" | "1") => Some(true),
                Some("false" | "0") => Some(false),
                _ => None,
            };
            Column::Flag(texts.iter().map(flag).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_changed_is_read_as_far_as_it_goes() {
        let numbers = Column::Number(vec![Packed::new(26.1), Packed::ABSENT]);
        let text = convert(&numbers, FieldKind::Text);
        assert_eq!(text, Column::Text { codes: vec![1, 0], values: vec!["26.1".to_owned()] });
        assert_eq!(convert(&text, FieldKind::Number), numbers);
        assert_eq!(convert(&text, FieldKind::Flag), Column::Flag(vec![None, None]));
        let flags = Column::Flag(vec![Some(true), None]);
        assert_eq!(convert(&flags, FieldKind::Number), Column::Number(vec![Packed::new(1.0), Packed::ABSENT]));
    }
}
