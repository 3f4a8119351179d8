//! /api/v1/incidents: alerts that belong together.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use hark_model::{Alert, AlertId, AlertStatus, Severity, Timestamp};
use hark_store::AlertQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::alerts::{time, with_small_chart};
use super::bad_query;
use crate::{AppState, Problem};

const LIMIT_DEFAULT: usize = 50;
/// Each incident of a page is read by itself.
const LIMIT_MAX: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_incidents)).routes(routes!(get_incident))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct IncidentParams {
    /// Whose newest alert opened at or after.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Whose newest alert opened before.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// Alerts that are looked through, 1 to 200; 50 where it is left out. There are as many incidents or fewer.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct IncidentList {
    incidents: Vec<Incident>,
    /// The cursor of the next page; null on the last one.
    next: Option<String>,
}

/// Alerts of one or several metrics that share traffic and began at about the same time.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct Incident {
    id: String,
    /// resolved once all of its alerts are; else that of the open alert that asks for most: firing, acknowledged, silenced.
    status: AlertStatus,
    /// That of its worst alert.
    severity: Severity,
    /// When its first alert opened.
    opened_at: Timestamp,
    /// The earliest of its alerts'.
    onset: Timestamp,
    /// When its last alert ended; null while one is open.
    resolved_at: Option<Timestamp>,
    metrics: Vec<String>,
    owners: Vec<String>,
    /// The worst of its alerts, and of those the first.
    lead: AlertId,
    /// All of them, oldest first.
    alerts: Vec<AlertId>,
}

#[derive(Debug, Serialize, ToSchema)]
struct IncidentDetail {
    #[serde(flatten)]
    incident: Incident,
    /// Its alerts, oldest first, with charts of 96 points at most.
    details: Vec<Alert>,
}

/// List incidents
///
/// The newest first, by their newest alert.
#[utoipa::path(
    get,
    path = "/api/v1/incidents",
    params(IncidentParams),
    responses((status = 200, body = IncidentList), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn list_incidents(
    State(state): State<AppState>,
    params: Result<Query<IncidentParams>, QueryRejection>,
) -> Result<Json<IncidentList>, Problem> {
    let Query(IncidentParams { from, to, limit, cursor }) = params.map_err(|rejection| bad_query(&rejection))?;
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is {limit}; it must be 1 to {LIMIT_MAX}")));
    }
    let (from, to) = (time(from.as_deref())?, time(to.as_deref())?);
    let page =
        state.store.alerts(&AlertQuery { from, to, limit: Some(limit), cursor, ..AlertQuery::default() }).await?;
    let mut incidents = Vec::new();
    for alert in &page.alerts {
        let alerts = state.store.incident(&alert.incident_id).await?;
        // It stands where its newest alert does, so that it is on one page.
        let newest =
            alerts.iter().rev().take_while(|one| Some(one.opened_at) == alerts.last().map(|last| last.opened_at));
        if newest.last().is_some_and(|newest| newest.id == alert.id) {
            incidents.extend(incident(&alerts));
        }
    }
    Ok(Json(IncidentList { incidents, next: page.next }))
}

/// One incident
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}",
    params(("id" = String, Path)),
    responses((status = 200, body = IncidentDetail), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn get_incident(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<IncidentDetail>, Problem> {
    let alerts = state.store.incident(&id).await?;
    let incident = incident(&alerts)
        .ok_or_else(|| Problem::not_found(format!("there is no incident `{id}`; GET /api/v1/incidents lists them")))?;
    Ok(Json(IncidentDetail { incident, details: alerts.into_iter().map(with_small_chart).collect() }))
}

/// Of its alerts, oldest first; `None` of none.
fn incident(alerts: &[Alert]) -> Option<Incident> {
    let first = alerts.first()?;
    let lead = alerts.iter().rev().max_by_key(|alert| alert.severity)?;
    let status = [AlertStatus::Firing, AlertStatus::Acknowledged, AlertStatus::Silenced]
        .into_iter()
        .find(|status| alerts.iter().any(|alert| alert.status == *status))
        .unwrap_or(AlertStatus::Resolved);
    let is_over = status == AlertStatus::Resolved;
    Some(Incident {
        id: first.incident_id.clone(),
        status,
        severity: lead.severity,
        opened_at: first.opened_at,
        onset: alerts.iter().map(|alert| alert.onset).min()?,
        resolved_at: alerts.iter().filter_map(|alert| alert.resolved_at).max().filter(|_| is_over),
        metrics: distinct(alerts.iter().map(|alert| &alert.metric)),
        owners: distinct(alerts.iter().filter_map(|alert| alert.owner.as_ref())),
        lead: lead.id.clone(),
        alerts: alerts.iter().map(|alert| alert.id.clone()).collect(),
    })
}

/// In the order in which they come first.
fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names.fold(Vec::new(), |mut known, name| {
        if !known.contains(name) {
            known.push(name.clone());
        }
        known
    })
}
