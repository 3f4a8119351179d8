//! Shapley values from all sets, or from orders of the players in which each joins those before it.

use super::Shares;
use super::question::{Question, SampledShapError};
use super::worths::Worths;
use crate::leaves_file::draws::Draws;

/// 4,096 sets are asked for in a moment; each player more doubles them.
const EXACT_PLAYERS_MAX: usize = 12;

/// All sets. `model` gets whole rows, one after the other, and gives a value for each.
pub fn exact(question: &Question<'_>, model: impl FnMut(&[f64]) -> Vec<f64>) -> Result<Shares, SampledShapError> {
    let players = question.players.len();
    if players > EXACT_PLAYERS_MAX {
        return Err(SampledShapError::TooManySets(players));
    }
    let sets = question.everyone() + 1;
    let worths = Worths::ask(question, (0..sets).collect(), model)?;
    let weights = weights(players);
    let of = |player: usize| {
        let without = (0..sets).filter(|set| set >> player & 1 == 0);
        let gain = |set: u64| worths.of(set | 1 << player) - worths.of(set);
        without.map(|set| weights[set.count_ones() as usize] * gain(set)).sum()
    };
    Ok(Shares {
        base: worths.of(0),
        value: worths.of(question.everyone()),
        contributions: (0..players).map(of).collect(),
        standard_errors: vec![0.0; players],
        sets: worths.len(),
    })
}

/// `k! (n - 1 - k)! / n!` for sets of `k` of the others.
fn weights(players: usize) -> Vec<f64> {
    let mut binomial = 1.0;
    let weight = |others: usize| {
        let weight = 1.0 / (players as f64 * binomial);
        binomial *= (players - 1 - others) as f64 / (others + 1) as f64;
        weight
    };
    (0..players).map(weight).collect()
}

/// So many pairs of orders ask about at most `sets` sets.
pub fn pairs_within(sets: usize, players: usize) -> usize {
    (sets.saturating_sub(2) / (2 * players.saturating_sub(1)).max(1)).max(2)
}

/// `pairs` drawn orders, each with its reverse: what a player gains early in one it gains late in the other, which
/// evens out most of the chance (antithetic pairs, Mitchell, Cooper, Frank & Holmes 2022). The standard errors are from the
/// spread of the pairs; contributions add up to value less base in every order, and so in their mean.
pub fn permutations(
    question: &Question<'_>,
    pairs: usize,
    seed: u64,
    model: impl FnMut(&[f64]) -> Vec<f64>,
) -> Result<Shares, SampledShapError> {
    if pairs < 2 {
        return Err(SampledShapError::TooFewDraws(pairs));
    }
    let players = question.players.len();
    let orders = orders(players, pairs, seed);
    let reversed = |order: &Vec<usize>| order.iter().rev().copied().collect::<Vec<usize>>();
    let asked = orders.iter().flat_map(|order| [grown(order), grown(&reversed(order))]);
    let worths = Worths::ask(question, asked.flatten().collect(), model)?;
    let mut sums = vec![(0.0, 0.0); players];
    for order in &orders {
        let mut gains = vec![0.0; players];
        for order in [order, &reversed(order)] {
            let mut set = 0;
            for player in order {
                let with = set | 1 << player;
                gains[*player] += (worths.of(with) - worths.of(set)) / 2.0;
                set = with;
            }
        }
        for ((sum, squares), gain) in sums.iter_mut().zip(gains) {
            (*sum, *squares) = (*sum + gain, *squares + gain * gain);
        }
    }
    let count = pairs as f64;
    let error = |(sum, squares): &(f64, f64)| {
        let variance = (squares - sum * sum / count).max(0.0) / (count - 1.0);
        (variance / count).sqrt()
    };
    Ok(Shares {
        base: worths.of(0),
        value: worths.of(question.everyone()),
        contributions: sums.iter().map(|(sum, _)| sum / count).collect(),
        standard_errors: sums.iter().map(error).collect(),
        sets: worths.len(),
    })
}

fn orders(players: usize, pairs: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut draws = Draws::new(seed);
    let mut order: Vec<usize> = (0..players).collect();
    let shuffled = |_| {
        for last in (1..players).rev() {
            order.swap(last, draws.below(last + 1));
        }
        order.clone()
    };
    (0..pairs).map(shuffled).collect()
}

/// The sets that an order grows through, from nobody to everyone.
fn grown(order: &[usize]) -> Vec<u64> {
    let mut set = 0;
    let with = order.iter().map(|player| {
        set |= 1 << player;
        set
    });
    std::iter::once(0).chain(with).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Products of neighbours, so that players interact.
    fn model(columns: usize) -> impl Fn(&[f64]) -> Vec<f64> + Copy {
        move |rows: &[f64]| {
            let value = |row: &[f64]| row.windows(2).map(|pair| pair[0] * pair[1].tanh()).sum::<f64>() + row[0].powi(2);
            rows.chunks_exact(columns).map(value).collect()
        }
    }

    fn numbers(count: usize) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-3.0..3.0_f64, count)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn all_players_together_are_the_row_itself(row in numbers(7), background in numbers(7 * 4), seed: u64) {
            let question = Question::of_columns(&row, &background).unwrap();
            for shares in [exact(&question, model(7)).unwrap(), permutations(&question, 4, seed, model(7)).unwrap()] {
                prop_assert!((shares.value - model(7)(&row)[0]).abs() < 1e-9);
            }
        }

        #[test]
        fn a_model_that_adds_up_is_shared_out_exactly_by_any_orders(row in numbers(20), background in numbers(20 * 3)) {
            let linear = |rows: &[f64]| -> Vec<f64> {
                rows.chunks_exact(20).map(|row| row.iter().enumerate().map(|(at, x)| at as f64 * x).sum()).collect()
            };
            let question = Question::of_columns(&row, &background).unwrap();
            let drawn = permutations(&question, 2, 1, linear).unwrap();
            for (column, found) in drawn.contributions.iter().enumerate() {
                let mean = background.chunks(20).map(|other| other[column]).sum::<f64>() / 3.0;
                prop_assert!((found - column as f64 * (row[column] - mean)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn columns_may_play_together_and_players_without_a_say_get_nothing() {
        let (row, background) = ([1.0, 2.0, 3.0, 4.0], [0.0; 8]);
        let first_two = |rows: &[f64]| rows.chunks_exact(4).map(|row| row[0] * row[1]).collect();
        let question = Question::of_players(&row, &background, vec![vec![0, 1], vec![2], vec![3]]).unwrap();
        let shares = exact(&question, first_two).unwrap();
        assert_eq!((shares.contributions, shares.sets), (vec![2.0, 0.0, 0.0], 8));
    }

    #[test]
    fn the_model_is_asked_in_few_batches() {
        let (row, background) = (vec![1.0; 12], vec![0.5; 12 * 32]);
        let question = Question::of_columns(&row, &background).unwrap();
        let mut calls = 0;
        let counted = |rows: &[f64]| {
            calls += 1;
            model(12)(rows)
        };
        let shares = permutations(&question, pairs_within(512, 12), 3, counted).unwrap();
        assert!(shares.sets <= 512, "{}", shares.sets);
        assert_eq!(calls, 1);
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let row = [0.0; 13];
        let question = Question::of_columns(&row, &row).unwrap();
        assert_eq!(exact(&question, model(13)).unwrap_err(), SampledShapError::TooManySets(13));
        let error = permutations(&question, 4, 1, |_| vec![0.0]).unwrap_err();
        assert!(matches!(error, SampledShapError::Answers { found: 1, .. }));
        assert_eq!(
            Question::of_columns(&row, &[]).unwrap_err(),
            SampledShapError::Background { numbers: 0, columns: 13 }
        );
        let error = Question::of_players(&row[..2], &row[..2], vec![vec![0], vec![0, 1]]).unwrap_err();
        assert_eq!(error, SampledShapError::Column { column: 0, times: 2 });
        let error = Question::of_players(&row[..2], &row[..2], vec![vec![0, 1, 5]]).unwrap_err();
        assert_eq!(error, SampledShapError::Column { column: 5, times: 1 });
    }
}
