//! Operating-system versions: staged roll-outs that change the mix without making anything slower.

use crate::config::{DAY_MS, HOUR_MS};
use crate::population::PLATFORMS;
use crate::random::{Random, Stream, between, hash, stream};

/// Days after the release, and the share of users that may have the version from then on.
const STAGES: [(f64, f64); 4] = [(0.0, 0.01), (1.0, 0.10), (3.0, 0.50), (6.0, 0.85)];
/// Devices take up a stage over these hours.
const UPTAKE_MS: f64 = 6.0 * HOUR_MS as f64;
/// After the last stage the rest follow over these days.
const STRAGGLER_MS: f64 = 60.0 * DAY_MS as f64;
/// Versions that were out before the simulation began: how many days before.
const EARLIER_DAYS: [f64; 3] = [120.0, 45.0, 16.0];
/// Days between two releases of a platform, and until the first.
const PAUSE_DAYS: (f64, f64) = (14.0, 24.0);
const FIRST_DAYS: (f64, f64) = (1.0, 12.0);
/// Names exist for this many; a platform releases at most 400 / 14 + 3 of them.
pub(crate) const VERSIONS_MAX: usize = 36;
/// Share of a version's users on its first build; the rest have the second.
const FIRST_BUILD_SHARE: f64 = 0.68;

/// A version of a platform and when it came out.
#[derive(Debug, Clone, Copy)]
struct Release {
    version: u16,
    time_ms: i64,
}

/// A stage of a roll-out, for the list of changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RolloutStage {
    pub(crate) time_ms: i64,
    pub(crate) platform: u16,
    pub(crate) version: u16,
    pub(crate) share: f64,
}

#[derive(Debug)]
pub(crate) struct Rollouts {
    /// By platform, newest first.
    releases: Vec<Vec<Release>>,
}

/// What users of one platform have at a moment: newest first, with the share that has it or may have it.
pub(crate) type Installed = Vec<(u16, f64)>;

impl Rollouts {
    pub(crate) fn new(seed: u64, start_ms: i64, end_ms: i64) -> Self {
        let mut random = stream(seed, Stream::Rollouts);
        let releases = PLATFORMS.iter().map(|_| releases(&mut random, start_ms, end_ms)).collect();
        Self { releases }
    }

    pub(crate) fn installed(&self, platform: usize, time_ms: i64) -> Installed {
        let mut installed = Installed::new();
        for release in &self.releases[platform] {
            let share = share_at(release.time_ms, time_ms);
            if share > 0.0 {
                installed.push((release.version, share));
            }
            if share >= 1.0 {
                return installed;
            }
        }
        // Whoever has nothing newer has the oldest.
        if let Some(oldest) = installed.last_mut() {
            oldest.1 = 1.0;
        }
        installed
    }

    /// The stages within a time range.
    pub(crate) fn stages_between(&self, start_ms: i64, end_ms: i64) -> Vec<RolloutStage> {
        let mut stages = Vec::new();
        for (platform, releases) in self.releases.iter().enumerate() {
            for release in releases {
                for (days, share) in STAGES {
                    let time_ms = release.time_ms + (days * DAY_MS as f64) as i64;
                    if (start_ms..end_ms).contains(&time_ms) {
                        stages.push(RolloutStage {
                            time_ms,
                            platform: platform as u16,
                            version: release.version,
                            share,
                        });
                    }
                }
            }
        }
        stages.sort_by_key(|stage| (stage.time_ms, stage.platform));
        stages
    }
}

/// The version of a user, from how eager they are (0 first, 1 last).
pub(crate) fn version_of(installed: &Installed, eagerness: f64) -> u16 {
    let newest = installed.iter().find(|(_, share)| eagerness < *share).or(installed.last());
    newest.map_or(0, |(version, _)| *version)
}

/// The number of a build: its place in the table of names.
pub(crate) fn build_of(platform: u16, version: u16, uniform: f64) -> u16 {
    let second = u16::from(uniform >= FIRST_BUILD_SHARE);
    (platform * VERSIONS_MAX as u16 + version) * 2 + second
}

/// 26.1, 26.1.1, 26.2, … 26.5.1, 27.0: the same sequence on every platform, each at its own pace.
pub(crate) fn version_name(version: usize) -> String {
    let (major, minor, patch) = version_parts(version);
    if patch == 0 { format!("{major}.{minor}") } else { format!("{major}.{minor}.{patch}") }
}

/// Like 23B82: a generation of the platform, a letter for the minor version, a number.
pub(crate) fn build_name(build: usize) -> String {
    let (release, second) = (build / 2, build % 2);
    let (platform, version) = (&PLATFORMS[release / VERSIONS_MAX], release % VERSIONS_MAX);
    let (major, minor, patch) = version_parts(version);
    let generation = major - usize::from(platform.build_offset);
    let letter = char::from(platform.build_letter + minor as u8);
    // Four ranges that do not meet, one per patch and build.
    let number = 50 + (patch * 2 + second) * 100 + (hash(build as u64) % 90) as usize;
    format!("{generation}{letter}{number}")
}

fn version_parts(version: usize) -> (usize, usize, usize) {
    let step = version / 2 + 1;
    (26 + step / 6, step % 6, version % 2)
}

fn releases(random: &mut Random, start_ms: i64, end_ms: i64) -> Vec<Release> {
    let day = DAY_MS as f64;
    let mut times: Vec<i64> = EARLIER_DAYS.map(|days| start_ms - (days * day) as i64).to_vec();
    let mut next = start_ms + (between(random, FIRST_DAYS.0, FIRST_DAYS.1) * day) as i64;
    while next < end_ms && times.len() < VERSIONS_MAX {
        // Releases go out at a working hour, a little after the full hour.
        let minute = (between(random, 0.0, 40.0) as i64) * 60_000;
        times.push(next - next.rem_euclid(DAY_MS) + 17 * HOUR_MS + minute);
        next += (between(random, PAUSE_DAYS.0, PAUSE_DAYS.1) * day) as i64;
    }
    let release = |(version, time_ms): (usize, &i64)| Release { version: version as u16, time_ms: *time_ms };
    times.iter().enumerate().map(release).rev().collect()
}

fn share_at(released_ms: i64, time_ms: i64) -> f64 {
    let age_ms = (time_ms - released_ms) as f64;
    let mut share = 0.0;
    for (days, goal) in STAGES {
        let since_ms = age_ms - days * DAY_MS as f64;
        if since_ms > 0.0 {
            share += (goal - share) * (since_ms / UPTAKE_MS).min(1.0);
        }
    }
    let (last_days, last_share) = STAGES[STAGES.len() - 1];
    let straggling_ms = age_ms - last_days * DAY_MS as f64 - UPTAKE_MS;
    if straggling_ms > 0.0 {
        share += (1.0 - last_share) * (straggling_ms / STRAGGLER_MS).min(1.0);
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::collections::BTreeSet;

    const START: i64 = Config::DEFAULT_START_MS;

    #[test]
    fn a_release_goes_out_in_stages() {
        let at = |days: f64| share_at(START, START + (days * DAY_MS as f64) as i64);
        assert_eq!(at(-1.0), 0.0);
        assert!((at(0.9) - 0.01).abs() < 1e-9);
        assert!((at(2.0) - 0.10).abs() < 1e-9);
        assert!((at(5.0) - 0.50).abs() < 1e-9);
        assert!((at(6.3) - 0.85).abs() < 0.01);
        assert!(at(20.0) > 0.85 && at(20.0) < 1.0);
        assert_eq!(at(200.0), 1.0);
    }

    #[test]
    fn everybody_has_some_version_and_never_goes_back() {
        let rollouts = Rollouts::new(5, START, START + 400 * DAY_MS);
        for platform in 0..PLATFORMS.len() {
            let mut before = 0;
            for day in 0..400 {
                let installed = rollouts.installed(platform, START + day * DAY_MS);
                assert_eq!(installed.last().map(|(_, share)| *share), Some(1.0));
                let version = version_of(&installed, 0.4);
                assert!(version >= before);
                before = version;
            }
            assert!(before > 10, "released {before}");
        }
    }

    #[test]
    fn names_are_unique() {
        let builds = PLATFORMS.len() * VERSIONS_MAX * 2;
        assert_eq!((0..builds).map(build_name).collect::<BTreeSet<_>>().len(), builds);
        assert_eq!((0..VERSIONS_MAX).map(version_name).collect::<BTreeSet<_>>().len(), VERSIONS_MAX);
        assert_eq!([0, 1, 9, 10].map(version_name), ["26.1", "26.1.1", "26.5.1", "27.0"]);
    }
}
