//! /api/v1/silences: alerts that nobody is to be called to for some time.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use hark_model::{AlertId, AlertStatus, Silence, Slice, Timestamp};
use hark_store::{ALERTS_PER_PAGE_MAX, AlertQuery, SilenceChange};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{bad_json, bad_query};
use crate::{AppState, Problem};

/// Those that ended within so many minutes are listed too.
const LISTED_MINUTES: i64 = 14 * 24 * 60;
const LONGEST_MINUTES: i64 = 30 * 24 * 60;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_silences, post_silence)).routes(routes!(end_silence))
}

/// A silence to set. Sent again with another end it is the same one if its `from` is given, and ends then.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SilenceDraft {
    /// Those of one metric; of every metric where it is left out.
    metric: Option<String>,
    /// Those whose slice lies within this one; of all traffic where it is left out. One of the two has to be named.
    #[serde(default)]
    slice: Slice,
    /// Now where it is left out.
    from: Option<Timestamp>,
    /// By the clock on the wall. Either this or `minutes`.
    until: Option<Timestamp>,
    /// How long it lasts, 30 days at most.
    minutes: Option<u32>,
    /// Who sets it.
    by: String,
    /// Why, for those who wonder.
    reason: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct By {
    /// Who ends it.
    by: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SilenceList {
    /// Those in force, those to come, and those that ended within two weeks; the last to end first.
    silences: Vec<KnownSilence>,
}

#[derive(Debug, Serialize, ToSchema)]
struct KnownSilence {
    id: String,
    #[serde(flatten)]
    silence: Silence,
    state: SilenceState,
    /// Open alerts that are silenced by it; of those that are open now the newest thousand are looked at.
    alerts: Vec<AlertId>,
}

/// A silence as it was set or ended just now.
#[derive(Debug, Serialize, ToSchema)]
struct KeptSilence {
    #[serde(flatten)]
    known: KnownSilence,
    /// Whether the open alerts follow it already. The silence is kept in either case; where the store did not answer for the
    /// alerts, they follow within a minute of when it does, and `alerts` may not name them.
    alerts_follow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SilenceState {
    InForce,
    Planned,
    Over,
}

/// Silences
#[utoipa::path(get, path = "/api/v1/silences", responses((status = 200, body = SilenceList)))]
async fn list_silences(State(state): State<AppState>) -> Result<Json<SilenceList>, Problem> {
    let now = Timestamp::now();
    let silences = state.store.silences(now.plus_minutes(-LISTED_MINUTES)).await?;
    let silenced =
        AlertQuery { status: Some(AlertStatus::Silenced), limit: Some(ALERTS_PER_PAGE_MAX), ..AlertQuery::default() };
    let silenced = state.store.alerts(&silenced).await?.alerts;
    let known = |silence: Silence| {
        let covered = silenced.iter().filter(|alert| silence.is_in_force(now) && silence.covers(alert));
        let alerts = covered.map(|alert| alert.id.clone()).collect();
        KnownSilence { id: silence.id(), state: state_of(&silence, now), silence, alerts }
    };
    Ok(Json(SilenceList { silences: silences.into_iter().map(known).collect() }))
}

fn state_of(silence: &Silence, now: Timestamp) -> SilenceState {
    if silence.is_in_force(now) {
        SilenceState::InForce
    } else if silence.until <= now {
        SilenceState::Over
    } else {
        SilenceState::Planned
    }
}

/// Set a silence
///
/// While it is in force, alerts that it covers are shown as silenced: they are found, kept and counted as ever, and nobody is called
/// to them. When it is over those that still last fire again.
#[utoipa::path(
    post,
    path = "/api/v1/silences",
    request_body = SilenceDraft,
    responses((status = 201, body = KeptSilence), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn post_silence(
    State(state): State<AppState>,
    draft: Result<Json<SilenceDraft>, JsonRejection>,
) -> Result<(StatusCode, Json<KeptSilence>), Problem> {
    let Json(draft) = draft.map_err(|rejection| bad_json(&rejection))?;
    let now = Timestamp::now();
    let silence = silence(draft, now).map_err(Problem::bad_request)?;
    if let Some(metric) = &silence.metric
        && !state.engine.definitions()["metrics"].as_array().into_iter().flatten().any(|one| one["name"] == **metric)
    {
        let problem = format!("there is no metric `{metric}`; GET /api/v1/definitions lists them");
        return Err(Problem::bad_request(problem));
    }
    let who = silence.by.clone();
    keep(&state, silence, &who, now).await.map(|known| (StatusCode::CREATED, Json(known)))
}

/// A valid silence, or one sentence that says what to change.
fn silence(draft: SilenceDraft, now: Timestamp) -> Result<Silence, String> {
    let SilenceDraft { metric, slice, from, until, minutes, by, reason } = draft;
    let metric = metric.filter(|metric| !metric.is_empty());
    if metric.is_none() && slice.is_total() {
        return Err("a silence of everything would hide everything; name a metric, a slice or both".to_owned());
    }
    let from = from.unwrap_or(now);
    let until = match (until, minutes) {
        (Some(until), None) => until,
        (None, Some(minutes)) => from.plus_minutes(minutes.into()),
        _ => return Err("give either `until` (a time) or `minutes`".to_owned()),
    };
    if until <= from || until <= now {
        return Err(format!("it would end at {until}, before it begins; `until` must be a time to come"));
    }
    if until.minutes_since(from) > LONGEST_MINUTES {
        let days = LONGEST_MINUTES / (24 * 60);
        return Err(format!(
            "a silence lasts {days} days at most; what is wrong for longer belongs into the definition"
        ));
    }
    Ok(Silence { metric, slice, from, until, by, reason })
}

/// End a silence
///
/// Alerts that it covers and that still last fire again. One that is over already stays as it is.
#[utoipa::path(
    delete,
    path = "/api/v1/silences/{id}",
    params(("id" = String, Path), By),
    responses(
        (status = 200, body = KeptSilence),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn end_silence(
    State(state): State<AppState>,
    Path(id): Path<String>,
    by: Result<Query<By>, QueryRejection>,
) -> Result<Json<KeptSilence>, Problem> {
    let Query(By { by }) = by.map_err(|rejection| bad_query(&rejection))?;
    let by = by.filter(|by| !by.trim().is_empty());
    let by = by.ok_or_else(|| Problem::bad_request("`by` must name who ends it: DELETE /api/v1/silences/ID?by=…"))?;
    let now = Timestamp::now();
    let silences = state.store.silences(now.plus_minutes(-LISTED_MINUTES)).await?;
    let silence = silences.into_iter().find(|silence| silence.id() == id).ok_or_else(|| {
        Problem::not_found(format!("there is no silence `{id}` of the last two weeks; GET /api/v1/silences lists them"))
    })?;
    if silence.until <= now {
        let known = KnownSilence { id, state: SilenceState::Over, silence, alerts: Vec::new() };
        return Ok(Json(KeptSilence { known, alerts_follow: true }));
    }
    keep(&state, Silence { until: now, ..silence }, &by, now).await.map(Json)
}

/// On disk, then to the alerts. Once it is on disk it is set, whatever the store does not answer after that.
async fn keep(state: &AppState, silence: Silence, who: &str, at: Timestamp) -> Result<KeptSilence, Problem> {
    state.store.save_silence(SilenceChange { silence: &silence, who, at }).await?;
    let is_applied = state.engine.apply_silences().await;
    let id = silence.id();
    let listed = list_silences(State(state.clone())).await;
    let alerts_follow = is_applied && listed.is_ok();
    let known = listed.ok().and_then(|Json(list)| list.silences.into_iter().find(|known| known.id == id));
    let known =
        known.unwrap_or_else(|| KnownSilence { id, state: state_of(&silence, at), silence, alerts: Vec::new() });
    Ok(KeptSilence { known, alerts_follow })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(body: &serde_json::Value) -> Result<Silence, String> {
        let mut whole = serde_json::json!({ "by": "ada", "reason": "the cluster is moved" });
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        silence(serde_json::from_value(whole).unwrap(), "2026-05-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_silence_is_of_something_and_ends() {
        let four_hours = draft(&serde_json::json!({ "slice": { "cluster": "eu" }, "minutes": 240 })).unwrap();
        assert_eq!(four_hours.until.minutes_since(four_hours.from), 240);
        let said = |body: &serde_json::Value| draft(body).unwrap_err();
        assert!(said(&serde_json::json!({ "minutes": 240 })).contains("name a metric, a slice or both"));
        assert!(said(&serde_json::json!({ "metric": "", "minutes": 240 })).contains("name a metric"));
        assert!(said(&serde_json::json!({ "metric": "requests" })).contains("either `until` (a time) or `minutes`"));
        let both = serde_json::json!({ "metric": "requests", "minutes": 1, "until": "2026-05-01T13:00:00Z" });
        assert!(said(&both).contains("either"));
        let past = serde_json::json!({ "metric": "requests", "until": "2026-05-01T11:00:00Z" });
        assert!(said(&past).contains("a time to come"));
        assert!(said(&serde_json::json!({ "metric": "requests", "minutes": 0 })).contains("before it begins"));
        assert!(said(&serde_json::json!({ "metric": "requests", "minutes": 43_201 })).contains("30 days at most"));
    }

    #[test]
    fn it_is_in_force_to_come_or_over() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let planned =
            draft(&serde_json::json!({ "metric": "requests", "from": "2026-05-02T00:00:00Z", "minutes": 60 }));
        let planned = planned.unwrap();
        assert_eq!(state_of(&planned, at("2026-05-01T12:00:00Z")), SilenceState::Planned);
        assert_eq!(state_of(&planned, at("2026-05-02T00:30:00Z")), SilenceState::InForce);
        assert_eq!(state_of(&planned, at("2026-05-02T01:00:00Z")), SilenceState::Over);
    }
}
