//! The history through its interface: what is appended is there, once, whatever happens in between.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod appending;
mod batches;
mod damage;
mod durability;
mod keeping;
mod querying;
