//! The durable path in a world where everything goes wrong by seed: full disks, failed syncs, crashes in the middle of a
//! write, snapshots at odd moments, senders that repeat what was not answered. A failure names its seed and is the same
//! every time: `HARK_SEED=17 cargo nextest run -p hark-ingest every_seed`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::collections::{BTreeMap, BTreeSet};

use hark_ingest::{
    Counted, Counts, EventsRecord, Fault, Fold, Format, IngestLog, LogError, Reader, Record, SimulatedDisk,
    SimulatedLog, UserKey, decode,
};
use hark_model::{Definitions, Minute};
use hark_query::Plan;

/// `HARK_SEEDS=10000` is the long form.
const SEEDS_USUAL: u64 = 200;
const START_MS: i64 = 1_777_636_800_000;
const ROUNDS: u64 = 60;

/// A small generator of its own, so that a seed means the same whatever becomes of any library.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn plan() -> Plan {
    let yaml = "metrics:
      - {name: slow, kind: latency, value: ms, dimensions: [platform], watch: [[], [platform]]}
      - {name: failed, kind: ratio, numerator: outcome = 'error', dimensions: [platform], watch: [[]]}";
    Plan::compile(&Definitions::parse(yaml).unwrap()).unwrap()
}

/// What the process has in memory, and dies with it.
struct Process {
    log: SimulatedLog,
    fold: Fold,
    next_offset: u64,
}

/// What outlives it.
struct World {
    plan: Plan,
    disk: SimulatedDisk,
    snapshot: Option<(Vec<u8>, u64)>,
    /// Ids that were answered.
    answered: BTreeSet<u64>,
    /// Bodies that were not, which their senders send again.
    unanswered: Vec<(Vec<u64>, EventsRecord)>,
}

fn faults(seed: u64) -> impl FnMut() -> Option<Fault> + Send + 'static {
    let mut dice = Dice(seed ^ 0xfau64);
    move || match dice.below(12) {
        0 => Some(Fault::Full),
        1 => Some(Fault::Sync { survive: dice.below(4) as usize }),
        2 => Some(Fault::Crash { survive: dice.below(4) as usize }),
        _ => None,
    }
}

impl World {
    fn start(&self, seed: u64) -> Process {
        let mut log = SimulatedLog::new(self.disk.clone(), faults(seed));
        let (mut fold, next) = match &self.snapshot {
            Some((bytes, next)) => (postcard::from_bytes(bytes).unwrap(), *next),
            None => (Fold::new(&self.plan), 0),
        };
        log.read_from(next, &mut |_, bytes| {
            let Record::Events(record) = Record::decode(bytes).unwrap() else { panic!("only events are sent") };
            fold.apply(&self.plan, &record.batch(), |_| {});
        })
        .unwrap();
        let next_offset = log.next_offset();
        Process { log, fold, next_offset }
    }

    /// A body of events around the present minute: some late, some out of order, some with an id that was sent before.
    fn body(&self, dice: &mut Dice, round: u64, next_id: &mut u64) -> (Vec<u64>, EventsRecord) {
        let mut lines = Vec::new();
        let mut ids = Vec::new();
        for _ in 0..=dice.below(8) {
            let id = if *next_id > 0 && dice.below(6) == 0 {
                dice.below(*next_id)
            } else {
                *next_id += 1;
                *next_id - 1
            };
            // What an event says follows from its id, as it does when somebody sends it twice.
            let mut own = Dice(id);
            let back = if own.below(10) == 0 { own.below(90) } else { own.below(3) };
            let minute = (round as i64) * 2 - back as i64;
            let platform = ["iOS", "macOS", "tvOS"][own.below(3) as usize];
            let outcome = if own.below(5) == 0 { "error" } else { "ok" };
            let time = START_MS + minute * 60_000 + own.below(60_000) as i64;
            let ms = 1 + own.below(5000);
            lines.push(format!(
                r#"{{"time":{time},"id":"{id}","platform":"{platform}","outcome":"{outcome}","ms":{ms}}}"#
            ));
            ids.push(id);
        }
        let reader = Reader { fields: &self.plan.fields, users: &UserKey::new([0; 16]) };
        let events = decode(Format::Ndjson, lines.join("\n").as_bytes(), &reader).unwrap().events;
        (ids, EventsRecord { events, ..EventsRecord::default() })
    }
}

type Minutes = BTreeMap<(usize, String, Minute), Counted>;

/// Everything on the disk folded in one go: what the truth is.
fn one_shot(world: &World) -> (Minutes, Counts) {
    let mut fold = Fold::new(&world.plan);
    let mut minutes = Minutes::new();
    let mut log = SimulatedLog::new(world.disk.clone(), || None);
    log.read_from(0, &mut |_, bytes| {
        let Record::Events(record) = Record::decode(bytes).unwrap() else { panic!("only events are sent") };
        let close = |closed: hark_ingest::Closed<'_>| {
            for (metric, cells) in closed.minutes.iter().enumerate() {
                for one in cells {
                    let slice = closed.fold.cells(metric).slice(one.slice).to_string();
                    add(&mut minutes, (metric, slice, one.minute), &one.counted);
                }
            }
        };
        fold.apply(&world.plan, &record.batch(), close);
    })
    .unwrap();
    for metric in 0..2 {
        fold.unclosed(metric)
            .for_each(|(slice, minute, cell)| add(&mut minutes, (metric, slice.to_string(), minute), cell));
    }
    (minutes, fold.counts())
}

fn add(minutes: &mut Minutes, key: (usize, String, Minute), counted: &Counted) {
    minutes.entry(key).and_modify(|sum| sum.merge(counted)).or_insert_with(|| counted.clone());
}

/// One world to its end; says in words what is wrong with it.
fn run(seed: u64) -> Result<(usize, usize), String> {
    let mut dice = Dice(seed);
    let mut world = World {
        plan: plan(),
        disk: SimulatedDisk::default(),
        snapshot: None,
        answered: BTreeSet::new(),
        unanswered: Vec::new(),
    };
    let mut process = world.start(seed);
    let (mut next_id, mut crashes, mut sent) = (0, 0, BTreeSet::new());
    for round in 0..ROUNDS {
        let mut group: Vec<(Vec<u64>, EventsRecord)> = std::mem::take(&mut world.unanswered);
        group.extend((0..dice.below(4)).map(|_| world.body(&mut dice, round, &mut next_id)));
        group.iter().for_each(|(ids, _)| sent.extend(ids.iter().copied()));
        let records: Vec<Vec<u8>> = group.iter().map(|(_, record)| record.encode()).collect();
        match process.log.append(&records) {
            Ok(()) => {
                for (ids, record) in group {
                    process.fold.apply(&world.plan, &record.batch(), |_| {});
                    world.answered.extend(ids);
                }
                process.next_offset += records.len() as u64;
            }
            Err(LogError::Write { .. }) => world.unanswered = group,
            Err(_) => {
                // Nothing more is known of the disk: the process ends. Its senders heard nothing and send again.
                world.unanswered = group;
                crashes += 1;
                process = world.start(seed ^ round);
            }
        }
        if dice.below(9) == 0 {
            world.snapshot = Some((postcard::to_stdvec(&process.fold).unwrap(), process.next_offset));
        }
        if dice.below(15) == 0 {
            crashes += 1;
            process = world.start(seed ^ (round << 8));
        }
    }
    let (minutes, counts) = one_shot(&world);
    if process.fold.counts() != counts {
        return Err(format!("recovered {:?}, folded in one go {counts:?}", process.fold.counts()));
    }
    let open: Minutes = (0..2)
        .flat_map(|metric| {
            let open = process.fold.unclosed(metric);
            open.map(move |(slice, minute, cell)| ((metric, slice.to_string(), minute), cell.clone()))
                .collect::<Vec<_>>()
        })
        .fold(Minutes::new(), |mut sum, (key, cell)| {
            add(&mut sum, key, &cell);
            sum
        });
    if let Some((key, cell)) =
        open.iter().find(|(key, counted)| minutes.get(key).is_none_or(|all| all.cell.count() < counted.cell.count()))
    {
        return Err(format!("the recovered cell {key:?} holds {cell:?}, more than was ever sent"));
    }
    let total: u64 = minutes
        .iter()
        .filter(|((metric, slice, _), _)| *metric == 0 && slice == "total")
        .map(|(_, counted)| counted.cell.count())
        .sum();
    let (answered, sent) = (world.answered.len() as u64, sent.len() as u64);
    if total != counts.events || total < answered || total > sent {
        return Err(format!(
            "{answered} distinct events answered of {sent} sent, {} counted, {total} in cells",
            counts.events
        ));
    }
    Ok((crashes, world.answered.len()))
}

#[test]
fn every_seed_keeps_each_answered_event_once() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = number("HARK_SEED").map_or(0..number("HARK_SEEDS").unwrap_or(SEEDS_USUAL), |seed| seed..seed + 1);
    let (mut crashes, mut answered) = (0, 0);
    for seed in seeds {
        let first = run(seed).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        crashes += first.0;
        answered += first.1;
        assert_eq!(run(seed), Ok(first), "seed {seed} ran differently the second time");
    }
    assert!(answered > 0 && crashes > 0, "the world was too kind: {crashes} crashes, {answered} answered");
    eprintln!("{crashes} crashes, {answered} events answered, none lost, none doubled");
}
