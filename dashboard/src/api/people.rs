//! What people do with an alert beyond acknowledging it: giving it to somebody, and the record of all that was done.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use hark_model::{Alert, AlertId, Timestamp};
use hark_store::Act;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::alerts::{act, someone, unknown};
use super::bad_json;
use crate::{AppState, Problem};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(assign_alert)).routes(routes!(get_timeline))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Assignment {
    /// Who shall look after it.
    to: String,
    /// Who gives it to them.
    by: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Timeline {
    /// Oldest first.
    entries: Vec<TimelineEntry>,
}

/// Something that happened to an alert.
#[derive(Debug, Serialize, ToSchema)]
struct TimelineEntry {
    at: Timestamp,
    /// opened, acknowledge, assign, feedback, silence, end silence, resolve, ended
    what: String,
    /// Null where nobody is named, and for what hark did by itself.
    who: Option<String>,
    /// By a person; else by hark.
    by_person: bool,
}

/// Give an alert to somebody
///
/// Who acknowledges an alert looks after it, until it is given to somebody else.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/assign",
    params(("id" = String, Path)),
    request_body = Assignment,
    responses(
        (status = 200, body = Alert),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn assign_alert(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Result<Json<Assignment>, JsonRejection>,
) -> Result<Json<Alert>, Problem> {
    let Json(Assignment { to, by }) = body.map_err(|rejection| bad_json(&rejection))?;
    let by = someone(by);
    act(&state, id, Act::Assign { by: &by, to: &to }).await
}

/// What happened to an alert, and who did it
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}/timeline",
    params(("id" = String, Path)),
    responses((status = 200, body = Timeline), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn get_timeline(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Timeline>, Problem> {
    let id = AlertId(id);
    let alert = state.store.alert(&id).await?.ok_or_else(|| unknown(&id))?;
    let mut acts = state.store.audit(&id.0).await?;
    // Silences are set over many alerts at once, so that what was done to them is kept with them.
    for silence in state.store.silences(alert.opened_at).await? {
        if silence.covers(&alert) && alert.resolved_at.is_none_or(|ended| silence.from < ended) {
            acts.extend(state.store.audit(&silence.id()).await?);
        }
    }
    acts.sort_by_key(|entry| entry.at);
    let by_hark = |at, what: &str| TimelineEntry { at, what: what.to_owned(), who: None, by_person: false };
    let is_by_person = acts.iter().any(|entry| entry.what == "resolve");
    let ended = alert.resolved_at.filter(|_| !is_by_person).map(|at| by_hark(at, "ended"));
    let done =
        acts.into_iter().map(|entry| TimelineEntry { at: entry.at, what: entry.what, who: entry.who, by_person: true });
    // People's acts carry the time on the wall, which of simulated or late data is another one: they keep their order.
    let entries = std::iter::once(by_hark(alert.opened_at, "opened")).chain(done).chain(ended).collect();
    Ok(Json(Timeline { entries }))
}
