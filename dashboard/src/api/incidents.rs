//! /api/v1/incidents: alerts that belong together.

use std::collections::HashSet;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use hark_model::{Alert, AlertId, AlertStatus, Severity, Timestamp};
use hark_store::{AlertQuery, IncidentOutline, cursor_after};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::alerts::{for_list, time};
use super::bad_query;
use crate::{AppState, Problem};

const LIMIT_DEFAULT: usize = 50;
/// Each incident of a page is asked for by itself.
const LIMIT_MAX: usize = 200;
/// A page ends once so many alerts were read for it, and says where the next one starts.
const ALERTS_READ_MAX: usize = 5_000;

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
    /// How many alerts it has.
    alerts_total: u64,
    /// They, oldest first; of more than a thousand the oldest 500 and the newest 500. What is said of metrics, owners, severity
    /// and times is of these, what is said of the status of all.
    alerts: Vec<AlertId>,
}

#[derive(Debug, Serialize, ToSchema)]
struct IncidentDetail {
    #[serde(flatten)]
    incident: Incident,
    /// Its alerts, those that `alerts` names, with charts of 96 points at most.
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
    let mut next = page.next;
    let mut incidents = Vec::new();
    let (mut known, mut read) = (HashSet::new(), 0);
    for alert in &page.alerts {
        if !known.insert(&alert.incident_id) {
            continue;
        }
        let outline = state.store.incident_outline(&alert.incident_id).await?;
        // It stands where its newest alert does, so that it is on one page.
        let Some(outline) = outline.filter(|outline| outline.newest == alert.id) else { continue };
        let alerts = state.store.incident(&alert.incident_id).await?;
        incidents.extend(incident(&alerts, &outline));
        read += alerts.len();
        if read >= ALERTS_READ_MAX && page.alerts.last() != Some(alert) {
            next = Some(cursor_after(alert));
            break;
        }
    }
    Ok(Json(IncidentList { incidents, next }))
}

/// One incident
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}",
    params(("id" = String, Path)),
    responses((status = 200, body = IncidentDetail), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn get_incident(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<IncidentDetail>, Problem> {
    let outline = state.store.incident_outline(&id).await?;
    let alerts = state.store.incident(&id).await?;
    let incident = outline
        .and_then(|outline| incident(&alerts, &outline))
        .ok_or_else(|| Problem::not_found(format!("there is no incident `{id}`; GET /api/v1/incidents lists them")))?;
    Ok(Json(IncidentDetail { incident, details: alerts.into_iter().map(for_list).collect() }))
}

/// Of its alerts, oldest first; `None` of none.
fn incident(alerts: &[Alert], outline: &IncidentOutline) -> Option<Incident> {
    let first = alerts.first()?;
    let lead = alerts.iter().rev().max_by_key(|alert| alert.severity)?;
    let is_over = outline.status == AlertStatus::Resolved;
    Some(Incident {
        id: first.incident_id.clone(),
        status: outline.status,
        severity: lead.severity,
        opened_at: first.opened_at,
        onset: alerts.iter().map(|alert| alert.onset).min()?,
        resolved_at: alerts.iter().filter_map(|alert| alert.resolved_at).max().filter(|_| is_over),
        metrics: distinct(alerts.iter().map(|alert| &alert.metric)),
        owners: distinct(alerts.iter().filter_map(|alert| alert.owner.as_ref())),
        lead: lead.id.clone(),
        alerts_total: outline.alerts,
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
