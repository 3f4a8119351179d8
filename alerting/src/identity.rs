//! Names that follow from content, so that a replay gives the same alerts the same ids.

use hark_model::{AlertId, Finding, Slice};
use xxhash_rust::xxh3::xxh3_64;

pub(crate) fn alert_id(finding: &Finding, slice: &Slice) -> AlertId {
    AlertId(format!("al_{:016x}", hash(finding, slice)))
}

pub(crate) fn incident_id(finding: &Finding, slice: &Slice) -> String {
    format!("in_{:016x}", hash(finding, slice))
}

fn hash(finding: &Finding, slice: &Slice) -> u64 {
    let Finding { metric, at, shift, .. } = finding;
    xxh3_64(format!("{metric}\n{:?}\n{slice}\n{}", shift.direction, at.millis()).as_bytes())
}
