//! Which alerts to list: the question as asked, the same checked, and the cursor from page to page.

use hark_model::{Alert, AlertStatus, Timestamp};

use crate::told::words;
use crate::{StoreError, StoredAlert, WORDS_MAX, is_name};

pub const ALERTS_PER_PAGE_DEFAULT: usize = 100;
/// More is refused, not cut, so that nobody takes a part for the whole.
pub const ALERTS_PER_PAGE_MAX: usize = 1_000;
/// So many alerts are looked through for words, for one page; the next page goes on from there. It bounds how long that
/// takes, whatever is looked for.
pub const LOOKED_THROUGH_MAX: usize = 9_000;

/// The default asks for the newest alerts of all kinds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertQuery {
    pub status: Option<AlertStatus>,
    pub metric: Option<String>,
    /// Those of one team, or those that one person looks after.
    pub whose: Option<Whose>,
    /// Those that have each of these words in what is told of them: names, slices, causes, suspects, error texts, people.
    pub words: Option<String>,
    /// [`LOOKED_THROUGH_MAX`] where `None`.
    pub looked_through_max: Option<usize>,
    /// Opened at or after.
    pub from: Option<Timestamp>,
    /// Opened before.
    pub to: Option<Timestamp>,
    /// [`ALERTS_PER_PAGE_DEFAULT`] where `None`.
    pub limit: Option<usize>,
    /// [`AlertPage::next`] of the page before; the first page where `None`.
    pub cursor: Option<String>,
}

/// Whose alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// By the team that owns the metric.
    Owner(String),
    /// By the person who looks after them.
    Assignee(String),
}

impl Whose {
    pub fn name(&self) -> &str {
        match self {
            Self::Owner(name) | Self::Assignee(name) => name,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertPage {
    pub alerts: Vec<Alert>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<String>,
    /// The page is not full, for the search for words stopped here: alerts that opened before are looked through with the
    /// next page. `None` where it did not have to stop.
    pub looked_back_to: Option<Timestamp>,
}

/// A valid [`AlertQuery`], in the terms of the tables: those rows with
/// `first_ms <= opened_at_ms <= last_ms` and `opened_at_ms < after_ms or id > after_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertScan {
    pub status: Option<&'static str>,
    pub metric: Option<String>,
    pub whose: Option<Whose>,
    pub first_ms: i64,
    pub last_ms: i64,
    pub after_ms: i64,
    pub after_id: String,
    /// Small letters, each once; empty where no words are looked for.
    words: Vec<String>,
    looked_through_max: usize,
    limit: usize,
}

/// The last row that words are looked for in, its time and its id; `None` where that is the last row of all.
pub type Edge = Option<(i64, String)>;

impl AlertQuery {
    pub fn scan(&self) -> Result<AlertScan, StoreError> {
        let limit = self.limit.unwrap_or(ALERTS_PER_PAGE_DEFAULT);
        if !(1..=ALERTS_PER_PAGE_MAX).contains(&limit) {
            let problem = format!("the limit is {limit}; ask for 1 to {ALERTS_PER_PAGE_MAX} alerts a page");
            return Err(StoreError::Query(problem));
        }
        if self.metric.as_deref().is_some_and(|metric| !is_name(metric)) {
            return Err(StoreError::Query(
                "the metric cannot be the name of one; give it as it was defined".to_owned(),
            ));
        }
        if self.whose.as_ref().is_some_and(|whose| !is_name(whose.name())) {
            return Err(StoreError::Query("whose alerts they are must be the name of a team or a person".to_owned()));
        }
        let last_ms = self.to.map_or(i64::MAX, |to| to.millis().saturating_sub(1));
        // No row can be older than the first page's start, and no id is empty: these take in every row.
        let start = Cursor { opened_at_ms: i64::MAX, id: String::new() };
        let after = self.cursor.as_deref().map_or(Ok(start), Cursor::parse)?;
        Ok(AlertScan {
            status: self.status.map(AlertStatus::name),
            metric: self.metric.clone(),
            whose: self.whose.clone(),
            first_ms: self.from.map_or(i64::MIN, Timestamp::millis),
            last_ms: last_ms.min(after.opened_at_ms),
            after_ms: after.opened_at_ms,
            after_id: after.id,
            words: self.words.as_deref().map_or(Ok(Vec::new()), words)?,
            looked_through_max: self.looked_through_max.unwrap_or(LOOKED_THROUGH_MAX).max(1),
            limit,
        })
    }
}

impl AlertScan {
    /// How many rows to read: one more than a page holds, which tells whether another page follows.
    pub fn rows_max(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }

    /// The words, as many as a statement takes: every text has the empty ones in it. `None` where there are none.
    pub fn words(&self) -> Option<[&str; WORDS_MAX]> {
        let mut padded = [""; WORDS_MAX];
        padded.iter_mut().zip(&self.words).for_each(|(place, word)| *place = word);
        (!self.words.is_empty()).then_some(padded)
    }

    /// How many rows come before the [`Edge`].
    pub fn rows_before_edge(&self) -> i64 {
        i64::try_from(self.looked_through_max - 1).unwrap_or(i64::MAX)
    }

    /// The page made of the rows read, the search for words ending at that edge.
    pub fn page(&self, rows: Vec<StoredAlert>, edge: Edge) -> AlertPage {
        let more = rows.len() > self.limit;
        let alerts: Vec<Alert> = rows.into_iter().take(self.limit).map(StoredAlert::into_shown).collect();
        if more {
            let next = alerts.last().map(cursor_after);
            return AlertPage { alerts, next, looked_back_to: None };
        }
        let edge = edge.map(|(opened_at_ms, id)| Cursor { opened_at_ms, id });
        let looked_back_to = edge.as_ref().map(|edge| Timestamp::from_millis(edge.opened_at_ms));
        AlertPage { alerts, next: edge.map(|edge| edge.to_text()), looked_back_to }
    }
}

/// The cursor of what comes after this alert.
pub fn cursor_after(alert: &Alert) -> String {
    Cursor { opened_at_ms: alert.opened_at.millis(), id: alert.id.0.clone() }.to_text()
}

/// The place of an alert in the list. Opaque to those who pass it on: `<milliseconds>.<id in hexadecimal>`.
#[derive(Debug, PartialEq, Eq)]
struct Cursor {
    opened_at_ms: i64,
    id: String,
}

impl Cursor {
    fn to_text(&self) -> String {
        let id: String = self.id.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{}.{id}", self.opened_at_ms)
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        Self::from_text(text).ok_or_else(|| {
            let problem = "the cursor is not one that this list gave out; leave it out to start at the newest alert";
            StoreError::Query(problem.to_owned())
        })
    }

    fn from_text(text: &str) -> Option<Self> {
        let (millis, hex) = text.split_once('.')?;
        if hex.len() % 2 != 0 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let bytes: Option<Vec<u8>> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect();
        let id = String::from_utf8(bytes?).ok().filter(|id| is_name(id))?;
        Some(Self { opened_at_ms: millis.parse().ok()?, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_there_and_back() {
        for (opened_at_ms, id) in [(0, "a"), (-1, "Zürich \"'.,"), (i64::MAX, "日本")] {
            let cursor = Cursor { opened_at_ms, id: id.to_owned() };
            assert_eq!(Cursor::from_text(&cursor.to_text()), Some(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", ".", "5", "5.", "5.6", "5.6g", "5.00", "5.ff", "x.61", "5.61.61", "5.é1", "5.+1"] {
            assert_eq!(Cursor::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_interval_is_an_empty_scan() {
        let at = Some(Timestamp::from_millis(7));
        let scan = AlertQuery { from: at, to: at, ..AlertQuery::default() }.scan().expect("a valid query");
        assert!(scan.first_ms > scan.last_ms);
    }
}
