//! /api/v1/definitions: the metric registry, its history, and what a draft would have alerted.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use hark_model::{Definitions, Timestamp};
use hark_store::{DefinitionChange, DefinitionVersion};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{bad_json, bad_query};
use crate::{AppState, PreviewAnswer, PreviewQuestion, Problem};

const DAYS_DEFAULT: u32 = 14;
const DAY_MINUTES: i64 = 24 * 60;
/// Somebody else may save at the same time; then what is in force is made to follow once more.
const ADOPT_TRIES: usize = 5;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_definitions, post_definition))
        .routes(routes!(preview_definition))
        .routes(routes!(get_definition, put_definition, delete_definition))
}

/// Definitions to save or to try: one as JSON, or some as YAML.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Draft {
    /// One definition, as in a file's list of `metrics`.
    #[schema(value_type = Option<Object>)]
    definition: Option<Value>,
    /// A whole file: `metrics: [...]`.
    yaml: Option<String>,
    /// Who saves it.
    by: Option<String>,
    /// Of a preview: the stored events of so many days, 14 at most.
    days: Option<u32>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct By {
    /// Who removes it.
    by: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Saved {
    /// Each with the number of its version.
    saved: Vec<SavedDefinition>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SavedDefinition {
    name: String,
    version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct DefinitionDetail {
    /// As it is in force; null where it was removed.
    #[schema(value_type = Option<Object>)]
    definition: Option<Value>,
    /// Versions that people saved, the newest first.
    history: Vec<HistoryEntry>,
}

#[derive(Debug, Serialize, ToSchema)]
struct HistoryEntry {
    version: i64,
    at: Timestamp,
    who: String,
    /// As it was saved; null where it was removed.
    #[schema(value_type = Option<Object>)]
    definition: Option<Value>,
}

impl Draft {
    /// Name and JSON of each, valid by itself.
    fn documents(&self) -> Result<Vec<(String, String)>, Problem> {
        let text = match (&self.definition, &self.yaml) {
            (Some(definition), None) => serde_json::json!({ "metrics": [definition] }).to_string(),
            (None, Some(yaml)) => yaml.clone(),
            _ => {
                return Err(Problem::bad_request("give either `definition` (one, as JSON) or `yaml` (metrics: [...])"));
            }
        };
        let documents = Definitions::documents(&text).map_err(|problem| Problem::bad_request(problem.to_string()))?;
        if documents.is_empty() {
            return Err(Problem::bad_request("there is no metric in it; write metrics: [{name: ..., kind: ...}]"));
        }
        Ok(documents)
    }

    fn by(&self) -> Result<&str, Problem> {
        let nobody = || Problem::bad_request("`by` must name who saves it, so that others can ask");
        self.by.as_deref().filter(|by| !by.trim().is_empty()).ok_or_else(nobody)
    }
}

/// The metric definitions in force
///
/// Each with where it comes from (`managed_by`: built_in, file or store) and, where somebody saved it, its version.
#[utoipa::path(get, path = "/api/v1/definitions", responses((status = 200, body = serde_json::Value)))]
async fn list_definitions(State(state): State<AppState>) -> Result<Json<Value>, Problem> {
    let saved = state.store.definitions().await?;
    Ok(Json(annotated(state.engine.definitions(), &saved)))
}

/// What is in force, with the versions of those that were saved.
fn annotated(mut definitions: Value, saved: &[DefinitionVersion]) -> Value {
    for metric in definitions["metrics"].as_array_mut().into_iter().flatten() {
        let found = saved.iter().find(|version| metric["name"] == *version.name);
        if let (Some(version), Some(metric)) = (found, metric.as_object_mut()) {
            metric.insert("managed_by".to_owned(), "store".into());
            metric.insert("version".to_owned(), version.version.into());
            metric.insert("changed_at".to_owned(), version.at.to_string().into());
            metric.insert("changed_by".to_owned(), version.who.clone().into());
        }
    }
    definitions
}

/// One definition and its history
#[utoipa::path(
    get,
    path = "/api/v1/definitions/{name}",
    params(("name" = String, Path)),
    responses((status = 200, body = DefinitionDetail), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn get_definition(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<DefinitionDetail>, Problem> {
    let saved = state.store.definitions().await?;
    let in_force = annotated(state.engine.definitions(), &saved);
    let metrics = in_force["metrics"].as_array().cloned().unwrap_or_default();
    let definition = metrics.into_iter().find(|metric| metric["name"] == *name);
    let history: Vec<HistoryEntry> = state.store.definition_history(&name).await?.into_iter().map(entry).collect();
    if definition.is_none() && history.is_empty() {
        return Err(unknown(&name));
    }
    Ok(Json(DefinitionDetail { definition, history }))
}

fn entry(version: DefinitionVersion) -> HistoryEntry {
    let definition = version.document.as_deref().and_then(|text| serde_json::from_str(text).ok());
    HistoryEntry { version: version.version, at: version.at, who: version.who, definition }
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no metric `{name}`; GET /api/v1/definitions lists them"))
}

/// Define metrics
///
/// Checked together with all others before anything is kept, and in force when it is answered. A name that is taken by the built-in
/// pack is put over it; one that somebody saved already needs PUT.
#[utoipa::path(
    post,
    path = "/api/v1/definitions",
    request_body = Draft,
    responses(
        (status = 201, body = Saved),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn post_definition(
    State(state): State<AppState>,
    draft: Result<Json<Draft>, JsonRejection>,
) -> Result<(StatusCode, Json<Saved>), Problem> {
    let Json(draft) = draft.map_err(|rejection| bad_json(&rejection))?;
    let (documents, by) = (draft.documents()?, draft.by()?);
    let saved = state.store.definitions().await?;
    if let Some((name, _)) = documents.iter().find(|(name, _)| saved.iter().any(|one| one.name == *name)) {
        let detail = format!("`{name}` is defined already; PUT /api/v1/definitions/{name} replaces it");
        return Err(Problem::new(StatusCode::CONFLICT, "It is there already", detail));
    }
    save(&state, &saved, documents, by).await.map(|saved| (StatusCode::CREATED, Json(saved)))
}

/// Replace a definition
///
/// The version before stays in its history.
#[utoipa::path(
    put,
    path = "/api/v1/definitions/{name}",
    params(("name" = String, Path)),
    request_body = Draft,
    responses((status = 200, body = Saved), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
async fn put_definition(
    State(state): State<AppState>,
    Path(name): Path<String>,
    draft: Result<Json<Draft>, JsonRejection>,
) -> Result<Json<Saved>, Problem> {
    let Json(draft) = draft.map_err(|rejection| bad_json(&rejection))?;
    let (documents, by) = (draft.documents()?, draft.by()?);
    if documents.len() != 1 || documents[0].0 != name {
        return Err(Problem::bad_request(format!(
            "the address names `{name}`, so the body must define it and nothing else"
        )));
    }
    let saved = state.store.definitions().await?;
    save(&state, &saved, documents, by).await.map(Json)
}

/// Remove a saved definition
///
/// A built-in one of the same name is in force again. The history stays.
#[utoipa::path(
    delete,
    path = "/api/v1/definitions/{name}",
    params(("name" = String, Path), By),
    responses((status = 204), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn delete_definition(
    State(state): State<AppState>,
    Path(name): Path<String>,
    by: Result<Query<By>, QueryRejection>,
) -> Result<StatusCode, Problem> {
    let Query(By { by }) = by.map_err(|rejection| bad_query(&rejection))?;
    let by = by.filter(|by| !by.trim().is_empty());
    let by =
        by.ok_or_else(|| Problem::bad_request("`by` must name who removes it: DELETE /api/v1/definitions/NAME?by=…"))?;
    let saved = state.store.definitions().await?;
    if !saved.iter().any(|one| one.name == name) {
        let is_known = state.engine.definitions()["metrics"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["name"] == *name));
        return Err(if is_known {
            Problem::bad_request(format!("`{name}` is built in or defined in a file, so it cannot be removed here"))
        } else {
            unknown(&name)
        });
    }
    let rest: Vec<String> = saved.into_iter().filter(|one| one.name != name).filter_map(|one| one.document).collect();
    state.engine.check_definitions(&rest).map_err(Problem::bad_request)?;
    state
        .store
        .save_definition(DefinitionChange { name: &name, who: &by, at: Timestamp::now(), document: None })
        .await?;
    adopt(&state).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All that would be saved if these were.
fn with_drafts(saved: &[DefinitionVersion], drafts: &[(String, String)]) -> Vec<String> {
    let is_replaced = |name: &str| drafts.iter().any(|(draft, _)| draft == name);
    let rest = saved.iter().filter(|one| !is_replaced(&one.name)).filter_map(|one| one.document.clone());
    rest.chain(drafts.iter().map(|(_, document)| document.clone())).collect()
}

async fn save(
    state: &AppState,
    saved: &[DefinitionVersion],
    documents: Vec<(String, String)>,
    by: &str,
) -> Result<Saved, Problem> {
    state.engine.check_definitions(&with_drafts(saved, &documents)).map_err(Problem::bad_request)?;
    let mut numbered = Vec::new();
    for (name, document) in documents {
        let change = DefinitionChange { name: &name, who: by, at: Timestamp::now(), document: Some(&document) };
        let version = state.store.save_definition(change).await?;
        numbered.push(SavedDefinition { name, version });
    }
    adopt(state).await?;
    Ok(Saved { saved: numbered })
}

/// Makes what is in force follow what is saved.
async fn adopt(state: &AppState) -> Result<(), Problem> {
    let mut adopted = None;
    for _ in 0..ADOPT_TRIES {
        let saved = state.store.definitions().await?;
        if adopted.as_ref() == Some(&saved) {
            break;
        }
        state.engine.adopt_definitions(saved.iter().filter_map(|one| one.document.clone()).collect()).await?;
        adopted = Some(saved);
    }
    Ok(())
}

/// What would have fired
///
/// The stored raw events of the last days go through the very pipeline that is running, with the draft alone in it and the
/// false-alarm budget shared with all other series. Nothing is kept.
#[utoipa::path(
    post,
    path = "/api/v1/definitions/preview",
    request_body = Draft,
    responses(
        (status = 200, body = PreviewAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn preview_definition(
    State(state): State<AppState>,
    draft: Result<Json<Draft>, JsonRejection>,
) -> Result<Json<PreviewAnswer>, Problem> {
    let Json(draft) = draft.map_err(|rejection| bad_json(&rejection))?;
    let documents = draft.documents()?;
    let days = draft.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_DEFAULT).contains(&days) {
        return Err(Problem::bad_request(format!(
            "days is {days}; raw events are kept for {DAYS_DEFAULT} days, so 1 to that"
        )));
    }
    let saved = state.store.definitions().await?;
    let saved = with_drafts(&saved, &documents);
    state.engine.check_definitions(&saved).map_err(Problem::bad_request)?;
    let to = state.engine.status().watermark.unwrap_or_else(Timestamp::now).plus_minutes(DAY_MINUTES);
    let changes = state.store.changes(to.plus_minutes(-(i64::from(days) + 2) * DAY_MINUTES), to).await?;
    let question = PreviewQuestion {
        saved,
        drafts: documents.into_iter().map(|(name, _)| name).collect(),
        days,
        changes: changes.into_iter().map(|(_, change)| change).collect(),
    };
    Ok(Json(state.engine.preview(question).await?))
}
