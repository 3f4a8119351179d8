//! Who asks: a few users ask a lot, and each keeps their device and their eagerness to update.

use crate::population::{LOCALES, PLATFORMS, first_device};
use crate::random::{Choice, hash, unit};

/// Mean requests of a user in a day: the number of users follows from the rate.
const REQUESTS_PER_USER_DAY: f64 = 6.0;
const USERS_MIN: f64 = 3_000.0;
const USERS_MAX: f64 = 4_000_000.0;
/// A user's rank is the pool's size times a uniform number to this power: activity falls like rank^(1/power - 1).
const ACTIVITY_POWER: f64 = 1.6;
/// The first printed user number.
const FIRST_USER: u32 = 10_000;

/// Pools of users, one for each locale and platform, numbered without gaps.
#[derive(Debug)]
pub(crate) struct Users {
    seed: u64,
    pools: Vec<Pool>,
    devices: Vec<Choice>,
}

#[derive(Debug, Clone, Copy)]
struct Pool {
    first: u32,
    size: f64,
}

/// A user with what stays theirs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) number: u32,
    pub(crate) device: u16,
    /// Uniform in [0, 1): who is early in a roll-out.
    pub(crate) eagerness: f64,
    /// Uniform in [0, 1): which build of a version.
    pub(crate) build: f64,
}

impl Users {
    pub(crate) fn new(seed: u64, rate: f64) -> Self {
        let users = (rate * 1440.0 / REQUESTS_PER_USER_DAY).clamp(USERS_MIN, USERS_MAX);
        let mut first = FIRST_USER;
        let mut pools = Vec::new();
        for locale in &LOCALES {
            for platform in &PLATFORMS {
                let size = (users * locale.share * platform.share).ceil();
                pools.push(Pool { first, size });
                first += size as u32;
            }
        }
        let devices =
            PLATFORMS.iter().map(|platform| Choice::new(platform.devices.iter().map(|device| device.share))).collect();
        Self { seed: hash(seed), pools, devices }
    }

    pub(crate) fn pick(&self, locale: usize, platform: usize, uniform: f64) -> User {
        let pool = self.pools[locale * PLATFORMS.len() + platform];
        let number = pool.first + (pool.size * uniform.powf(ACTIVITY_POWER)) as u32;
        let bits = hash(self.seed ^ u64::from(number));
        let more = hash(bits);
        User {
            number,
            device: first_device(platform) + self.devices[platform].pick(unit(bits)),
            eagerness: unit(more),
            build: unit(more << 32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_keeps_their_device() {
        let users = Users::new(1, 60.0);
        let (first, again) = (users.pick(0, 0, 0.3), users.pick(0, 0, 0.3));
        assert_eq!((first.number, first.device), (again.number, again.device));
        assert_ne!(first.number, users.pick(1, 0, 0.3).number);
    }

    #[test]
    fn a_tenth_of_the_users_ask_more_than_a_fifth() {
        let users = Users::new(1, 600.0);
        let pool = users.pools[0];
        let asked = (0..10_000).filter(|at| {
            let user = users.pick(0, 0, f64::from(*at) / 10_000.0);
            f64::from(user.number - pool.first) < pool.size / 10.0
        });
        let share = asked.count() as f64 / 10_000.0;
        assert!((0.2..0.3).contains(&share), "{share}");
    }
}
