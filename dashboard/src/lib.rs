//! The HTTP API and the pages.
//!
//! Handlers are thin: they read the question, ask the [`Engine`] or the store, and write the answer. The OpenAPI
//! document is generated from them.

mod api;
mod engine;
mod problem;
mod server;

pub use engine::{Demo, Engine, IngestAnswer, IngestError, Live, RejectedLine, SeriesAnswer, SeriesQuestion, Status};
pub use problem::Problem;
pub use server::{AppState, openapi, pages_are_built, router, serve};
