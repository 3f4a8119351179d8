//! Requests as they would be without incidents: who, what and where at a moment, and how it went.

use rand::RngExt;

use crate::config::Config;
use crate::failures::Failures;
use crate::latency::{Latency, load_factor};
use crate::noise::NoiseAt;
use crate::population::{CELLULAR_4G, CLUSTERS, FEATURES, Feature, LOCALES, Locale, PLATFORMS, Platform};
use crate::random::{Choice, Random};
use crate::request::{Dimension, Dims, Outcome, Request};
use crate::rhythm::Rhythm;
use crate::rollouts::{Installed, Rollouts, build_of, version_of};
use crate::users::Users;

/// The mix of features changes with local time in steps of half an hour.
const SLOTS: usize = 48;

#[derive(Debug)]
pub(crate) struct Traffic {
    rate: f64,
    rhythm: Rhythm,
    rollouts: Rollouts,
    users: Users,
    latency: Latency,
    failures: Failures,
    platforms: Choice,
    /// By platform and slot.
    features: Vec<Choice>,
    /// By platform and locale.
    networks: Vec<Choice>,
    /// By locale.
    clusters: Vec<Choice>,
    /// Share of all traffic by cluster: the load of an average minute.
    cluster_shares: [f64; CLUSTERS.len()],
}

/// What is the same for all requests of a minute.
#[derive(Debug)]
pub(crate) struct Minute {
    /// How many requests to expect.
    pub(crate) expected: f64,
    locales: Choice,
    slots: [usize; LOCALES.len()],
    locale_latency: [f64; LOCALES.len()],
    cluster_latency: [f64; CLUSTERS.len()],
    installed: [Installed; PLATFORMS.len()],
}

impl Traffic {
    /// The configuration has been checked.
    pub(crate) fn new(config: &Config) -> Self {
        let mut cluster_shares = [0.0; CLUSTERS.len()];
        for locale in &LOCALES {
            for (sum, share) in cluster_shares.iter_mut().zip(locale.clusters) {
                *sum += locale.share * share;
            }
        }
        let platform_slots = (0..PLATFORMS.len()).flat_map(|platform| (0..SLOTS).map(move |slot| (platform, slot)));
        let platform_locales =
            PLATFORMS.iter().flat_map(|platform| LOCALES.iter().map(move |locale| (platform, locale)));
        let network_mix = |(platform, locale): (&Platform, &Locale)| {
            let mut weights = platform.networks;
            weights[CELLULAR_4G] *= locale.network;
            Choice::new(weights)
        };
        Self {
            rate: config.rate,
            rhythm: Rhythm::new(config.start_ms, config.days),
            rollouts: Rollouts::new(config.seed, config.start_ms, config.end_ms()),
            users: Users::new(config.seed, config.rate),
            latency: Latency::new(),
            failures: Failures::new(),
            platforms: Choice::new(PLATFORMS.iter().map(|platform| platform.share)),
            features: platform_slots.map(|(platform, slot)| feature_mix(platform, slot)).collect(),
            networks: platform_locales.map(network_mix).collect(),
            clusters: LOCALES.iter().map(|locale| Choice::new(locale.clusters)).collect(),
            cluster_shares,
        }
    }

    pub(crate) fn rollouts(&self) -> &Rollouts {
        &self.rollouts
    }

    pub(crate) fn minute(&self, time_ms: i64, noise: &NoiseAt) -> Minute {
        let local: [_; LOCALES.len()] = std::array::from_fn(|locale| self.rhythm.at(locale, time_ms));
        let volumes: [f64; LOCALES.len()] = std::array::from_fn(|locale| {
            LOCALES[locale].share * local[locale].volume * noise.volume * noise.locale_volume[locale]
        });
        let mut loads = [0.0; CLUSTERS.len()];
        for (locale, volume) in LOCALES.iter().zip(volumes) {
            for (load, share) in loads.iter_mut().zip(locale.clusters) {
                *load += volume * share;
            }
        }
        Minute {
            expected: self.rate * volumes.iter().sum::<f64>(),
            locales: Choice::new(volumes),
            slots: local.map(|local| (local.hour * SLOTS as f64 / 24.0) as usize % SLOTS),
            locale_latency: local.map(|local| local.latency),
            cluster_latency: std::array::from_fn(|cluster| {
                noise.cluster_latency[cluster] * load_factor(loads[cluster] / self.cluster_shares[cluster])
            }),
            installed: std::array::from_fn(|platform| self.rollouts.installed(platform, time_ms)),
        }
    }

    /// Who asks for what: the dimensions and the user.
    pub(crate) fn ask(&self, minute: &Minute, random: &mut Random) -> (Dims, u32) {
        let locale = minute.locales.pick(random.random());
        let platform = self.platforms.pick(random.random());
        let (at_locale, at_platform) = (usize::from(locale), usize::from(platform));
        let user = self.users.pick(at_locale, at_platform, random.random());
        let version = version_of(&minute.installed[at_platform], user.eagerness);
        let feature = self.features[at_platform * SLOTS + minute.slots[at_locale]].pick(random.random());
        let network = self.networks[at_platform * LOCALES.len() + at_locale].pick(random.random());
        let cluster = self.clusters[at_locale].pick(random.random());
        let build = build_of(platform, version, user.build);
        (Dims::new([platform, version, build, user.device, locale, feature, network, cluster]), user.number)
    }

    /// How long it took and how it ended.
    pub(crate) fn answer(&self, minute: &Minute, (dims, user): (Dims, u32), random: &mut Random) -> Request {
        let factor = minute.cluster_latency[dims.index(Dimension::Cluster)]
            * minute.locale_latency[dims.index(Dimension::Locale)];
        let stages_ms = self.latency.draw(&dims, factor, random);
        let mut request = Request { dims, user, stages_ms, outcome: Outcome::Ok, error: None };
        self.failures.strike(&mut request, random);
        request
    }
}

fn feature_mix(platform: usize, slot: usize) -> Choice {
    let hour = slot as f64 * 24.0 / SLOTS as f64;
    let weight = |(feature, share): (&Feature, f64)| {
        let angle = (hour - feature.peak_hour) * std::f64::consts::TAU / 24.0;
        share * (1.0 + feature.swing * angle.cos())
    };
    Choice::new(FEATURES.iter().zip(PLATFORMS[platform].features).map(weight))
}
