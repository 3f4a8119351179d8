//! The simulation itself: minute by minute, what the collector receives.

use rand::RngExt;
use rand_distr::Poisson;

use crate::arrival::{Arrivals, Fate};
use crate::changes::{ChangeRecord, changes};
use crate::config::{Config, MINUTE_MS};
use crate::error::SimulateError;
use crate::event_line::EventLines;
use crate::incidents::{Family, Incident};
use crate::malformed::spoil;
use crate::noise::{Noise, NoiseAt};
use crate::plan::plan;
use crate::random::{Random, Stream, stream, stream_at};
use crate::request::Event;
use crate::schedule::families;
use crate::slice::Names;
use crate::traffic::{Minute, Traffic};
use crate::truth::{Truth, Written};

/// How far, in mean pauses between events, an event may be from its place in the sequence: order within a minute is
/// only roughly that of time.
const DISORDER: f64 = 3.0;

/// Traffic from a seed, a minute at a time.
#[derive(Debug)]
pub struct Simulation {
    config: Config,
    traffic: Traffic,
    incidents: Vec<Incident>,
    truth: Truth,
    changes: Vec<ChangeRecord>,
    lines: EventLines,
    noise: Noise,
    arrivals: Arrivals,
    requests: Random,
    incident_draws: Random,
    next_ms: i64,
    serial: u64,
    written: Written,
}

impl Simulation {
    pub fn new(config: Config) -> Result<Self, SimulateError> {
        let config = config.checked()?;
        let mut schedule = stream(config.seed, Stream::Schedule);
        let families = families(&config, &mut schedule);
        Ok(Self::with_families(config, &families, &mut schedule))
    }

    /// The configuration has been checked.
    fn with_families(config: Config, families: &[Family], schedule: &mut Random) -> Self {
        let seed = config.seed;
        let names = Names::new();
        let traffic = Traffic::new(&config);
        let mut planned = plan(&config, families, &traffic, schedule);
        let changes = changes(&config, &traffic, &mut planned, &names);
        let truth = Truth::new(&config, &planned, &names);
        Self {
            config,
            traffic,
            incidents: planned.into_iter().map(|planned| planned.incident).collect(),
            truth,
            changes,
            lines: EventLines::new(names, seed),
            noise: Noise::new(seed),
            arrivals: Arrivals::new(seed),
            requests: stream_at(seed, Stream::Requests, 0),
            incident_draws: stream_at(seed, Stream::IncidentDraws, 0),
            next_ms: config.start_ms,
            serial: 0,
            written: Written::default(),
        }
    }

    /// What was planted. `written` is filled in once the end has been reached.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// All changes of the simulated days, by time.
    pub fn changes(&self) -> &[ChangeRecord] {
        &self.changes
    }

    /// Exactly what `next_minute` has appended so far.
    pub fn written(&self) -> Written {
        self.written
    }

    /// Appends the lines that arrive in the next minute and returns the end of that minute in epoch milliseconds.
    /// Late events come in a later minute than their time; those still on their way arrive in the last one.
    /// After that: none.
    pub fn next_minute(&mut self, out: &mut Vec<u8>) -> Option<i64> {
        let minute_ms = self.next_ms;
        if minute_ms >= self.config.end_ms() {
            return None;
        }
        self.next_ms += MINUTE_MS;
        self.begin_minute(minute_ms);
        let noise = self.noise.next_minute();
        self.happen(minute_ms, &noise, out);
        let is_last = self.next_ms >= self.config.end_ms();
        self.receive(minute_ms, if is_last { i64::MAX } else { self.next_ms }, out);
        if is_last {
            self.truth.written = Some(self.written);
        }
        Some(self.next_ms)
    }

    /// Each minute has its own chance, so that an incident leaves no trace in the minutes after it.
    fn begin_minute(&mut self, minute_ms: i64) {
        let minute = ((minute_ms - self.config.start_ms) / MINUTE_MS) as u64;
        self.requests = stream_at(self.config.seed, Stream::Requests, minute);
        self.incident_draws = stream_at(self.config.seed, Stream::IncidentDraws, minute);
        self.arrivals.begin_minute(minute);
    }

    /// The requests of a minute; those that arrive at once are written.
    fn happen(&mut self, minute_ms: i64, noise: &NoiseAt, out: &mut Vec<u8>) {
        let minute = self.traffic.minute(minute_ms, noise);
        let count = Poisson::new(minute.expected).map_or(0, |poisson| self.requests.sample(poisson) as u64);
        let is_active = |incident: &&Incident| incident.course.intensity(minute_ms) > 0.0;
        let active: Vec<Incident> = self.incidents.iter().filter(is_active).cloned().collect();
        let pause_ms = MINUTE_MS as f64 / count as f64;
        for place in 0..count {
            let jitter = (self.requests.random::<f64>() - 0.5) * DISORDER;
            let offset_ms = ((place as f64 + 0.5 + jitter) * pause_ms) as i64;
            let time_ms = minute_ms + offset_ms.clamp(0, MINUTE_MS - 1);
            self.serial += 1;
            if let Some(event) = self.request(&minute, time_ms, &active) {
                self.send(event, out);
            }
        }
    }

    fn request(&mut self, minute: &Minute, time_ms: i64, active: &[Incident]) -> Option<Event> {
        let (mut dims, user) = self.traffic.ask(minute, &mut self.requests);
        for incident in active {
            incident.redirect(&mut dims, incident.course.intensity(time_ms), &mut self.incident_draws);
        }
        let mut request = self.traffic.answer(minute, (dims, user), &mut self.requests);
        let arrives = active
            .iter()
            .all(|incident| incident.touch(&mut request, incident.course.intensity(time_ms), &mut self.incident_draws));
        arrives.then_some(Event { time_ms, serial: self.serial, request })
    }

    fn send(&mut self, event: Event, out: &mut Vec<u8>) {
        match self.arrivals.send(event) {
            Fate::OnTime => {
                self.lines.write(&event, out);
                self.written.events += 1;
            }
            Fate::Held => {}
            Fate::Malformed => {
                let start = out.len();
                self.lines.write(&event, out);
                spoil(out, start, self.arrivals.random());
                self.written.malformed += 1;
            }
        }
    }

    /// What has been on its way until now.
    fn receive(&mut self, minute_ms: i64, before_ms: i64, out: &mut Vec<u8>) {
        while let Some(pending) = self.arrivals.receive(before_ms) {
            self.lines.write(&pending.event, out);
            if pending.copy {
                self.written.duplicates += 1;
            } else {
                self.written.events += 1;
                self.written.late += u64::from(pending.event.time_ms < minute_ms);
            }
        }
    }
}

#[cfg(test)]
mod tests;
