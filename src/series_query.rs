//! `/api/v1/series`: a question about a series answered from the pipeline's points, or one sentence on what is wrong.

use hark_dashboard::{SeriesAnswer, SeriesQuestion};
use hark_model::{STEP_MINUTES, Step, Timestamp};

use crate::pipeline::Pipeline;
use crate::series::{SeriesKey, coarsen};

/// A chart reply holds at most so many points a column.
const POINTS_MAX: usize = 20_000;

pub fn answer(pipeline: &Pipeline, question: &SeriesQuestion) -> Result<SeriesAnswer, String> {
    const STEP_SECONDS: u32 = STEP_MINUTES as u32 * 60;
    let metric = pipeline
        .metric(&question.metric)
        .ok_or_else(|| format!("there is no metric `{}`; GET /api/v1/definitions lists them", question.metric))?;
    let statistic = question.statistic.unwrap_or(metric.headline());
    if !metric.statistics.contains(&statistic) {
        let known = metric.statistics.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(format!("`{}` has no {statistic}; it has {known}", metric.name));
    }
    let step_seconds = question.step_seconds.unwrap_or(STEP_SECONDS);
    if step_seconds == 0 || !step_seconds.is_multiple_of(STEP_SECONDS) {
        return Err(format!("step is {step_seconds}; it must be a multiple of {STEP_SECONDS} seconds"));
    }
    let key = SeriesKey { metric: metric.name.clone(), statistic, slice: question.slice.clone() };
    let series = pipeline.series().find(&key);
    // A metric that was saved a moment ago has no series at all: that is no wrong question, but an empty answer.
    let is_new = pipeline.series().slices(&key.metric, statistic).is_empty();
    if series.is_none() && !(is_new && metric.watches(&key.slice)) {
        return Err(format!(
            "`{}` keeps no series for {}; its watched sets are {:?}",
            key.metric, key.slice, metric.watch
        ));
    }
    let to = question.to.or(pipeline.watermark()).unwrap_or_default();
    let from = question.from.unwrap_or_else(|| to.plus_minutes(-24 * 60));
    let steps = step_seconds / STEP_SECONDS;
    let range = |id| pipeline.series().range(id, aligned(from, steps), to.step().next());
    let points = series.map(range).unwrap_or_default();
    let points = if steps == 1 { points } else { coarsen(&points, steps as usize) };
    if points.len() > POINTS_MAX {
        return Err(format!("that is {} points; ask for a larger step or a shorter time", points.len()));
    }
    Ok(SeriesAnswer {
        metric: key.metric,
        statistic,
        slice: key.slice,
        unit: metric.shown_unit(),
        start: points.first().map_or(from, |point| point.step.start()),
        step_seconds,
        value: points.iter().map(|point| point.value).collect(),
        expected: points.iter().map(|point| point.expected).collect(),
        low: points.iter().map(|point| point.low).collect(),
        high: points.iter().map(|point| point.high).collect(),
        count: points.iter().map(|point| point.count).collect(),
    })
}

/// The start of the coarse step that an instant lies in.
fn aligned(time: Timestamp, steps: u32) -> Step {
    let steps = i64::from(steps);
    Step(time.step().0.div_euclid(steps) * steps)
}
