//! Applies silences: an open alert that one covers is kept as silenced while it is in force, and fires again after it.
//!
//! The task that writes alerts owns this, so that nothing writes between what is read here and what is kept.

use std::time::Duration;

use hark_dashboard::{Engine, Live};
use hark_model::{Alert, AlertStatus, Silence, Timestamp};
use hark_store::{ALERTS_PER_PAGE_MAX, AlertQuery, Store, StoreError};
use tracing::warn;

/// Silences are looked at again after so long at most: the clock on the wall may be set.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// What a moment that has come is given, so that it is over when it is looked at.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);

/// The silences that are not over, as they were last read.
#[derive(Debug)]
pub(crate) struct Silencer {
    silences: Vec<Silence>,
    /// When they were last applied: what began or ended since has still to be.
    applied: Timestamp,
}

impl Silencer {
    pub(crate) fn new() -> Self {
        Self { silences: Vec::new(), applied: Timestamp::from_millis(0) }
    }

    /// Firing alerts that are covered now become silenced.
    pub(crate) fn mark(&self, alerts: &mut [Alert], now: Timestamp) {
        for alert in alerts.iter_mut().filter(|alert| alert.status == AlertStatus::Firing) {
            if self.covers(alert, now) {
                alert.status = AlertStatus::Silenced;
            }
        }
    }

    /// How long until the next one begins or ends that has not been applied; a moment that passed meanwhile is due.
    pub(crate) fn wait(&self, now: Timestamp) -> Duration {
        let moments = self.silences.iter().flat_map(|silence| [silence.from, silence.until]);
        let next = moments.filter(|moment| *moment > self.applied).min();
        let until = |next: Timestamp| Duration::from_millis(u64::try_from(next.millis() - now.millis()).unwrap_or(0));
        next.map_or(LONGEST_WAIT, until).clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }

    /// Reads the silences again and makes the open alerts follow them. Where the store does not answer it is tried again
    /// after the next [`Self::wait`]. Answers whether they follow.
    pub(crate) async fn follow(&mut self, store: &dyn Store, engine: &dyn Engine, now: Timestamp) -> bool {
        self.applied = now;
        match self.read_and_apply(store, now).await {
            Ok(turned) => {
                turned.into_iter().for_each(|alert| engine.publish(Live::Alert(Box::new(alert))));
                true
            }
            Err(problem) => {
                warn!(error = &problem as &dyn std::error::Error, "silences cannot be applied yet");
                false
            }
        }
    }

    /// Answers the alerts that turned, as they are shown now.
    async fn read_and_apply(&mut self, store: &dyn Store, now: Timestamp) -> Result<Vec<Alert>, StoreError> {
        self.silences = store.silences(now).await?;
        let mut turned = Vec::new();
        for mut alert in open(store).await? {
            let is_silenced = alert.status == AlertStatus::Silenced;
            if is_silenced == self.covers(&alert, now) {
                continue;
            }
            alert.status = if is_silenced { AlertStatus::Firing } else { AlertStatus::Silenced };
            store.save_alert(&alert).await?;
            turned.extend(store.alert(&alert.id).await?);
        }
        Ok(turned)
    }

    fn covers(&self, alert: &Alert, now: Timestamp) -> bool {
        self.silences.iter().any(|silence| silence.is_in_force(now) && silence.covers(alert))
    }
}

/// Every alert that is not over.
async fn open(store: &dyn Store) -> Result<Vec<Alert>, StoreError> {
    let mut open = Vec::new();
    for status in [AlertStatus::Firing, AlertStatus::Acknowledged, AlertStatus::Silenced] {
        let mut query = AlertQuery { status: Some(status), limit: Some(ALERTS_PER_PAGE_MAX), ..AlertQuery::default() };
        loop {
            let page = store.alerts(&query).await?;
            open.extend(page.alerts);
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(from: i64, until: i64) -> Silence {
        let [from, until] = [from, until].map(Timestamp::from_millis);
        Silence {
            metric: None,
            slice: hark_model::Slice::default(),
            from,
            until,
            by: String::new(),
            reason: String::new(),
        }
    }

    #[test]
    fn one_waits_for_the_next_beginning_or_end() {
        let mut silencer = Silencer::new();
        silencer.silences = vec![silence(1_000, 9_000), silence(4_000, 5_000_000)];
        let mut wait = |applied, now| {
            silencer.applied = Timestamp::from_millis(applied);
            silencer.wait(Timestamp::from_millis(now)).as_millis()
        };
        assert_eq!([0, 1_000, 3_500].map(|now| wait(now, now)), [1_000, 3_000, 500]);
        assert_eq!(wait(8_999, 8_999), 20, "not at once: the clock has to pass the end");
        assert_eq!([9_000, 6_000_000].map(|now| wait(now, now)), [60_000; 2]);
        assert_eq!(wait(8_000, 9_500), 20, "the end passed while an alert was written: it is due");
    }
}
