//! The statements that list alerts: one for each combination of filters, since one that leaves some open at run time could
//! use none of their indexes.

use hark_store::{AlertScan, Whose};

/// What every list takes in: times (1, 2), and what comes after the cursor (3, 4).
macro_rules! listed {
    () => {
        " WHERE opened_at_ms BETWEEN $1 AND $2 AND (opened_at_ms < $3 OR id > $4)"
    };
}

/// A page of alerts (5: how many).
macro_rules! page {
    ($($filter:expr),*) => {
        concat!(
            "SELECT id, document::text, acts::text FROM alerts", listed!(), $(" AND ", $filter,)*
            " ORDER BY opened_at_ms DESC, id LIMIT $5"
        )
    };
}

/// The last row that words are looked for in (5: how many come before it).
macro_rules! edge {
    ($($filter:expr),*) => {
        concat!(
            "SELECT opened_at_ms, id FROM alerts", listed!(), $(" AND ", $filter,)*
            " ORDER BY opened_at_ms DESC, id LIMIT 1 OFFSET $5"
        )
    };
}

/// [`page!`], down to the edge (1, and 6 where there is one), of the alerts that have the words (7 to 14) in them.
macro_rules! search {
    ($($filter:expr),*) => {
        concat!(
            "SELECT id, document::text, acts::text FROM alerts", listed!(),
            " AND (opened_at_ms > $1 OR $6::text IS NULL OR id <= $6)", $(" AND ", $filter,)*
            " AND strpos(told, $7) > 0 AND strpos(told, $8) > 0 AND strpos(told, $9) > 0 AND strpos(told, $10) > 0",
            " AND strpos(told, $11) > 0 AND strpos(told, $12) > 0 AND strpos(told, $13) > 0 AND strpos(told, $14) > 0",
            " ORDER BY opened_at_ms DESC, id LIMIT $5"
        )
    };
}

/// One statement for each combination; they take whose alerts, then the status, then the metric, as far as they are given,
/// at these places.
macro_rules! each_combination {
    ($list:ident, $first:literal, $second:literal, $third:literal) => {
        [
            $list!(),
            $list!(concat!("status = ", $first)),
            $list!(concat!("metric = ", $first)),
            $list!(concat!("status = ", $first), concat!("metric = ", $second)),
            $list!(concat!("owner = ", $first)),
            $list!(concat!("owner = ", $first), concat!("status = ", $second)),
            $list!(concat!("owner = ", $first), concat!("metric = ", $second)),
            $list!(concat!("owner = ", $first), concat!("status = ", $second), concat!("metric = ", $third)),
            $list!(concat!("assignee = ", $first)),
            $list!(concat!("assignee = ", $first), concat!("status = ", $second)),
            $list!(concat!("assignee = ", $first), concat!("metric = ", $second)),
            $list!(concat!("assignee = ", $first), concat!("status = ", $second), concat!("metric = ", $third)),
        ]
    };
}

const PAGES: [&str; 12] = each_combination!(page, "$6", "$7", "$8");
const EDGES: [&str; 12] = each_combination!(edge, "$6", "$7", "$8");
const SEARCHES: [&str; 12] = each_combination!(search, "$15", "$16", "$17");

pub(crate) struct Statements {
    pub page: &'static str,
    pub edge: &'static str,
    pub search: &'static str,
}

/// The statements for the filters of a list.
pub(crate) fn statements(scan: &AlertScan) -> Statements {
    let whose = match scan.whose {
        None => 0,
        Some(Whose::Owner(_)) => 4,
        Some(Whose::Assignee(_)) => 8,
    };
    let at = whose + usize::from(scan.status.is_some()) + 2 * usize::from(scan.metric.is_some());
    Statements { page: PAGES[at], edge: EDGES[at], search: SEARCHES[at] }
}
