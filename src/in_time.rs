//! Changes as they become known when the past is gone through again: each from its own time on.

use std::iter::Peekable;
use std::vec;

use hark_model::{Change, Timestamp};

pub(crate) struct InTime(Peekable<vec::IntoIter<Change>>);

impl InTime {
    pub(crate) fn new(mut changes: Vec<Change>) -> Self {
        changes.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.id().cmp(&b.id())));
        Self(changes.into_iter().peekable())
    }

    /// Those that are known by then, each once.
    pub(crate) fn until(&mut self, newest: Timestamp) -> Vec<Change> {
        std::iter::from_fn(|| self.0.next_if(|change| change.time <= newest)).collect()
    }

    /// Those that are announced for later.
    pub(crate) fn rest(self) -> impl Iterator<Item = Change> {
        self.0
    }
}
