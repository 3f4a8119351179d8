//! The history through its interface: what is appended is there, once, whatever happens in between.

mod appending;
mod batches;
mod damage;
mod durability;
mod keeping;
mod querying;
mod speed;
