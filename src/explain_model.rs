//! `hark explain model`: which values of a window, or which columns, made a model say what it says of a row. The model is
//! asked about mixtures of that window and others, so whatever can be served can be explained.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use hark_explain::sampled_shap::{
    Question, SampledShapError, Shares, Surrogate, exact, local_surrogate, pairs_within, permutations,
};
use hark_networks::{Library, Served, Windows, check};
use serde::Serialize;

use crate::detect_command::open;
use crate::imported::{Given, find};
use crate::place::Where;
use crate::plain_values::{Table, read_time};

#[derive(Debug, Args)]
pub struct Request {
    /// The name that `hark models import` kept a model under, or an ONNX file
    model: PathBuf,
    /// CSV with the column timestamp and one for each column of the model; - for standard input
    series: PathBuf,
    /// Which row, by its timestamp; the last one where it is left out
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// ONNX Runtime's library; without it tract runs the model, which is built in
    #[arg(long, value_name = "PATH", env = "ORT_DYLIB_PATH")]
    library: Option<PathBuf>,
    /// Mixtures that the model is asked about at most, each with every window that the row's is compared with
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..=16_384))]
    sets: u32,
    /// Where chances are taken, the same seed gives the same answer
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Windows that a row's is compared with: each costs as much as all mixtures.
const OTHERS_MAX: usize = 16;
/// Fewer tell nothing of what is usual.
const OTHERS_MIN: usize = 4;
/// Values of a window beyond so many are taken together, neighbours first.
const PARTS_MAX: usize = 32;
/// A straight line is fitted to so many answers for each mixture.
const LINE_ANSWERS: usize = 4;

#[derive(Debug, Serialize)]
struct Explained {
    model: String,
    timestamp: String,
    score: f64,
    /// The mean score of the windows that it is compared with. Base and contributions add up to the score.
    base: f64,
    compared_with: usize,
    sets: usize,
    /// The largest contribution first.
    parts: Vec<Part>,
    /// Of the window, where the model makes it up again: the parts' errors add up to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reconstruction_error: Option<f64>,
    /// The share of what the model says near the row that a straight line follows.
    straight_line_follows: f64,
}

/// A value of the window, some neighbours, or all values of a column.
#[derive(Debug, Serialize)]
struct Part {
    name: String,
    /// The mean of its values, and of those in the windows that it is compared with.
    value: f64,
    usual: f64,
    contribution: f64,
    /// Of the contribution; zero where all mixtures were asked about.
    standard_error: f64,
    /// What the straight line gives it.
    by_straight_line: f64,
    /// How badly the model makes it up again.
    #[serde(skip_serializing_if = "Option::is_none")]
    reconstruction_error: Option<f64>,
}

pub fn explain(request: &Request) -> Result<()> {
    let model = find(&request.model, &request.place)?;
    let (input, name) = open(&request.series)?;
    let explained = of_row(request, &model, input, &name)?;
    let text = if request.json { serde_json::to_string_pretty(&explained)? + "\n" } else { told(&explained) };
    io::stdout().lock().write_all(text.as_bytes()).context("the answer cannot be written")
}

fn of_row(request: &Request, model: &Given, input: impl Read, name: &str) -> Result<Explained> {
    let refused = || format!("{} cannot be explained", model.shown);
    let library = request.library.as_deref().map(Library::load).transpose().with_context(refused)?;
    let mut served = check(&model.bytes, library.as_ref()).with_context(refused)?.served;
    let rows = Rows::read(input, name, served.columns())?;
    let (at, time) = (rows.find(request.at.as_deref(), name)?, served.time());
    ensure!(at + 1 >= time, "row {} of {name} ends no window of {time} rows; name a later one with --at", at + 1);
    let others = others(at, time, rows.times.len());
    ensure!(
        others.len() >= OTHERS_MIN,
        "{name} has less than {OTHERS_MIN} windows of {time} rows to compare with; give a longer series"
    );
    let row = rows.window(at, time);
    let background: Vec<f64> = others.iter().flat_map(|at| rows.window(*at, time)).copied().collect();
    let players = players(time, served.columns());
    let question = Question::of_players(row, &background, players.clone()).with_context(refused)?;
    let errors = reconstruction_errors(&mut served, row, &players).with_context(refused)?;
    let (shares, line) = ask(&mut served, &question, players.len(), request).with_context(refused)?;
    let mean = |windows: &[f64], places: &[usize]| {
        let values = windows.chunks_exact(row.len()).flat_map(|window| places.iter().map(|at| window[*at]));
        values.sum::<f64>() / (windows.len() / row.len() * places.len()) as f64
    };
    let part = |(player, places): (usize, &Vec<usize>)| Part {
        name: rows.name(at + 1 - time, places),
        value: mean(row, places),
        usual: mean(&background, places),
        contribution: shares.contributions[player],
        standard_error: shares.standard_errors[player],
        by_straight_line: line.weights[player],
        reconstruction_error: errors.as_ref().map(|errors| errors[player]),
    };
    let mut parts: Vec<Part> = players.iter().enumerate().map(part).collect();
    parts.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
    Ok(Explained {
        model: model.shown.clone(),
        timestamp: rows.times[at].clone(),
        score: shares.value,
        base: shares.base,
        compared_with: others.len(),
        sets: shares.sets,
        parts,
        reconstruction_error: errors.map(|errors| errors.iter().sum()),
        straight_line_follows: line.fidelity,
    })
}

/// The last rows of windows that do not touch that of row `at`, spread over those before it, or where these are too few
/// over all.
fn others(at: usize, time: usize, rows: usize) -> Vec<usize> {
    let before: Vec<usize> = (time - 1..(at + 1).saturating_sub(time)).collect();
    let all = before.iter().copied().chain(at + time..rows);
    let others = if before.len() >= OTHERS_MAX { before } else { all.collect() };
    let taken = others.len().min(OTHERS_MAX);
    (0..taken).map(|one| others[one * others.len() / taken]).collect()
}

/// Which values of a window play together: all of a column, or of the only one each by itself.
fn players(time: usize, columns: usize) -> Vec<Vec<usize>> {
    if columns > 1 {
        return (0..columns).map(|column| (0..time).map(|at| at * columns + column).collect()).collect();
    }
    let parts = time.min(PARTS_MAX);
    (0..parts).map(|part| (part * time / parts..(part + 1) * time / parts).collect()).collect()
}

fn windows(time: usize, columns: usize, values: &[f64]) -> Result<Windows, hark_networks::Error> {
    let values = values.iter().map(|value| value.clamp(f32::MIN.into(), f32::MAX.into()) as f32);
    Windows::new(time, columns, values.collect())
}

/// What each part adds to the error of the window, where the model makes windows up again: of columns as the model sees them
/// where it tells that, else the mean of squares.
fn reconstruction_errors(
    served: &mut Served,
    row: &[f64],
    players: &[Vec<usize>],
) -> Result<Option<Vec<f64>>, hark_networks::Error> {
    if !served.gives_reconstruction() {
        return Ok(None);
    }
    let columns = served.columns();
    let found = served.score(&windows(served.time(), columns, row)?)?;
    if columns > 1 && found.errors.len() == columns {
        return Ok(Some(found.errors.iter().map(|error| f64::from(*error) / columns as f64).collect()));
    }
    let square = |at: &usize| (row[*at] - f64::from(found.reconstruction[*at])).powi(2) / row.len() as f64;
    Ok(Some(players.iter().map(|places| places.iter().map(square).sum()).collect()))
}

fn ask(served: &mut Served, question: &Question<'_>, players: usize, request: &Request) -> Result<(Shares, Surrogate)> {
    let (time, columns) = (served.time(), served.columns());
    let mut failed = None;
    let mut model = |rows: &[f64]| -> Vec<f64> {
        let answer = windows(time, columns, rows).and_then(|windows| served.score(&windows));
        match answer {
            Ok(scores) => scores.scores.into_iter().map(f64::from).collect(),
            Err(error) => {
                failed = Some(error);
                Vec::new()
            }
        }
    };
    let sets = request.sets as usize;
    let mut answer = || -> Result<(Shares, Surrogate), SampledShapError> {
        let shares = if 1 << players <= sets {
            exact(question, &mut model)?
        } else {
            permutations(question, pairs_within(sets, players), request.seed, &mut model)?
        };
        Ok((shares, local_surrogate(question, LINE_ANSWERS * sets, request.seed, &mut model)?))
    };
    let answer = answer();
    // A model that failed has answered too few rows: it says itself why.
    failed.map_or_else(|| answer.map_err(Into::into), |failed| Err(failed.into()))
}

/// The rows of a file without gaps, one after the other.
struct Rows {
    names: Vec<String>,
    times: Vec<String>,
    values: Vec<f64>,
}

impl Rows {
    /// Rows in which a value is missing are passed over, as `hark detect --model` does.
    fn read(input: impl Read, name: &str, columns: usize) -> Result<Self> {
        let mut table = Table::open(input, name)?;
        let mut names: Vec<String> = table.names().map(ToOwned::to_owned).collect();
        // Of a series for `hark detect` the column `value` is meant, whatever stands beside it.
        let only = names.iter().position(|name| columns == 1 && name.eq_ignore_ascii_case("value"));
        if let Some(only) = only {
            names = vec![names.swap_remove(only)];
        }
        ensure!(
            names.len() == columns,
            "{name} has {} columns beside `timestamp`, and the model takes {columns}; give it those, in the model's order",
            names.len()
        );
        let mut rows = Self { names, times: Vec::new(), values: Vec::new() };
        for row in &mut table {
            let row = row?;
            let values = match only {
                Some(only) => row.values[only].map(|value| vec![value]),
                None => row.values.into_iter().collect::<Option<Vec<f64>>>(),
            };
            if let Some(values) = values {
                rows.times.push(row.time);
                rows.values.extend(values);
            }
        }
        Ok(rows)
    }

    fn find(&self, wanted: Option<&str>, name: &str) -> Result<usize> {
        let Some(wanted) = wanted else {
            return self.times.len().checked_sub(1).with_context(|| format!("{name} has no row with all its values"));
        };
        let ms = read_time(wanted).context("--at")?;
        let is_it = |time: &String| read_time(time).is_ok_and(|time| time == ms);
        let found = self.times.iter().position(is_it);
        found.with_context(|| format!("{name} has no row at {wanted} with all its values; name one that it has"))
    }

    /// The values of the rows that end with one.
    fn window(&self, at: usize, time: usize) -> &[f64] {
        let columns = self.names.len();
        &self.values[(at + 1 - time) * columns..(at + 1) * columns]
    }

    /// Of the values at some places of the window that begins with row `first`.
    fn name(&self, first: usize, places: &[usize]) -> String {
        let columns = self.names.len();
        if columns > 1 {
            return self.names[places[0] % columns].clone();
        }
        let time = |place: usize| &self.times[first + place];
        match places {
            [only] => time(*only).clone(),
            _ => format!("{} to {}", time(places[0]), time(places[places.len() - 1])),
        }
    }
}

fn told(explained: &Explained) -> String {
    let Explained { model, timestamp, score, base, compared_with, sets, parts, .. } = explained;
    let error = |error: &Option<f64>| error.map(|error| format!("  {error:>11.4}")).unwrap_or_default();
    let mut lines = vec![
        format!("{model} scores {timestamp} {score:.4}; {compared_with} other windows have {base:.4} on average"),
        format!(
            "what makes the difference, by {sets} mixtures (the error is of the contribution, where it was drawn):"
        ),
    ];
    let width = parts.iter().map(|part| part.name.chars().count()).max().unwrap_or_default();
    lines.push(format!(
        "{:width$}  {:>12}  {:>12}  {:>12}  {:>10}  {:>13}{}",
        "part",
        "value",
        "usual",
        "contribution",
        "error",
        "straight line",
        if explained.reconstruction_error.is_some() { "  not made up" } else { "" }
    ));
    for Part { name, value, usual, contribution, standard_error, by_straight_line, reconstruction_error } in parts {
        let left = error(reconstruction_error);
        lines.push(format!(
            "{name:width$}  {value:>12.4}  {usual:>12.4}  {contribution:>+12.4}  {standard_error:>10.4}  {by_straight_line:>+13.4}{left}"
        ));
    }
    if let Some(total) = explained.reconstruction_error {
        lines.push(format!("what the model does not make up of the window adds up to {total:.4}"));
    }
    lines.push(format!(
        "a straight line follows {:.0} % of what the model says near this row; where that is little, believe it little",
        100.0 * explained.straight_line_follows
    ));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use hark_networks::{Shape, Training, onnx, train};

    use super::*;

    const TIME: usize = 12;

    /// A season of a dozen rows with some noise in each column, and a hole in the first one.
    fn value(at: usize, column: usize) -> f64 {
        let noise = ((at * 7_919 + 31 * column) % 101) as f64 / 101.0 - 0.5;
        let season = (at as f64 * std::f64::consts::TAU / TIME as f64 + column as f64).sin();
        if column == 0 && (604..607).contains(&at) { 0.0 } else { 10.0 + 3.0 * season + 0.3 * noise }
    }

    fn series(columns: usize) -> String {
        let names =
            if columns == 1 { vec!["value".to_owned()] } else { (0..columns).map(|at| format!("m{at}")).collect() };
        let mut text = format!("timestamp,{}\n", names.join(","));
        for at in 0..620 {
            write!(text, "{}", 1_700_000_000 + 60 * at).unwrap();
            (0..columns).for_each(|column| write!(text, ",{}", value(at, column)).unwrap());
            text.push('\n');
        }
        text
    }

    /// Trained on what came before the hole.
    fn request(folder: &tempfile::TempDir, columns: usize, at: Option<usize>) -> Request {
        let values: Vec<f32> =
            (0..600).flat_map(|at| (0..columns).map(move |column| value(at, column) as f32)).collect();
        let windows = Windows::sliding(&values, columns, TIME).unwrap();
        let (network, _) =
            train(Shape::dense(TIME, columns), &windows, Training { steps_max: 200, ..Training::default() }).unwrap();
        let model = folder.path().join("model.onnx");
        std::fs::write(&model, onnx::write(&network).unwrap()).unwrap();
        let at = at.map(|at| (1_700_000_000 + 60 * at).to_string());
        Request {
            model,
            series: PathBuf::from("s.csv"),
            at,
            library: None,
            sets: 512,
            seed: 1,
            json: false,
            place: Where::default(),
        }
    }

    fn explained(request: &Request, text: &str) -> Result<Explained> {
        of_row(request, &Given::read(&request.model)?, text.as_bytes(), "s.csv")
    }

    fn adds_up(explained: &Explained) {
        let sum: f64 = explained.base + explained.parts.iter().map(|part| part.contribution).sum::<f64>();
        assert!((sum - explained.score).abs() < 1e-9 * explained.score.abs().max(1.0), "{explained:?}");
        let errors: f64 = explained.parts.iter().filter_map(|part| part.reconstruction_error).sum();
        let total = explained.reconstruction_error.unwrap();
        assert!((errors - total).abs() < 1e-9 * total, "{explained:?}");
    }

    #[test]
    fn the_values_that_made_a_window_strange_are_named_by_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let request = request(&folder, 1, Some(608));
        let told_of = || explained(&request, &series(1)).unwrap();
        let explained = told_of();
        adds_up(&explained);
        let mut first: Vec<&str> = explained.parts[..3].iter().map(|part| part.name.as_str()).collect();
        first.sort_unstable();
        let hole = [604, 605, 606].map(|at| (1_700_000_000 + 60 * at).to_string());
        assert_eq!(first, hole, "{}", told(&explained));
        assert!(explained.score > 3.0 * explained.base);
        assert_eq!(told(&explained), told(&told_of()));
    }

    #[test]
    fn the_column_that_made_a_window_strange_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let explained = explained(&request(&folder, 3, Some(608)), &series(3)).unwrap();
        adds_up(&explained);
        assert_eq!((explained.parts[0].name.as_str(), explained.sets), ("m0", 8), "{}", told(&explained));
        assert!(explained.parts[0].contribution > 0.8 * (explained.score - explained.base));
        let total = explained.reconstruction_error.unwrap();
        assert!((total / explained.score - 1.0).abs() < 1e-5, "{total} {}", explained.score);
        assert!(explained.parts[0].reconstruction_error.unwrap() > 0.8 * total, "{}", told(&explained));
        assert!(explained.parts.iter().all(|part| part.standard_error == 0.0));
    }

    #[test]
    fn what_cannot_be_explained_is_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let mut request = request(&folder, 1, None);
        let problem = |request: &Request, text: &str| format!("{:#}", explained(request, text).err().unwrap());
        let short: String = series(1).lines().take(20).map(|line| line.to_owned() + "\n").collect();
        assert!(problem(&request, &short).contains("less than 4 windows of 12 rows to compare with"));
        assert!(problem(&request, "timestamp,value\n").contains("s.csv has no row with all its values"));
        assert!(
            problem(&request, &series(2)).contains("s.csv has 2 columns beside `timestamp`, and the model takes 1")
        );
        assert!(problem(&request, "time,value\n1,2\n").contains("no column `timestamp`"));
        request.at = Some("1700000060".to_owned());
        assert!(problem(&request, &series(1)).contains("row 2 of s.csv ends no window of 12 rows"));
        request.at = Some("2001-01-01".to_owned());
        assert!(problem(&request, &series(1)).contains("no row at 2001-01-01"));
        std::fs::write(&request.model, "no model").unwrap();
        assert!(problem(&request, &series(1)).contains("cannot be explained"));
    }

    #[test]
    fn windows_to_compare_with_do_not_touch_the_one_that_is_explained() {
        assert_eq!(others(100, 10, 101).len(), OTHERS_MAX);
        assert!(others(100, 10, 200).iter().all(|other| (9..=90).contains(other)));
        // Too few before it: those after it count too.
        let few = others(20, 10, 200);
        assert!(few.len() == OTHERS_MAX && few.iter().all(|other| (9..=10).contains(other) || *other >= 30), "{few:?}");
        assert!(others(9, 10, 12).is_empty());
    }
}
