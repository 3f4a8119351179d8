//! The whole explanation of one finding: which slices, how much of it is mix, what would have been without them, which
//! changes fit; and the test of it all, by putting the named slices back.

use hark_model::{
    Beside, Cause, Change, ChangeId, Compared, DeletionCheck, Direction, Explanation, Leaves, LeftOut, Mix, Shift,
    Slice, Tested, Timestamp, Why, WhyVerdict, Without,
};

use crate::beside::beside;
use crate::groups::{Groups, groups};
use crate::leads::leads;
use crate::leaf_evidence::Evidence;
use crate::leaves_file::scan::FALSE_NAME_CHANCE;
use crate::measure::Measure;
use crate::mix_share::{LeafDay, mix_share};
use crate::search::search;
use crate::slices::{Located, Named, Question, inside};
use crate::split::{Split, deviation};
use crate::suspects::{Scene, suspects};
use crate::verdict::{Facts, verdict};
use crate::widen::widen;

/// Against requests of the same kinds a move that is told is beyond so many deviations of chance.
pub(crate) const DEVIATIONS_ASKED: f64 = 4.0;

/// All that is asked of an explanation.
pub struct Inquiry<'a> {
    pub leaves: &'a Leaves,
    /// What the leaves had on each of the days before; empty where that is not known.
    pub by_day: &'a [LeafDay],
    pub question: Question,
    /// The slice of the series that the finding is in.
    pub scope: &'a Slice,
    pub shift: &'a Shift,
    /// The least relative effect that the metric asks for.
    pub min_effect: f64,
    pub unit: &'a str,
    /// Whether what is bad is what a rate counts.
    pub bad_is_hit: bool,
    /// From when to when the leaves' requests after came, and from how many days those before.
    pub window: [Timestamp; 2],
    pub days_before: u32,
    pub changes: &'a [(ChangeId, Change)],
    /// Slices in which something else is known to go on, so that they are no neighbours to compare with.
    pub elsewhere: &'a [Slice],
    /// What did not get into the leaves.
    pub left_out: Vec<LeftOut>,
}

pub struct Answer {
    pub explanation: Explanation,
    pub split: Option<Split>,
}

/// Explains a finding.
pub fn explain(inquiry: Inquiry<'_>) -> Answer {
    let (evidence, mut located) = search(inquiry.leaves, inquiry.question, inquiry.scope, inquiry.shift.direction);
    let rows = rows_inside(inquiry.leaves, inquiry.scope);
    if !has_both_sides(inquiry.leaves, &rows, inquiry.question) {
        let reason = "there are no requests of the same hours of earlier days to compare with";
        return unsearched(inquiry.changes, inquiry.shift, inquiry.scope, reason, inquiry.left_out);
    }
    let minutes = (inquiry.window[1].minutes_since(inquiry.window[0]) as f64).max(1.0);
    let Inquiry { leaves, question, scope, shift, bad_is_hit, elsewhere, .. } = inquiry;
    let measure = Measure::new(leaves, &evidence, question, shift.statistic, bad_is_hit, minutes);
    widen(&mut located, leaves, &evidence, question, scope, &measure, elsewhere);
    let is_in_scope = inside(leaves, scope);
    let groups = groups(leaves, &blocks(&located, &is_in_scope, &rows));
    let account = Account { inquiry: &inquiry, evidence: &evidence, measure: &measure, groups: &groups, rows: &rows };
    account.told(&located)
}

/// Where nothing can be compared, what came in time can still be said.
pub fn unsearched(
    changes: &[(ChangeId, Change)],
    shift: &Shift,
    scope: &Slice,
    reason: &str,
    left_out: Vec<LeftOut>,
) -> Answer {
    let judged = suspects(changes, shift, scope, None);
    let why = Why {
        verdict: WhyVerdict::Unsearched,
        reason: reason.to_owned(),
        confidence: 0.0,
        compared: None,
        rest: None,
        mix_share: None,
        offsets: Vec::new(),
        leads: Vec::new(),
        deletion: None,
        ruled_out: judged.ruled_out,
        something_else: judged.something_else,
        tested: None,
        left_out,
    };
    let explanation = Explanation { suspects: judged.suspects, why: Some(why), ..Explanation::default() };
    Answer { explanation, split: None }
}

fn rows_inside(leaves: &Leaves, scope: &Slice) -> Vec<u32> {
    let inside = inside(leaves, scope);
    (0..leaves.leaves.len() as u32).filter(|&row| inside[row as usize]).collect()
}

fn has_both_sides(leaves: &Leaves, rows: &[u32], question: Question) -> bool {
    let all = rows.iter().map(|&row| &leaves.leaves[row as usize]);
    let (before, after) = all.fold((0.0, 0.0), |sum, leaf| (sum.0 + leaf.before, sum.1 + leaf.after));
    // A count may well have fallen to nothing.
    before > 0.0 && (after > 0.0 || question.is_count())
}

/// The leaves of each cause, of each slice that moved the other way, and the rest, as far as they lie in the scope.
fn blocks(located: &Located, is_in_scope: &[bool], rows: &[u32]) -> Vec<Vec<u32>> {
    let mut is_named = vec![false; is_in_scope.len()];
    let named = located.causes.iter().chain(&located.offsets);
    let mut blocks: Vec<Vec<u32>> = named
        .map(|named| {
            let own: Vec<u32> = named.rows.iter().copied().filter(|&row| is_in_scope[row as usize]).collect();
            own.iter().for_each(|&row| is_named[row as usize] = true);
            own
        })
        .collect();
    blocks.push(rows.iter().copied().filter(|&row| !is_named[row as usize]).collect());
    blocks
}

struct Account<'a> {
    inquiry: &'a Inquiry<'a>,
    evidence: &'a [Evidence],
    measure: &'a Measure<'a>,
    groups: &'a Groups,
    /// The leaves of the scope.
    rows: &'a [u32],
}

impl Account<'_> {
    fn told(&self, located: &Located) -> Answer {
        let [before, after] = self.measure.of_rows(self.rows).map(|value| value.unwrap_or(0.0));
        let parts = self.measure.parts(self.rows, self.groups).unwrap_or_default();
        let of_block = |block: usize| {
            let own = parts.iter().zip(&self.groups.blocks).filter(|(_, of)| **of == block);
            own.fold(Mix::default(), |sum, (part, _)| Mix {
                within: sum.within + part.within,
                mix_shift: sum.mix_shift + part.mix_shift,
            })
        };
        let (causes, offsets) = (located.causes.len(), located.offsets.len());
        let whole = (0..=causes + offsets)
            .map(of_block)
            .fold((0.0, 0.0), |sum, part| (sum.0 + part.within, sum.1 + part.mix_shift));
        let move_ = Move { before, after };
        let named: Vec<Cause> = located
            .causes
            .iter()
            .chain(&located.offsets)
            .enumerate()
            .map(|(block, named)| self.cause(named, block, of_block(block), &move_, located))
            .collect();
        let deletion = (causes > 0).then(|| self.deletion(&move_, |block| block < causes));
        let mix_share = (!self.inquiry.question.is_count())
            .then(|| {
                let Inquiry { leaves, by_day, .. } = *self.inquiry;
                mix_share(leaves, by_day, self.rows, self.groups, whole, move_.size())
            })
            .flatten();
        let judged = suspects(
            self.inquiry.changes,
            self.inquiry.shift,
            located.causes.first().map_or(self.inquiry.scope, |cause| &cause.cause.slice),
            Some(&Scene { leaves: self.inquiry.leaves, evidence: self.evidence }),
        );
        let facts = Facts {
            causes: &named[..causes],
            deletion: deletion.as_ref(),
            mix_share: mix_share.as_ref(),
            split: located.split.as_ref(),
            tested: located.tested,
            statistic: self.inquiry.shift.statistic,
            unit: self.inquiry.unit,
            compared: [before, after],
        };
        let (verdict, confidence, reason) = verdict(&facts);
        let why = Why {
            verdict,
            reason,
            confidence,
            compared: Some(self.compared(&move_)),
            rest: Some(of_block(causes + offsets)),
            mix_share,
            offsets: named[causes..].to_vec(),
            leads: match verdict {
                WhyVerdict::MixOnly | WhyVerdict::Unsearched => Vec::new(),
                _ => leads(located, self.inquiry.leaves, self.measure),
            },
            deletion,
            ruled_out: judged.ruled_out,
            something_else: judged.something_else,
            tested: Some(Tested {
                leaves: self.inquiry.leaves.leaves.len() as u64,
                slices: located.tested as u64,
                false_name_chance: FALSE_NAME_CHANCE,
            }),
            left_out: self.left_out(located),
        };
        // The parts are those of the leaves' move, scaled to the effect, whose `before` is the detector's expectation.
        let scale = self.inquiry.shift.delta() / (whole.0 + whole.1);
        let mix = (!self.inquiry.question.is_count() && scale.is_finite()).then(|| {
            let within = scale * whole.0;
            Mix { within, mix_shift: self.inquiry.shift.delta() - within }
        });
        let explanation =
            Explanation { causes: named[..causes].to_vec(), mix, suspects: judged.suspects, why: Some(why) };
        Answer { explanation, split: located.split }
    }

    fn cause(&self, named: &Named, block: usize, part: Mix, move_: &Move, located: &Located) -> Cause {
        let [before, after] = self.measure.of_rows(&named.rows);
        let value = self.measure.put_back(self.rows, self.groups, |group| self.groups.blocks[group] == block);
        let check = self.deletion(move_, |other| other == block);
        let without = value.map(|value| Without { value, would_fire: check.would_fire });
        let besides = if block < located.causes.len() { self.beside(&named.cause.slice) } else { Vec::new() };
        Cause { before, after, part: Some(part), without, beside: besides, ..named.cause.clone() }
    }

    fn beside(&self, slice: &Slice) -> Vec<Beside> {
        beside(self.inquiry.leaves, self.measure, slice)
    }

    /// Asks the finding again with some blocks put back to what was expected of them.
    fn deletion(&self, move_: &Move, is_put_back: impl Fn(usize) -> bool) -> DeletionCheck {
        let Inquiry { leaves, shift, min_effect, question, .. } = self.inquiry;
        let of_block = |row: u32| self.groups.of[row as usize].map(|group| self.groups.blocks[group as usize]);
        let (mut excess, mut excess_left) = (0.0, 0.0);
        for &row in self.rows {
            let own = self.evidence[row as usize].excess;
            excess += own;
            excess_left += if of_block(row).is_some_and(&is_put_back) { 0.0 } else { own };
        }
        let chance = if question.is_count() {
            let variance = |&row: &u32| self.evidence[row as usize].expected * (1.0 + 1.0 / leaves.before_to_after);
            self.rows.iter().map(variance).sum::<f64>().sqrt()
        } else {
            deviation(self.rows.iter().map(|&row| (&leaves.leaves[row as usize], &self.evidence[row as usize])))
        };
        let in_deviations = |excess: f64| if chance > 0.0 { excess / chance } else { 0.0 };
        let left = self.measure.put_back(self.rows, self.groups, |group| is_put_back(self.groups.blocks[group]));
        let part_left = left.and_then(|value| move_.part_left(value)).unwrap_or(excess_left / excess);
        let effect = shift.relative();
        let effect_without = effect * if part_left.is_finite() { part_left } else { 1.0 };
        let (deviations, deviations_without) = (in_deviations(excess), in_deviations(excess_left));
        let worse = match shift.direction {
            Direction::Up => effect_without,
            Direction::Down => -effect_without,
        };
        DeletionCheck {
            effect,
            effect_without,
            effect_asked: *min_effect,
            deviations,
            deviations_without,
            deviations_asked: DEVIATIONS_ASKED,
            would_fire: worse >= *min_effect && deviations_without >= DEVIATIONS_ASKED,
        }
    }

    fn compared(&self, move_: &Move) -> Compared {
        let Inquiry { leaves, scope, window, days_before, .. } = self.inquiry;
        let rows = self.rows.iter().map(|&row| &leaves.leaves[row as usize]);
        let (before, after) = rows.fold((0.0, 0.0), |sum, leaf| (sum.0 + leaf.before, sum.1 + leaf.after));
        Compared {
            slice: (*scope).clone(),
            from: window[0],
            to: window[1],
            days_before: *days_before,
            before: move_.before,
            after: move_.after,
            requests_before: before as u64,
            requests_after: after as u64,
        }
    }

    fn left_out(&self, located: &Located) -> Vec<LeftOut> {
        let mut left_out = self.inquiry.left_out.clone();
        let mut add = |what: &str, count: usize, sentence: String| {
            if count > 0 {
                left_out.push(LeftOut { what: what.to_owned(), count: count as u64, sentence });
            }
        };
        let untold = located.untold;
        let sentence = format!("{untold} more slices stand out and are not told: small, too many, or without a value");
        add("untold_slices", untold, sentence);
        let thin = self.groups.thin;
        add("thin_groups", thin, format!("{thin} groups of few requests are compared together with others"));
        let capped = usize::from(self.groups.is_capped);
        add("capped_groups", capped, "mix and rate are told apart in a thousand groups at most".to_owned());
        left_out
    }
}

/// The statistic of the scope, before and after.
struct Move {
    before: f64,
    after: f64,
}

impl Move {
    fn size(&self) -> f64 {
        self.after - self.before
    }

    /// The part of the move that is left where the statistic would be `value`; `None` where there is no move.
    fn part_left(&self, value: f64) -> Option<f64> {
        (self.size().abs() > 1e-9 * self.before.abs()).then(|| (value - self.before) / self.size())
    }
}

/// The share of the move that lies in the named slices: what people act on.
pub(crate) fn explained(deletion: &DeletionCheck) -> f64 {
    if deletion.effect == 0.0 { 0.0 } else { (1.0 - deletion.effect_without / deletion.effect).clamp(0.0, 1.0) }
}
