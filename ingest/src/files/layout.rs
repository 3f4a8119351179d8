//! Which column of a file goes where.

use std::path::Path;

use arrow_schema::DataType;
use hark_query::{FieldKind, Fields};
use rustc_hash::FxHashMap;

use crate::builder::{FREE_COLUMNS_MAX, TEXT_BYTES_MAX};
use crate::files::FileError;

/// Columns of a file that are named in an error; of the rest there is a count.
const NAMES_SHOWN_MAX: usize = 20;

pub(super) struct Layout {
    /// In the order of the file.
    pub(super) places: Vec<Place>,
}

pub(super) struct Place {
    /// Its number in the file.
    pub(super) column: usize,
    pub(super) name: String,
    pub(super) target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Time,
    Id,
    User,
    /// A field that metrics read, by its number among them.
    Read {
        at: usize,
        kind: FieldKind,
    },
    /// Any other field.
    Free,
}

impl Layout {
    /// `columns` are the names and, where they have one, the types. Of columns with the same name the last one stands, as in
    /// JSON; those beyond [`FREE_COLUMNS_MAX`], and those that are not flat, are passed over.
    pub(super) fn new<'a>(
        path: &Path,
        columns: impl Iterator<Item = (&'a str, Option<&'a DataType>)> + Clone,
        fields: &Fields,
    ) -> Result<Self, FileError> {
        let last: FxHashMap<&str, usize> =
            columns.clone().enumerate().map(|(column, (name, _))| (name, column)).collect();
        let mut places: Vec<Place> = Vec::new();
        let mut free = 0;
        for (column, (name, data_type)) in columns.enumerate() {
            if name.is_empty() || last.get(name) != Some(&column) {
                continue;
            }
            let target = target(name, fields);
            match data_type.map_or(Ok(()), |data_type| fits(target, data_type)) {
                Ok(()) => {}
                Err(_) if target == Target::Free => continue,
                Err(wanted) => {
                    let found = one_line(&data_type.map(DataType::to_string).unwrap_or_default());
                    let column = name.to_owned();
                    return Err(FileError::ColumnType { path: path.to_owned(), column, found, wanted });
                }
            }
            if target == Target::Free {
                if free == FREE_COLUMNS_MAX || name.len() > TEXT_BYTES_MAX {
                    continue;
                }
                free += 1;
            }
            places.push(Place { column, name: name.to_owned(), target });
        }
        Ok(Self { places })
    }

    /// A file without a time is refused as a whole: its rows would be, one by one.
    pub(super) fn check_time<'a>(path: &Path, names: impl Iterator<Item = &'a str> + Clone) -> Result<(), FileError> {
        if names.clone().any(|name| name == "time") {
            return Ok(());
        }
        let more = names.clone().count().saturating_sub(NAMES_SHOWN_MAX);
        let shown: Vec<String> = names.take(NAMES_SHOWN_MAX).map(|name| one_line(&format!("{name:.40}"))).collect();
        let mut found = shown.join(", ");
        if more > 0 {
            found.push_str(&format!(" and {more} more"));
        }
        let found = if found.is_empty() { "none".to_owned() } else { found };
        Err(FileError::NoTime { path: path.to_owned(), found })
    }
}

/// Names come from the file and may hold anything; a sentence stays one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

fn target(name: &str, fields: &Fields) -> Target {
    match name {
        "time" => Target::Time,
        "id" => Target::Id,
        "user" => Target::User,
        name => match fields.iter().enumerate().find(|(_, (field, _))| *field == name) {
            Some((at, (_, kind))) => Target::Read { at, kind },
            None => Target::Free,
        },
    }
}

/// Whether a column of this type can hold what is wanted; an error says what is.
fn fits(target: Target, data_type: &DataType) -> Result<(), String> {
    use DataType as Type;
    let is_text = matches!(data_type, Type::Utf8 | Type::LargeUtf8 | Type::Utf8View);
    let is_calendar = matches!(data_type, Type::Date32 | Type::Date64 | Type::Time32(_) | Type::Time64(_));
    let is_timestamp = matches!(data_type, Type::Timestamp(..));
    let is_decimal = data_type.is_numeric() && !data_type.is_integer() && !data_type.is_floating();
    let fits = match (data_type, target) {
        (Type::Null, _) => true,
        (Type::Dictionary(_, values), _) => return fits(target, values),
        (_, Target::Time) => is_text || is_timestamp || data_type.is_integer() || data_type.is_floating(),
        // A UUID, which is sixteen bytes in Parquet.
        (Type::FixedSizeBinary(16), Target::Id | Target::User) => true,
        (_, Target::Id | Target::User) => is_text || data_type.is_integer() || data_type.is_floating() || is_decimal,
        (Type::Boolean, _) => true,
        _ => is_text || is_timestamp || is_calendar || data_type.is_numeric(),
    };
    if fits {
        return Ok(());
    }
    Err(match target {
        Target::Time => "`time` is to be a timestamp, RFC 3339 text or whole epoch milliseconds".to_owned(),
        Target::Id => "`id` is to be text or whole numbers".to_owned(),
        Target::User => "`user` is to be text or whole numbers".to_owned(),
        Target::Read { kind, .. } => format!("the metrics read it as {kind}, for events are flat"),
        Target::Free => String::new(),
    })
}
