//! CSV text to records (RFC 4180): quotes may hold delimiters, line ends and, doubled, themselves.
//!
//! Written out here because a ragged record must be named by its line and passed over, where arrow-csv gives up the whole
//! batch, and because chunks must be cut where records end.

/// The cells of many records of one width.
#[derive(Default)]
pub(super) struct Table {
    width: usize,
    text: String,
    /// Where each cell ends in `text`, record after record.
    ends: Vec<usize>,
    /// The line that each record begins on.
    pub(super) lines: Vec<u64>,
}

impl Table {
    pub(super) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// An empty cell holds nothing.
    pub(super) fn cell(&self, row: usize, column: usize) -> Option<&str> {
        let at = row * self.width + column;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        let cell = &self.text[start..self.ends[at]];
        (!cell.is_empty()).then_some(cell)
    }

    /// Adds a record; an error says why it is not in the table.
    pub(super) fn add(&mut self, record: &[u8], line: u64) -> Result<(), String> {
        let record = std::str::from_utf8(record)
            .map_err(|error| format!("not valid UTF-8 from byte {} on", error.valid_up_to() + 1))?;
        let (text, ends) = (self.text.len(), self.ends.len());
        let split = split(record, &mut self.text, &mut self.ends);
        let cells = self.ends.len() - ends;
        let problem = match split {
            Err(Unclosed) => "a quote is opened and never closed".to_owned(),
            Ok(()) if cells != self.width => {
                format!("it has {cells} cells, and the first line names {} columns", self.width)
            }
            Ok(()) => {
                self.lines.push(line);
                return Ok(());
            }
        };
        self.text.truncate(text);
        self.ends.truncate(ends);
        Err(problem)
    }
}

/// The names in the first record.
pub(super) fn header(record: &str) -> Result<Vec<String>, Unclosed> {
    let (mut text, mut ends) = (String::new(), Vec::new());
    split(record, &mut text, &mut ends)?;
    let mut start = 0;
    Ok(ends.into_iter().map(|end| text[std::mem::replace(&mut start, end)..end].trim().to_owned()).collect())
}

/// The bytes of the first record with and without its line end. `None`: its end is not here.
pub(super) fn first_record(text: &[u8], ended: bool) -> Option<(usize, &[u8])> {
    let line_end = text.iter().position(|&byte| byte == b'\n');
    let line = &text[..line_end.unwrap_or(text.len())];
    let end = if line.contains(&b'"') { end_with_quotes(text) } else { line_end };
    match end {
        Some(end) => Some((end + 1, text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]))),
        None if ended => Some((text.len(), text)),
        None => None,
    }
}

/// The first line end outside of quotes, which open where a cell begins and nowhere else.
fn end_with_quotes(text: &[u8]) -> Option<usize> {
    enum At {
        CellStart,
        Cell,
        Quoted,
        Quote,
    }
    let mut at = At::CellStart;
    for (position, byte) in text.iter().enumerate() {
        at = match (at, byte) {
            // In quotes, a second quote after the first takes the cell back into them.
            (At::CellStart | At::Quote, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) => At::Quoted,
            (_, b'\n') => return Some(position),
            (_, b',') => At::CellStart,
            _ => At::Cell,
        };
    }
    None
}

#[derive(Debug)]
pub(super) struct Unclosed;

fn split(record: &str, text: &mut String, ends: &mut Vec<usize>) -> Result<(), Unclosed> {
    let mut rest = record;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = unquote(quoted, text)?;
        }
        // What follows a closing quote belongs to the cell all the same; a quote within a cell is just a quote.
        let end = rest.bytes().position(|byte| byte == b',');
        text.push_str(&rest[..end.unwrap_or(rest.len())]);
        ends.push(text.len());
        match end {
            Some(end) => rest = &rest[end + 1..],
            None => return Ok(()),
        }
    }
}

/// Takes the text up to the closing quote, and answers what follows it.
fn unquote<'a>(mut quoted: &'a str, text: &mut String) -> Result<&'a str, Unclosed> {
    loop {
        let end = quoted.bytes().position(|byte| byte == b'"').ok_or(Unclosed)?;
        text.push_str(&quoted[..end]);
        quoted = &quoted[end + 1..];
        let Some(more) = quoted.strip_prefix('"') else { return Ok(quoted) };
        text.push('"');
        quoted = more;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(text: &str) -> Vec<Vec<String>> {
        let mut records = Vec::new();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (end, record) = first_record(rest, true).unwrap();
            records.push(header(std::str::from_utf8(record).unwrap()).unwrap());
            rest = &rest[end..];
        }
        records
    }

    #[test]
    fn quotes_hold_delimiters_line_ends_and_themselves() {
        let text = "a,\"b,c\",\"d\"\"e\"\r\n\"x\ny\",5\"\" wide,\n,\"\",z";
        assert_eq!(records(text), [["a", "b,c", "d\"e"], ["x\ny", "5\"\" wide", ""], ["", "", "z"]]);
    }

    #[test]
    fn a_record_whose_end_is_not_here_waits_for_more() {
        assert!(first_record(b"a,b", false).is_none());
        assert!(first_record(b"a,\"b\nc\n", false).is_none());
        assert_eq!(first_record(b"a,\"b\nc\n", true).unwrap().0, 7);
        assert!(header("a,\"b\nc\n").is_err());
    }

    #[test]
    fn a_record_that_does_not_fit_leaves_nothing_behind() {
        let mut table = Table::new(2);
        assert!(table.add(b"a,b", 2).is_ok());
        for broken in [b"a,b,c".as_slice(), b"a", b"a,\"b", b"a,\xff"] {
            assert!(table.add(broken, 3).is_err());
        }
        assert!(table.add(b",d", 4).is_ok());
        assert_eq!((table.cell(1, 0), table.cell(1, 1), table.cell(0, 0)), (None, Some("d"), Some("a")));
        assert_eq!(table.lines, [2, 4]);
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(cells in prop::collection::vec("[a\",\n\r é]{0,6}", 1..5)) {
            let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            let mut text = quoted.join(",");
            text.push('\n');
            let (end, record) = first_record(text.as_bytes(), false).unwrap();
            prop_assert_eq!(end, text.len());
            let mut table = Table::new(cells.len());
            prop_assert!(table.add(record, 1).is_ok());
            for (column, cell) in cells.iter().enumerate() {
                prop_assert_eq!(table.cell(0, column).unwrap_or(""), cell);
            }
        }
    }
}
