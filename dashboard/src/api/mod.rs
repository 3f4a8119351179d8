//! The API, one file a resource.

pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod compare;
pub(crate) mod definitions;
pub(crate) mod events;
pub(crate) mod exemplars;
pub(crate) mod health;
pub(crate) mod incidents;
pub(crate) mod models;
pub(crate) mod otlp;
pub(crate) mod otlp_grpc;
mod otlp_messages;
pub(crate) mod people;
pub(crate) mod query;
pub(crate) mod remote_write;
pub(crate) mod report;
mod sender;
pub(crate) mod series;
pub(crate) mod silences;
mod similar;
pub(crate) mod stream;

use axum::extract::rejection::{JsonRejection, QueryRejection};

use crate::Problem;

/// A body that is not the JSON asked for.
pub(crate) fn bad_json(rejection: &JsonRejection) -> Problem {
    Problem::bad_request(format!("{}; see /api/openapi.json for the shape", rejection.body_text()))
}

/// A query string that cannot be read.
pub(crate) fn bad_query(rejection: &QueryRejection) -> Problem {
    Problem::bad_request(format!("{}; see /api/openapi.json for the parameters", rejection.body_text()))
}
