//! The statements that list alerts: one for each combination of filters, since one that leaves some open at run time could
//! use none of their indexes.

use hark_store::{AlertScan, Whose};

/// What every list takes in: times (1, 2), and what comes after the cursor (3, 4).
macro_rules! listed {
    () => {
        " WHERE opened_at_ms BETWEEN ?1 AND ?2 AND (opened_at_ms < ?3 OR id > ?4)"
    };
}

/// A page of alerts (5: how many).
macro_rules! page {
    ($($filter:expr),*) => {
        concat!(
            "SELECT id, document, acts FROM alerts", listed!(), $(" AND ", $filter,)*
            " ORDER BY opened_at_ms DESC, id LIMIT ?5"
        )
    };
}

/// The last row that words are looked for in (5: how many come before it).
macro_rules! edge {
    ($($filter:expr),*) => {
        concat!(
            "SELECT opened_at_ms, id FROM alerts", listed!(), $(" AND ", $filter,)*
            " ORDER BY opened_at_ms DESC, id LIMIT 1 OFFSET ?5"
        )
    };
}

/// [`page!`], down to the edge (1, and 6 where there is one), of the alerts that have the words (7 to 14) in them. They are
/// looked for in the index that has what is told: the rows themselves are long.
macro_rules! search {
    ($($filter:expr),*) => {
        concat!(
            "SELECT id, document, acts FROM alerts", listed!(),
            " AND (opened_at_ms > ?1 OR ?6 IS NULL OR id <= ?6)", $(" AND ", $filter,)*
            " AND EXISTS (SELECT 1 FROM alerts AS same INDEXED BY alerts_told_idx",
            " WHERE same.opened_at_ms = alerts.opened_at_ms AND same.id = alerts.id",
            " AND instr(same.told, ?7) > 0 AND instr(same.told, ?8) > 0 AND instr(same.told, ?9) > 0",
            " AND instr(same.told, ?10) > 0 AND instr(same.told, ?11) > 0 AND instr(same.told, ?12) > 0",
            " AND instr(same.told, ?13) > 0 AND instr(same.told, ?14) > 0)",
            " ORDER BY opened_at_ms DESC, id LIMIT ?5"
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
            // The index of owner and metric has the status as well: the plus keeps others from being taken.
            $list!(concat!("owner = ", $first), concat!("+status = ", $second), concat!("metric = ", $third)),
            $list!(concat!("assignee = ", $first)),
            $list!(concat!("assignee = ", $first), concat!("status = ", $second)),
            $list!(concat!("assignee = ", $first), concat!("metric = ", $second)),
            $list!(concat!("assignee = ", $first), concat!("+status = ", $second), concat!("metric = ", $third)),
        ]
    };
}

const PAGES: [&str; 12] = each_combination!(page, "?6", "?7", "?8");
const EDGES: [&str; 12] = each_combination!(edge, "?6", "?7", "?8");
const SEARCHES: [&str; 12] = each_combination!(search, "?15", "?16", "?17");

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

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;
    use crate::SqliteStore;

    const INDEXES: [&str; 12] = [
        "alerts_opened_at_idx",
        "alerts_status_opened_at_idx",
        "alerts_metric_opened_at_idx",
        "alerts_metric_status_opened_at_idx",
        "alerts_owner_opened_at_idx",
        "alerts_owner_status_opened_at_idx",
        "alerts_owner_metric_opened_at_idx",
        "alerts_owner_metric_opened_at_idx",
        "alerts_assignee_opened_at_idx",
        "alerts_assignee_status_opened_at_idx",
        "alerts_assignee_metric_opened_at_idx",
        "alerts_assignee_metric_opened_at_idx",
    ];

    #[tokio::test]
    async fn every_list_walks_an_index_in_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path().join("alerts.db")).await.expect("opens");
        for (at, index) in INDEXES.into_iter().enumerate() {
            // Further steps would be a sort of all that was found; a search looks into the index that has the words.
            for (sql, steps_wanted) in [(PAGES[at], 1), (EDGES[at], 1), (SEARCHES[at], 2)] {
                let steps = plan(&store, sql).await;
                assert!(steps.len() == steps_wanted && steps[0].contains(index), "{sql}: {steps:?}");
            }
            assert!(plan(&store, EDGES[at]).await[0].contains("COVERING"), "{}", EDGES[at]);
            let search = plan(&store, SEARCHES[at]).await;
            assert!(search[1].contains("COVERING INDEX alerts_told_idx (opened_at_ms=? AND id=?)"), "{search:?}");
        }
    }

    async fn plan(store: &SqliteStore, sql: &str) -> Vec<String> {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(&store.reader).await.expect("a plan");
        steps.into_iter().map(|step| step.3).collect()
    }
}
