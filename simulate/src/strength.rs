//! How visible an incident is, whoever looks: effect over standard error, from requests drawn with and without it.
//!
//! The same requests are drawn twice over the incident's own hours, so that night and day, the roll-outs of that
//! week and the size of the slice are all in the numbers. No detector is asked.

use rand::RngExt;

use crate::incidents::{Family, Incident};
use crate::noise::{LATENCY_CLUSTER, LATENCY_GLOBAL, NoiseAt, VOLUME_FAST, VOLUME_LOCALE, VOLUME_SLOW};
use crate::random::{Choice, Random};
use crate::request::Request;
use crate::slice::Slice;
use crate::traffic::{Minute, Traffic};
use crate::truth::{Metric, Statistic};

/// Moments of the incident from which requests are drawn.
const MOMENTS: usize = 48;
/// Requests of the slice to look at, and draws after which to stop looking for them.
const WANTED: usize = 3_000;
const DRAWS_MAX: usize = 60_000;
/// Below this strength nobody could be blamed for silence.
const STRONG_STRENGTH: f64 = 8.0;
const STRONG_LATENCY_RISE: f64 = 0.15;
const STRONG_FAILURE_FACTOR: f64 = 3.0;
const STRONG_FROZEN_A_MINUTE: f64 = 0.5;
const STRONG_LOSS: f64 = 0.5;
const STRONG_LOSS_TRAFFIC_SHARE: f64 = 0.05;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) metric: Metric,
    pub(crate) statistic: Statistic,
    /// The statistic over the incident's hours in the slice, without and with the incident.
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) strength: f64,
    pub(crate) strong: bool,
    /// The slice's share of all requests.
    pub(crate) share: f64,
}

/// The traffic during one incident, ready to draw from.
pub(crate) struct Sampler<'a> {
    traffic: &'a Traffic,
    moments: Vec<(Minute, f64)>,
    choice: Choice,
    minutes: f64,
    expected: f64,
}

/// Requests of a slice without and with an incident.
#[derive(Default)]
struct Twins {
    drawn: usize,
    /// Those that were looked at: in the slice, or in all traffic for a shift of the mix.
    in_slice: usize,
    /// Those that fall into the incident's slice without it.
    named: usize,
    lost: usize,
    failed: (usize, usize),
    /// Total times of the requests that went well.
    before_ms: Vec<f64>,
    after_ms: Vec<f64>,
}

impl<'a> Sampler<'a> {
    pub(crate) fn new(traffic: &'a Traffic, incident: &Incident) -> Self {
        let course = &incident.course;
        let length_ms = course.end_ms - course.start_ms;
        let moments: Vec<(Minute, f64)> = (0..MOMENTS as i64)
            .map(|moment| {
                // The middle of the moment's share of the time.
                let time_ms = course.start_ms + length_ms * (2 * moment + 1) / (2 * MOMENTS as i64);
                (traffic.minute(time_ms, &NoiseAt::none()), course.intensity(time_ms))
            })
            .collect();
        let mean = moments.iter().map(|(minute, _)| minute.expected).sum::<f64>() / MOMENTS as f64;
        let choice = Choice::new(moments.iter().map(|(minute, _)| minute.expected));
        Self { traffic, moments, choice, minutes: course.minutes(), expected: mean * course.minutes() }
    }

    /// Requests as they would be without the incident.
    pub(crate) fn pool(&self, count: usize, random: &mut Random) -> Vec<Request> {
        (0..count)
            .map(|_| {
                let (minute, _) = self.moment(random);
                let ask = self.traffic.ask(minute, random);
                self.traffic.answer(minute, ask, random)
            })
            .collect()
    }

    pub(crate) fn measure(&self, incident: &Incident, random: &mut Random) -> Measured {
        let mut twins = self.twins(incident, random);
        let named = twins.named as f64 / twins.drawn as f64;
        let share = twins.in_slice as f64 / twins.drawn as f64;
        let requests = self.expected * share;
        match incident.family {
            Family::Failure => failures(&twins, requests, share),
            Family::TrafficDrop | Family::DataGap => volume(&twins, requests, share, self.minutes),
            Family::Stuck => frozen(&mut twins, requests, share, self.minutes),
            family => {
                twins.before_ms.sort_by(f64::total_cmp);
                twins.after_ms.sort_by(f64::total_cmp);
                // A silent incident is never strong: nothing is to be found.
                let findable = family != Family::MixShift;
                let p99 = (family == Family::TailOnly).then_some(Statistic::P99);
                let best = [Statistic::P50, Statistic::P95]
                    .into_iter()
                    .chain(p99)
                    .map(|statistic| latency(&twins, statistic, requests, share, self.minutes))
                    .max_by(|one, other| one.strength.total_cmp(&other.strength));
                let best = best.unwrap_or_else(|| latency(&twins, Statistic::P50, requests, share, self.minutes));
                // Small on purpose: what counts is that all of its requests together show it.
                let is_thin = family == Family::Thin && best.strength >= STRONG_STRENGTH;
                Measured { strong: (best.strong || is_thin) && findable, share: named, ..best }
            }
        }
    }

    fn moment(&self, random: &mut Random) -> &(Minute, f64) {
        &self.moments[usize::from(self.choice.pick(random.random()))]
    }

    fn twins(&self, incident: &Incident, random: &mut Random) -> Twins {
        // A shift of the mix shows in all of the traffic, not in the slice that grows.
        let slice = if incident.family == Family::MixShift { &Slice::all() } else { &incident.slice };
        let mut twins = Twins::default();
        while twins.in_slice < WANTED && twins.drawn < DRAWS_MAX {
            let (minute, intensity) = self.moment(random);
            let ask = self.traffic.ask(minute, random);
            twins.drawn += 1;
            if !slice.matches(&ask.0) {
                continue;
            }
            twins.in_slice += 1;
            twins.named += usize::from(incident.slice.matches(&ask.0));
            let before = self.traffic.answer(minute, ask, random);
            let (mut dims, user) = ask;
            incident.redirect(&mut dims, *intensity, random);
            let mut after = if dims == ask.0 { before } else { self.traffic.answer(minute, (dims, user), random) };
            let arrived = incident.touch(&mut after, *intensity, random);
            twins.failed.0 += usize::from(before.has_failed());
            twins.before_ms.extend(before.is_ok().then(|| before.total_ms()));
            if arrived {
                twins.failed.1 += usize::from(after.has_failed());
                twins.after_ms.extend(after.is_ok().then(|| after.total_ms()));
            } else {
                twins.lost += 1;
            }
        }
        twins
    }
}

/// The standard error of a quantile is sqrt(q (1 - q) / n) over the density there (Mosteller 1946), and the mean
/// of the wandering noise comes on top of it, which no number of requests averages away.
fn latency(twins: &Twins, statistic: Statistic, requests: f64, share: f64, minutes: f64) -> Measured {
    let level = statistic.level();
    let before = quantile(&twins.before_ms, level);
    let after = quantile(&twins.after_ms, level);
    let reach = 0.4 * (1.0 - level);
    let spacing = quantile(&twins.before_ms, level + reach) - quantile(&twins.before_ms, level - reach);
    let ok = requests * twins.before_ms.len() as f64 / twins.in_slice.max(1) as f64;
    let sampling = (level * (1.0 - level) / ok.max(1.0)).sqrt() * spacing / (2.0 * reach);
    let wander = LATENCY_GLOBAL.variance_of_mean(minutes) + LATENCY_CLUSTER.variance_of_mean(minutes);
    let error = (sampling * sampling + before * before * wander).sqrt();
    let strength = if error > 0.0 { (after - before).abs() / error } else { 0.0 };
    let strong = strength >= STRONG_STRENGTH && after >= before * (1.0 + STRONG_LATENCY_RISE);
    Measured { metric: Metric::ResponseTime, statistic, before, after, strength, strong, share }
}

/// Nobody has to be told how unlikely the same time is for all; it takes requests to see that it is.
fn frozen(twins: &mut Twins, requests: f64, share: f64, minutes: f64) -> Measured {
    twins.before_ms.sort_by(f64::total_cmp);
    twins.after_ms.sort_by(f64::total_cmp);
    let [before, after] = [&twins.before_ms, &twins.after_ms].map(|times| quantile(times, 0.5));
    let strong = requests >= STRONG_FROZEN_A_MINUTE * minutes;
    let statistic = Statistic::P50;
    Measured { metric: Metric::ResponseTime, statistic, before, after, strength: requests.sqrt(), strong, share }
}

fn failures(twins: &Twins, requests: f64, share: f64) -> Measured {
    let seen = twins.in_slice.max(1) as f64;
    let (before, after) = (twins.failed.0 as f64 / seen, twins.failed.1 as f64 / seen);
    // Half a failure at least: a slice without any in the sample is not one without any at all.
    let rate = before.max(0.5 / seen);
    let error = (rate * (1.0 - rate) / requests.max(1.0)).sqrt();
    let strength = (after - before).abs() / error;
    let strong = strength >= STRONG_STRENGTH && after >= STRONG_FAILURE_FACTOR * before;
    Measured { metric: Metric::FailureRate, statistic: Statistic::Rate, before, after, strength, strong, share }
}

/// `before` and `after` are requests per minute.
fn volume(twins: &Twins, requests: f64, share: f64, minutes: f64) -> Measured {
    let lost = twins.lost as f64 / twins.in_slice.max(1) as f64;
    let wander = [VOLUME_SLOW, VOLUME_FAST, VOLUME_LOCALE].map(|wander| wander.variance_of_mean(minutes));
    let error = (requests + requests * requests * wander.iter().sum::<f64>()).sqrt();
    let strength = if error > 0.0 { lost * requests / error } else { 0.0 };
    let strong = strength >= STRONG_STRENGTH && lost >= STRONG_LOSS && share >= STRONG_LOSS_TRAFFIC_SHARE;
    let before = requests / minutes;
    let after = before * (1.0 - lost);
    Measured { metric: Metric::Requests, statistic: Statistic::Count, before, after, strength, strong, share }
}

/// Of sorted values; zero of none.
fn quantile(sorted: &[f64], level: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = level * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_median_is_the_textbook_one() {
        // Uniform on 0..1000: density 1/1000, so the standard error of the median is 500 / sqrt(n).
        let before_ms: Vec<f64> = (0..=1000).map(f64::from).collect();
        let after_ms: Vec<f64> = before_ms.iter().map(|ms| ms + 100.0).collect();
        let twins = Twins { drawn: 1001, in_slice: 1001, before_ms, after_ms, ..Twins::default() };
        // Long enough for the wandering to average out.
        let measured = latency(&twins, Statistic::P50, 10_000.0, 1.0, 1e12);
        assert!((measured.strength - 100.0 / 5.0).abs() < 0.1, "{}", measured.strength);
        assert_eq!((measured.before, measured.after), (500.0, 600.0));
    }

    #[test]
    fn a_small_loss_is_not_strong() {
        let twins = |lost| Twins { drawn: 1000, in_slice: 500, lost, ..Twins::default() };
        assert!(!volume(&twins(200), 50_000.0, 0.5, 600.0).strong);
        assert!(volume(&twins(400), 50_000.0, 0.5, 600.0).strong);
    }
}
