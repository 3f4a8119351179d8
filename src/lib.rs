//! hark: the parts wired together. Everything with logic of its own lives in a crate below.

pub mod alerts_command;
pub mod bench;
mod compare;
pub mod config;
pub mod data_folder;
pub mod demo;
pub mod detect_command;
pub mod detection;
pub mod doctor;
pub mod engine;
pub mod exemplars;
pub mod explain_command;
pub mod explainer;
mod funnel;
pub mod history;
pub mod import;
mod moved;
pub mod pipeline;
pub mod query_command;
pub mod replay;
pub mod selftest;
pub mod series;
pub mod series_query;
pub mod serve;
pub mod simulate_command;
pub mod snapshot;
pub mod store;
