//! Two sides of a metric held against each other on the finest counts: which values differ, where two dimensions
//! cross, and the whole distribution. Pure: the fold's leaves and a question in, an answer out.

mod crossed;
mod distribution;
mod drivers;
mod sides;

pub(crate) use crossed::heat_map;
pub(crate) use distribution::distribution;
pub(crate) use drivers::drivers;
