//! Other definitions for a stream that goes on: what is the same keeps its state, what is new begins.

use hark_query::Plan;

use crate::fold::Fold;

impl Fold {
    /// The same stream under other definitions. `carried` says of each metric of `to` which one of `from` it is, word
    /// for word; the others begin with the next event. The layout is that of a fresh fold of `to`.
    #[must_use]
    pub fn adopt(self, from: &Plan, to: &Plan, carried: &[Option<usize>]) -> Self {
        let mut new = Self::new(to);
        new.clock = self.clock;
        new.seen = self.seen;
        new.totals = self.totals;
        new.scrapes = self.scrapes;
        new.counts = self.counts;
        new.next = self.next;
        new.signatures = self.signatures;
        let mut dictionaries: Vec<_> = self.dictionaries.into_iter().map(Some).collect();
        for (at, (name, kind)) in to.fields.iter().enumerate() {
            let Some(old) = from.fields.iter().position(|field| field == (name, kind)) else { continue };
            new.seen_columns[at] = self.seen_columns[old];
            if let Some(dictionary) = dictionaries[old].take() {
                new.dictionaries[at] = dictionary;
            }
        }
        for set in &mut new.sets {
            if let Some(old) = self.sets.iter().find(|old| old.names() == set.names()) {
                set.take_over(old);
            }
        }
        let names = |plan: &Plan, columns: &[usize]| -> Vec<String> {
            let name = |&column: &usize| plan.schema.field(column).name().clone();
            columns.iter().map(name).collect()
        };
        for grain in &mut new.grains {
            let own = names(to, grain.columns());
            if let Some(old) = self.grains.iter().find(|old| names(from, old.columns()) == own) {
                grain.take_over(old);
            }
        }
        let mut metrics: Vec<_> = self.metrics.into_iter().map(Some).collect();
        for (metric, old) in new.metrics.iter_mut().zip(carried) {
            let Some(old) = old.and_then(|old| metrics[old].take()) else { continue };
            metric.leaves = old.leaves;
            metric.stages = old.stages;
            metric.failures = old.failures;
            metric.cells.take_over(old.cells);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use hark_model::{Definitions, Statistic, Step};

    use super::*;
    use crate::{EventsRecord, Format, Reader, UserKey, decode};

    fn plan(yaml: &str) -> Plan {
        Plan::compile(&Definitions::parse(yaml).unwrap()).unwrap()
    }

    fn feed(fold: &mut Fold, plan: &Plan, minutes: std::ops::Range<i64>) -> Vec<(Step, String, f64)> {
        let mut body = String::new();
        for minute in minutes {
            for (city, ms) in [("oslo", 10), ("bern", 20), ("bern", 30)] {
                let time = hark_model::Timestamp::from_millis(1_777_636_800_000).plus_minutes(minute).millis();
                body += &format!("{{\"time\":{time},\"city\":\"{city}\",\"kind\":\"k{}\",\"ms\":{ms}}}\n", minute % 2);
            }
        }
        let reader = Reader { fields: &plan.fields, users: &UserKey::new([0; 16]) };
        let events = decode(Format::Ndjson, body.as_bytes(), &reader).unwrap().events;
        let record = EventsRecord { source: "s".to_owned(), events, ..EventsRecord::default() };
        let mut seen = Vec::new();
        fold.apply(plan, &record.batch(), |closed| {
            for cell in &closed.cells {
                let name = format!(
                    "{} {}",
                    plan.metrics[cell.metric].metric.name,
                    closed.fold.cells(cell.metric).slice(cell.slice)
                );
                seen.push((closed.step, name, cell.cell.value(Statistic::Count).unwrap_or(0.0)));
            }
        });
        seen
    }

    const KEPT: &str = "{name: kept, kind: latency, value: ms, dimensions: [city], watch: [[], [city]]}";
    const NEW: &str = "{name: a_new, kind: count, dimensions: [city, kind], watch: [[], [city], [kind]]}";
    const GONE: &str = "{name: gone, kind: ratio, numerator: \"zone = 'x'\", dimensions: [kind], watch: [[kind]]}";

    #[test]
    fn what_is_kept_goes_on_as_if_nothing_had_happened() {
        let (before, after) = (plan(&format!("metrics: [{GONE}, {KEPT}]")), plan(&format!("metrics: [{NEW}, {KEPT}]")));
        let mut whole = Fold::new(&before);
        let mut split = whole.clone();
        feed(&mut whole, &before, 0..7);
        feed(&mut split, &before, 0..7);
        let mut split = split.adopt(&before, &after, &[None, Some(1)]);
        let of_kept = |seen: Vec<(Step, String, f64)>| -> Vec<_> {
            seen.into_iter().filter(|(_, name, _)| name.starts_with("kept")).collect()
        };
        let expected = of_kept(feed(&mut whole, &before, 7..40));
        let found = feed(&mut split, &after, 7..40);
        assert!(!expected.is_empty());
        assert_eq!(of_kept(found.clone()), expected);
        // The new one counts from then on, in slices whose numbers were given before.
        let of_new: f64 = found.iter().filter(|(_, name, _)| name == "a_new city:bern").map(|(.., count)| count).sum();
        let closed = split.next.unwrap().start().minutes_since(hark_model::Timestamp::from_millis(1_777_636_800_000));
        assert_eq!(of_new, 2.0 * (closed - 7) as f64);
        assert_eq!(whole.counts(), split.counts());
        let leaves = |fold: &Fold, metric| fold.leaves(metric).rows(Step(0), Step(i64::MAX)).count();
        assert_eq!(leaves(&whole, 1), leaves(&split, 1));
    }
}
