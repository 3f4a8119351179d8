//! Who asks for what, from where and on what: the tables from which every request is drawn.
//!
//! Shares are of requests, times are medians in milliseconds. The orders of magnitude are those of published
//! voice-assistant latencies; the numbers themselves are invented.

pub(crate) struct Platform {
    pub(crate) name: &'static str,
    pub(crate) share: f64,
    pub(crate) devices: &'static [Device],
    /// Weights of NETWORKS, in their order.
    pub(crate) networks: [f64; 4],
    /// Weights of FEATURES, in their order.
    pub(crate) features: [f64; 10],
    /// Builds are named after the major version less this, and a letter counted from here.
    pub(crate) build_offset: u16,
    pub(crate) build_letter: u8,
}

pub(crate) struct Device {
    pub(crate) name: &'static str,
    pub(crate) share: f64,
    /// Factor on the stages that run on the device in part.
    pub(crate) slowness: f64,
}

const fn device(name: &'static str, share: f64, slowness: f64) -> Device {
    Device { name, share, slowness }
}

pub(crate) const PLATFORMS: [Platform; 5] = [
    Platform {
        name: "iOS",
        share: 0.58,
        devices: &[
            device("iPhone18,1", 0.22, 0.85),
            device("iPhone17,1", 0.20, 0.92),
            device("iPhone17,3", 0.18, 0.95),
            device("iPhone16,2", 0.16, 1.02),
            device("iPhone15,4", 0.14, 1.10),
            device("iPhone14,5", 0.10, 1.28),
        ],
        networks: [0.52, 0.30, 0.18, 0.0],
        features: [0.16, 0.12, 0.15, 0.13, 0.09, 0.08, 0.06, 0.09, 0.07, 0.05],
        build_offset: 3,
        build_letter: b'A',
    },
    Platform {
        name: "macOS",
        share: 0.12,
        devices: &[device("Mac17,2", 0.30, 0.78), device("Mac16,1", 0.45, 0.84), device("Mac14,7", 0.25, 0.95)],
        networks: [0.72, 0.0, 0.0, 0.28],
        features: [0.10, 0.10, 0.12, 0.14, 0.03, 0.03, 0.04, 0.24, 0.18, 0.02],
        build_offset: 1,
        build_letter: b'A',
    },
    Platform {
        name: "watchOS",
        share: 0.16,
        devices: &[device("Watch7,5", 0.35, 1.20), device("Watch7,1", 0.40, 1.30), device("Watch6,6", 0.25, 1.55)],
        networks: [0.66, 0.14, 0.20, 0.0],
        features: [0.34, 0.11, 0.08, 0.16, 0.07, 0.03, 0.05, 0.03, 0.04, 0.09],
        build_offset: 3,
        build_letter: b'T',
    },
    Platform {
        name: "tvOS",
        share: 0.10,
        devices: &[device("AppleTV14,1", 0.60, 1.10), device("AppleTV11,1", 0.40, 1.35)],
        networks: [0.62, 0.0, 0.0, 0.38],
        features: [0.04, 0.08, 0.38, 0.0, 0.0, 0.0, 0.18, 0.32, 0.0, 0.0],
        build_offset: 3,
        build_letter: b'H',
    },
    Platform {
        name: "visionOS",
        share: 0.04,
        devices: &[device("RealityDevice17,1", 0.55, 0.88), device("RealityDevice14,1", 0.45, 1.0)],
        networks: [1.0, 0.0, 0.0, 0.0],
        features: [0.08, 0.07, 0.22, 0.10, 0.05, 0.0, 0.10, 0.28, 0.10, 0.0],
        build_offset: 3,
        build_letter: b'N',
    },
];

pub(crate) struct Locale {
    pub(crate) name: &'static str,
    pub(crate) share: f64,
    /// Hours ahead of UTC. No summer time: the rhythm of a place stays put.
    pub(crate) utc_offset_hours: f64,
    /// Volume of a weekend day relative to a weekday.
    pub(crate) weekend: f64,
    /// Factor on the speech stages: model size, morphology.
    pub(crate) speech: f64,
    /// Factor on network time, and on the share of 4G.
    pub(crate) network: f64,
    /// Weights of CLUSTERS, in their order; the largest is home, the rest spill-over.
    pub(crate) clusters: [f64; 5],
}

const US: [f64; 5] = [0.60, 0.385, 0.01, 0.0, 0.005];
const LATIN: [f64; 5] = [0.90, 0.09, 0.01, 0.0, 0.0];
const EUROPE: [f64; 5] = [0.035, 0.0, 0.955, 0.01, 0.0];
const INDIA: [f64; 5] = [0.0, 0.0, 0.03, 0.94, 0.03];
const EAST: [f64; 5] = [0.0, 0.04, 0.0, 0.02, 0.94];

#[rustfmt::skip]
pub(crate) const LOCALES: [Locale; 12] = [
    Locale { name: "en_US", share: 0.30, utc_offset_hours: -6.0, weekend: 0.93, speech: 0.95, network: 1.0, clusters: US },
    Locale { name: "en_GB", share: 0.10, utc_offset_hours: 0.0, weekend: 0.95, speech: 0.97, network: 1.0, clusters: EUROPE },
    Locale { name: "de_DE", share: 0.10, utc_offset_hours: 1.0, weekend: 0.86, speech: 1.10, network: 1.05, clusters: EUROPE },
    Locale { name: "fr_FR", share: 0.07, utc_offset_hours: 1.0, weekend: 0.90, speech: 1.04, network: 1.0, clusters: EUROPE },
    Locale { name: "it_IT", share: 0.04, utc_offset_hours: 1.0, weekend: 0.94, speech: 1.03, network: 1.1, clusters: EUROPE },
    Locale { name: "es_MX", share: 0.06, utc_offset_hours: -6.0, weekend: 1.02, speech: 1.02, network: 1.3, clusters: LATIN },
    Locale { name: "pt_BR", share: 0.06, utc_offset_hours: -3.0, weekend: 1.04, speech: 1.06, network: 1.35, clusters: LATIN },
    Locale { name: "en_IN", share: 0.07, utc_offset_hours: 5.5, weekend: 1.05, speech: 1.08, network: 1.45, clusters: INDIA },
    Locale { name: "hi_IN", share: 0.04, utc_offset_hours: 5.5, weekend: 1.08, speech: 1.22, network: 1.5, clusters: INDIA },
    Locale { name: "ja_JP", share: 0.09, utc_offset_hours: 9.0, weekend: 0.91, speech: 1.12, network: 0.9, clusters: EAST },
    Locale { name: "ko_KR", share: 0.03, utc_offset_hours: 9.0, weekend: 0.92, speech: 1.10, network: 0.85, clusters: EAST },
    Locale { name: "en_AU", share: 0.04, utc_offset_hours: 10.0, weekend: 0.96, speech: 0.98, network: 1.15, clusters: EAST },
];

pub(crate) struct Feature {
    pub(crate) name: &'static str,
    /// How much is said: a factor on recognition.
    pub(crate) audio: f64,
    pub(crate) nlu_ms: f64,
    pub(crate) fulfil_ms: f64,
    /// How much is answered: a factor on speech synthesis.
    pub(crate) answer: f64,
    /// Factor on the share of failures.
    pub(crate) failures: f64,
    /// How strongly its share follows the local time of day, and the hour of its peak.
    pub(crate) swing: f64,
    pub(crate) peak_hour: f64,
}

pub(crate) const FEATURES: [Feature; 10] = [
    feature("timers", [0.75, 38.0, 24.0, 0.8, 0.5], 0.30, 18.0),
    feature("weather", [0.80, 42.0, 95.0, 1.3, 0.8], 0.35, 7.5),
    feature("music", [0.95, 58.0, 165.0, 0.6, 1.2], 0.20, 20.0),
    feature("messages", [1.35, 60.0, 72.0, 1.0, 1.0], 0.15, 15.0),
    feature("calls", [0.85, 50.0, 64.0, 0.6, 1.1], 0.25, 14.0),
    feature("navigation", [1.10, 66.0, 270.0, 1.2, 1.5], 0.30, 16.0),
    feature("home", [0.85, 48.0, 120.0, 0.5, 1.9], 0.30, 20.5),
    feature("search", [1.20, 75.0, 330.0, 1.9, 1.3], 0.10, 14.0),
    feature("dictation", [2.10, 20.0, 12.0, 0.15, 0.7], 0.35, 12.0),
    feature("alarms", [0.80, 40.0, 22.0, 0.7, 0.4], 0.60, 22.5),
];

/// `costs`: audio, nlu_ms, fulfil_ms, answer, failures.
const fn feature(name: &'static str, costs: [f64; 5], swing: f64, peak_hour: f64) -> Feature {
    let [audio, nlu_ms, fulfil_ms, answer, failures] = costs;
    Feature { name, audio, nlu_ms, fulfil_ms, answer, failures, swing, peak_hour }
}

pub(crate) struct Network {
    pub(crate) name: &'static str,
    pub(crate) round_trip_ms: f64,
    /// Factor on the share of failures.
    pub(crate) failures: f64,
    pub(crate) cellular: bool,
}

pub(crate) const NETWORKS: [Network; 4] = [
    Network { name: "wifi", round_trip_ms: 32.0, failures: 0.9, cellular: false },
    Network { name: "cellular_5g", round_trip_ms: 46.0, failures: 1.1, cellular: true },
    Network { name: "cellular_4g", round_trip_ms: 88.0, failures: 1.7, cellular: true },
    Network { name: "ethernet", round_trip_ms: 15.0, failures: 0.7, cellular: false },
];
/// The network whose share grows with a locale's `network` factor.
pub(crate) const CELLULAR_4G: usize = 2;

pub(crate) struct Cluster {
    pub(crate) name: &'static str,
    /// Factor on the stages that run there.
    pub(crate) slowness: f64,
}

pub(crate) const CLUSTERS: [Cluster; 5] = [
    Cluster { name: "us-east-2", slowness: 1.0 },
    Cluster { name: "us-west-1", slowness: 0.97 },
    Cluster { name: "eu-central-1", slowness: 1.03 },
    Cluster { name: "ap-south-1", slowness: 1.09 },
    Cluster { name: "ap-northeast-1", slowness: 1.01 },
];

/// All devices in one list, platform after platform: the number of a device is its place here.
pub(crate) fn devices() -> impl Iterator<Item = &'static Device> {
    PLATFORMS.iter().flat_map(|platform| platform.devices)
}

/// The place of each platform's first device in `devices`.
pub(crate) fn first_device(platform: usize) -> u16 {
    PLATFORMS[..platform].iter().map(|earlier| earlier.devices.len() as u16).sum()
}

/// The cluster that serves most of a locale.
pub(crate) fn home_cluster(locale: usize) -> usize {
    let weights = &LOCALES[locale].clusters;
    (0..weights.len()).fold(0, |best, next| if weights[next] > weights[best] { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_one() {
        let one = |name: &str, shares: Vec<f64>| {
            let sum: f64 = shares.iter().sum();
            assert!((sum - 1.0).abs() < 1e-9, "{name}: {sum}");
        };
        one("platforms", PLATFORMS.iter().map(|platform| platform.share).collect());
        one("locales", LOCALES.iter().map(|locale| locale.share).collect());
        for platform in &PLATFORMS {
            one(platform.name, platform.devices.iter().map(|device| device.share).collect());
            one(platform.name, platform.networks.to_vec());
            one(platform.name, platform.features.to_vec());
        }
        for locale in &LOCALES {
            one(locale.name, locale.clusters.to_vec());
        }
    }

    #[test]
    fn devices_are_numbered_platform_by_platform() {
        let names: Vec<&str> = devices().map(|device| device.name).collect();
        assert_eq!(names[first_device(1) as usize], "Mac17,2");
        assert_eq!(names[first_device(4) as usize], "RealityDevice17,1");
    }
}
