//! History as Delta tables: written atomically, read with what is not yet written, by SQL.
//!
//! [`Lake::append`] makes rows durable exactly once, [`Lake::query`] reads them together with those that are still in
//! memory, [`Lake::compact`], [`Lake::expire`] and [`Lake::check`] keep the files in order. The tables lie as plain
//! Parquet and Delta's JSON log under one folder, for any other program to read.

mod align;
mod answer;
mod append;
mod coded;
mod compact;
mod damage;
mod data_file;
mod delta;
mod error;
mod expire;
mod fsync_store;
mod hybrid;
mod lake;
mod query;
mod row_group;
mod source;
mod table;

pub use answer::Answer;
pub use append::Appended;
pub use compact::Compacted;
pub use damage::Damage;
pub use error::LakeError;
pub use expire::Expired;
pub use fsync_store::SyncPath;
pub use lake::{Lake, LakeOptions};
pub use query::{Hot, Limits};
pub use table::{DAY, TIME, Table};
