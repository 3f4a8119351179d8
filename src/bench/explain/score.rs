//! Sums over all cases, and what is printed of them.

use hark_model::{Mix, MixShare, Slice};

use crate::bench::explain::cases::Truth;
use crate::bench::explain::judged::Judged;
use crate::bench::explain::reliability::Reliability;
use crate::bench::figures::print_share;

/// The interval told of the mix holds what is true, give or take so much of the move: on no day just the same come.
const SAME_COME: f64 = 0.05;

/// What is told of mix and rate of a move.
#[derive(Clone, Copy)]
struct Told {
    share: MixShare,
    /// What lies within and what is mix, as parts of the statistic before; their sum is positive.
    moved: [f64; 2],
}

impl Told {
    fn of(judged: &Judged) -> Option<Self> {
        let why = judged.explanation.why.as_ref()?;
        let Mix { within, mix_shift } = judged.explanation.mix?;
        let whole = why.compared.as_ref()?.before * (within + mix_shift).signum();
        let moved = [within / whole, mix_shift / whole];
        let share = why.mix_share?;
        moved.iter().all(|part| part.is_finite()).then_some(Self { share, moved })
    }
}

/// Sums over all cases.
#[derive(Default)]
pub(super) struct Score {
    /// By how many dimensions the true slice has: cases, first right, right among three that are named, and among three of
    /// what is named and what it could be as well.
    depths: [[u64; 4]; 4],
    kinds: [(&'static str, u64, u64); 3],
    spoke: u64,
    spoke_first_right: u64,
    spoke_right: u64,
    largest_right: u64,
    scope_right: u64,
    slices: u64,
    unmoved: u64,
    put_back: [u64; 2],
    abstained: [[u64; 2]; 3],
    /// Moves everywhere and shifts of the mix that are called that.
    called: [u64; 2],
    false_slices: u64,
    largest_false: u64,
    mixes: Vec<Told>,
    rates: Vec<Told>,
    /// Parts called mix of shifts of the mix made pure, and rate of all else.
    pure: [Vec<f64>; 2],
    milliseconds: Vec<f64>,
    leaves: Vec<usize>,
    overlaps: [Vec<f64>; 3],
    /// Slices that it could be as well; and cases of mix or nothing that have some.
    leads: Reliability,
    quiet_leads: u64,
    /// The first suspect told of each incident.
    suspects: Reliability,
}

impl Score {
    pub(super) fn add(&mut self, judged: &Judged) {
        self.milliseconds.push(judged.milliseconds);
        self.leaves.push(judged.leaves);
        // Nobody would be told of it, and so nobody asks why.
        if matches!(judged.case.truth, Truth::Slice(_) | Truth::Everywhere) && !judged.has_moved {
            self.unmoved += 1;
            return;
        }
        if let (Truth::Slice(_) | Truth::Everywhere, Some(first)) =
            (&judged.case.truth, judged.explanation.suspects.first())
        {
            self.suspects.add(first.score, judged.case.cause.as_ref() == Some(&first.title));
        }
        match &judged.case.truth {
            Truth::Slice(slice) => {
                self.add_slice(judged, slice);
                for (all, own) in self.overlaps.iter_mut().zip(judged.overlaps) {
                    all.push(own);
                }
                self.rates.extend(Told::of(judged));
                self.pure[1].extend(judged.pure.map(|mix| 1.0 - mix.share));
            }
            other => {
                let at = [Truth::Everywhere, Truth::Mix, Truth::Nothing].iter().position(|one| one == other);
                let [silent, all] = &mut self.abstained[at.unwrap_or(2)];
                *silent += u64::from(judged.named.is_empty());
                *all += 1;
                if let Some(called) = at.and_then(|at| self.called.get_mut(at)) {
                    *called += u64::from(judged.is_called_what_it_is());
                }
                if *other == Truth::Everywhere {
                    self.rates.extend(Told::of(judged));
                    self.pure[1].extend(judged.pure.map(|mix| 1.0 - mix.share));
                } else {
                    self.false_slices += judged.named.len() as u64;
                    self.quiet_leads += u64::from(judged.likeliest().len() > judged.named.len());
                    self.largest_false += u64::from(judged.largest.is_some());
                }
                if *other == Truth::Mix {
                    self.mixes.extend(Told::of(judged));
                    self.pure[0].extend(judged.pure.map(|mix| mix.share));
                }
            }
        }
    }

    fn add_slice(&mut self, judged: &Judged, slice: &Slice) {
        let first = judged.named.first() == Some(slice);
        let right = judged.named.contains(slice);
        let depth = &mut self.depths[slice.len().min(3)];
        let kind = match judged.case.metric {
            "requests" => 0,
            "failure_rate" => 1,
            _ => 2,
        };
        let likely = judged.likeliest().contains(slice);
        for (sum, is_so) in depth.iter_mut().zip([true, first, right, likely]) {
            *sum += u64::from(is_so);
        }
        for lead in judged.explanation.why.iter().flat_map(|why| &why.leads) {
            self.leads.add(lead.probability, lead.slice == *slice);
        }
        let names = ["counts", "ratios", "quantiles"];
        let (_, all, firsts) = self.kinds[kind];
        self.kinds[kind] = (names[kind], all + 1, firsts + u64::from(first));
        self.slices += 1;
        self.largest_right += u64::from(judged.largest.as_ref() == Some(slice));
        self.scope_right += u64::from(judged.scope == *slice);
        if !judged.named.is_empty() {
            self.spoke += 1;
            self.spoke_first_right += u64::from(first);
            self.spoke_right += u64::from(right);
            let deletion = judged.explanation.why.as_ref().and_then(|why| why.deletion);
            let is_below = deletion.is_some_and(|check| !check.would_fire);
            self.put_back = [self.put_back[0] + u64::from(is_below), self.put_back[1] + 1];
        }
    }

    pub(super) fn print(&mut self) {
        let sum = |at: usize| self.depths.iter().map(|depth| depth[at]).sum::<u64>();
        println!("incidents that no watched series shows as far as its metric asks, left out: {}", self.unmoved);
        print_share("first slice exact", sum(1), sum(0));
        print_share("one of three named exact", sum(2), sum(0));
        print_share("one of three exact, with what it could be", sum(3), sum(0));
        for (dimensions, [all, first, ..]) in self.depths.iter().enumerate().filter(|(_, depth)| depth[0] > 0) {
            print_share(&format!("  first exact, {dimensions} dimensions"), *first, *all);
        }
        for (name, all, first) in self.kinds.iter().filter(|(_, all, _)| *all > 0) {
            print_share(&format!("  first exact, {name}"), *first, *all);
        }
        print_share("  by the largest value", self.largest_right, self.slices);
        print_share("  by the series that was asked about", self.scope_right, self.slices);
        println!("what it could be as well, by its probability: how often it was that");
        self.leads.print();
        print_share("where it speaks, one right", self.spoke_right, self.spoke);
        print_share("where it speaks, the first right", self.spoke_first_right, self.spoke);
        print_share("put back, below the threshold", self.put_back[0], self.put_back[1]);
        for (name, [silent, all]) in ["everywhere", "mix", "nothing"].iter().zip(self.abstained) {
            print_share(&format!("names no slice, {name}"), silent, all);
        }
        for (name, (called, [_, all])) in ["everywhere", "mix"].iter().zip(self.called.iter().zip(self.abstained)) {
            print_share(&format!("  and says that it is {name}"), *called, all);
        }
        let quiet = self.abstained[1][1] + self.abstained[2][1];
        println!("false slices in {quiet} cases of mix or nothing: {}", self.false_slices);
        print_share("  something it could be, none named", self.quiet_leads, quiet);
        println!("  by the largest value: {}", self.largest_false);
        println!("of all that mix shifts moved {} is called mix", told(&self.mixes, 1));
        println!("of all that others moved {} is called rate", told(&self.rates, 0));
        for (name, parts) in ["mix", "rate"].iter().zip(&mut self.pure) {
            println!("moves made pure, the part called {name}: {}", quantiles(parts));
        }
        for (name, overlaps) in
            ["a tenth of the leaves missing", "a step later", "under other names"].iter().zip(&self.overlaps)
        {
            let mean = overlaps.iter().sum::<f64>() / overlaps.len().max(1) as f64;
            println!("Jaccard, {name}: {mean:.3}");
        }
        println!("first suspect told of an incident, by its confidence: how often it did it");
        self.suspects.print();
        self.leaves.sort_unstable();
        let most = self.leaves.last().copied().unwrap_or(0);
        println!("milliseconds an explanation: {}; at most {most} leaves", times(&mut self.milliseconds));
    }
}

/// The part of all moves together that is the right one of the two, the mean of the shares told case by case, in which
/// chance has no sign, and how often the interval told holds what is true.
fn told(cases: &[Told], right: usize) -> String {
    let count = cases.len().max(1) as f64;
    let sum = |part: usize| cases.iter().map(|told| told.moved[part]).sum::<f64>();
    let mean = cases.iter().map(|told| told.share.share).sum::<f64>() / count;
    let mean = if right == 1 { mean } else { 1.0 - mean };
    let is_held = |told: &&Told| (told.share.interval[right] - right as f64).abs() <= SAME_COME;
    let holds = cases.iter().filter(is_held).count() as f64 / count;
    let part = sum(right) / (sum(0) + sum(1));
    format!(
        "{:.1} % (case by case {:.1} %; the interval holds that within 5 % in {:.1} %)",
        100.0 * part,
        100.0 * mean,
        100.0 * holds
    )
}

/// Mean, and the part that one in twenty is below.
fn quantiles(parts: &mut [f64]) -> String {
    parts.sort_unstable_by(f64::total_cmp);
    let mean = parts.iter().sum::<f64>() / parts.len().max(1) as f64;
    let low = parts.get(parts.len() / 20).copied().unwrap_or(0.0);
    format!("{:.1} % in the mean, 19 of 20 above {:.1} %, {} moves", 100.0 * mean, 100.0 * low, parts.len())
}

fn times(values: &mut [f64]) -> String {
    values.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| values.get(((values.len().max(1) - 1) as f64 * part).round() as usize).copied().unwrap_or(0.0);
    format!("median {:.1}, p99 {:.1}, most {:.1}", at(0.5), at(0.99), at(1.0))
}
