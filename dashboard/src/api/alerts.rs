//! /api/v1/alerts: the list, one alert, and what people do with it.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use hark_model::{Alert, AlertId, AlertStatus, Feedback, Timestamp};
use hark_store::{Act, AlertQuery, Whose};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::similar::with_verdicts;
use super::{bad_json, bad_query};
use crate::{AppState, Live, Problem};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_alerts))
        .routes(routes!(get_alert))
        .routes(routes!(acknowledge_alert))
        .routes(routes!(resolve_alert))
        .routes(routes!(give_feedback))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertParams {
    /// firing, acknowledged, resolved or silenced
    status: Option<String>,
    metric: Option<String>,
    /// The team that owns the metric. Either this or `assignee`.
    owner: Option<String>,
    /// Who looks after them.
    assignee: Option<String>,
    /// Those that have each of these words, in any case and anywhere in what is told of them: id, incident, metric, statistic,
    /// slice, rose or fell, severity, status, people, and the first causes, suspects and error texts. At most 8 words.
    q: Option<String>,
    /// Opened at or after.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Opened before.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// 1 to 1000; 100 where it is left out.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AlertList {
    alerts: Vec<Alert>,
    /// The cursor of the next page; null on the last one.
    next: Option<String>,
    /// With `q`, where the search stopped before the page was full: alerts that opened before are looked through with the next
    /// page. Null where it did not have to stop.
    looked_back_to: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Person {
    /// Who does it.
    by: Option<String>,
}

/// List alerts
///
/// The newest first. For one page words are looked for in 9,000 alerts at most. Charts are drawn small, in 96 points at most; one
/// alert by its id has all of its chart.
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    params(AlertParams),
    responses((status = 200, body = AlertList), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn list_alerts(
    State(state): State<AppState>,
    params: Result<Query<AlertParams>, QueryRejection>,
) -> Result<Json<AlertList>, Problem> {
    let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
    let status = match params.status.as_deref() {
        None | Some("") => None,
        Some(name) => Some(AlertStatus::from_name(name).ok_or_else(|| {
            Problem::bad_request(format!("status `{name}` is not one of firing, acknowledged, resolved and silenced"))
        })?),
    };
    let named = |name: Option<String>| name.filter(|name| !name.is_empty());
    let whose = match (named(params.owner), named(params.assignee)) {
        (None, None) => None,
        (Some(team), None) => Some(Whose::Owner(team)),
        (None, Some(person)) => Some(Whose::Assignee(person)),
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request(
                "`owner` and `assignee` cannot be asked for at once; leave one of them out",
            ));
        }
    };
    let query = AlertQuery {
        status,
        whose,
        metric: params.metric.filter(|metric| !metric.is_empty()),
        words: params.q,
        looked_through_max: None,
        from: time(params.from.as_deref())?,
        to: time(params.to.as_deref())?,
        limit: params.limit,
        cursor: params.cursor,
    };
    let page = state.store.alerts(&query).await?;
    let alerts = page.alerts.into_iter().map(for_list).collect();
    Ok(Json(AlertList { alerts, next: page.next, looked_back_to: page.looked_back_to }))
}

/// One alert
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}",
    params(("id" = String, Path)),
    responses((status = 200, body = Alert), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn get_alert(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Alert>, Problem> {
    let id = AlertId(id);
    let alert = state.store.alert(&id).await?.ok_or_else(|| unknown(&id))?;
    Ok(Json(with_verdicts(&state, alert).await?))
}

/// Acknowledge
///
/// Somebody is on it. The first acknowledgement stays.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/acknowledge",
    params(("id" = String, Path)),
    request_body = Person,
    responses((status = 200, body = Alert), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn acknowledge_alert(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Result<Json<Person>, JsonRejection>,
) -> Result<Json<Alert>, Problem> {
    let by = person(body)?;
    act(&state, id, Act::Acknowledge { by: &by }).await
}

/// Resolve
///
/// For when a person knows better than the tested recovery.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/resolve",
    params(("id" = String, Path)),
    request_body = Person,
    responses((status = 200, body = Alert), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn resolve_alert(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Result<Json<Person>, JsonRejection>,
) -> Result<Json<Alert>, Problem> {
    let by = person(body)?;
    act(&state, id, Act::Resolve { by: &by }).await
}

/// Say whether it was real
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/feedback",
    params(("id" = String, Path)),
    request_body = Feedback,
    responses(
        (status = 200, body = Alert),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn give_feedback(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Result<Json<Feedback>, JsonRejection>,
) -> Result<Json<Alert>, Problem> {
    let Json(feedback) = body.map_err(|rejection| bad_json(&rejection))?;
    act(&state, id, Act::Feedback(&feedback)).await
}

/// With a whole chart and every candidate an alert, a page of a hundred alerts would be megabytes.
pub(crate) fn for_list(mut alert: Alert) -> Alert {
    const POINTS_IN_LIST: usize = 96;
    alert.evidence.chart = alert.evidence.chart.map(|chart| chart.thin(POINTS_IN_LIST));
    alert.joined.clear();
    alert
}

pub(crate) async fn act(state: &AppState, id: String, act: Act<'_>) -> Result<Json<Alert>, Problem> {
    let id = AlertId(id);
    let alert = state.store.act(&id, act, Timestamp::now()).await?.ok_or_else(|| unknown(&id))?;
    state.engine.publish(Live::Alert(Box::new(alert.clone())));
    Ok(Json(alert))
}

/// Without a body, or without a name in it, it was somebody on the dashboard.
fn person(body: Result<Json<Person>, JsonRejection>) -> Result<String, Problem> {
    let person = match body {
        // No declared type is what a request without a body looks like.
        Err(JsonRejection::MissingJsonContentType(_)) => Person::default(),
        body => body.map_err(|rejection| bad_json(&rejection))?.0,
    };
    Ok(someone(person.by))
}

pub(crate) fn someone(by: Option<String>) -> String {
    by.filter(|by| !by.trim().is_empty()).unwrap_or_else(|| "someone on the dashboard".to_owned())
}

pub(crate) fn unknown(id: &AlertId) -> Problem {
    Problem::not_found(format!("there is no alert `{}`; GET /api/v1/alerts lists them", id.0))
}

/// A time in a query string; an empty one counts as left out.
pub(crate) fn time(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| match text.parse::<i64>() {
        Ok(millis) => Ok(Timestamp::from_millis(millis)),
        Err(_) => {
            text.parse().map_err(|error: hark_model::ParseTimestampError| Problem::bad_request(error.to_string()))
        }
    })
    .transpose()
}
