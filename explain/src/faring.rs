//! How the requests of groups fared on either side, and how those who came after would have fared before.
//!
//! Who came of a group matters as much as how many: a group that is all the traffic to one region has fast devices in it and
//! slow ones. So the requests that came of each leaf are given the mean that the leaf had before: direct standardization, as
//! of rates of mortality by age. Leaves that are new are rare ones, and those may fare otherwise than what is common; by the
//! argument of Good and Turing (1953) they are as those of the group that were seen once before.

/// Requests before and after, and the sums of what is averaged.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Fared {
    pub(crate) requests: [f64; 2],
    pub(crate) sums: [f64; 2],
}

/// A group before and after: its requests and their mean; `None` where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct GroupMean {
    pub(crate) requests: [f64; 2],
    pub(crate) means: [Option<f64>; 2],
    /// `None` where a side has no requests.
    pub(crate) as_before: Option<AsBefore>,
}

/// How those of a group who came after would have fared, each as its leaf did before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AsBefore {
    pub(crate) mean: f64,
    /// How much their leaves differ.
    pub(crate) variance: f64,
    /// The mean is as sure as that of so many requests.
    pub(crate) requests: f64,
}

impl Fared {
    pub(crate) fn add(&mut self, other: &Self) {
        for side in [0, 1] {
            self.requests[side] += other.requests[side];
            self.sums[side] += other.sums[side];
        }
    }

    /// `None` where there are no requests.
    pub(crate) fn mean(&self, side: usize) -> Option<f64> {
        (self.requests[side] > 0.0).then(|| self.sums[side] / self.requests[side])
    }
}

/// The groups of leaves, each of which comes with the number of its group.
pub(crate) fn group_means(groups: usize, leaves: &[(usize, Fared)]) -> Vec<GroupMean> {
    let mut all = vec![Fared::default(); groups];
    leaves.iter().for_each(|(group, own)| all[*group].add(own));
    let mut once = vec![Fared::default(); groups];
    leaves.iter().filter(|(_, own)| own.requests[0] == 1.0).for_each(|(group, own)| once[*group].add(own));
    let like_new = |group: usize| if once[group].requests[0] > 0.0 { &once[group] } else { &all[group] };
    let mut came = vec![Came::default(); groups];
    for (group, own) in leaves.iter().filter(|(_, own)| own.requests[1] > 0.0) {
        came[*group].add(own, like_new(*group));
    }
    let group = |(number, all): (usize, &Fared)| GroupMean {
        requests: all.requests,
        means: [all.mean(0), all.mean(1)],
        as_before: all
            .requests
            .iter()
            .all(|&requests| requests > 0.0)
            .then(|| came[number].as_before(all.requests[1], like_new(number).requests[0])),
    };
    all.iter().enumerate().map(group).collect()
}

/// Sums over those of a group who came after.
#[derive(Debug, Clone, Copy, Default)]
struct Came {
    /// Of the means of their leaves before, and of the squares of these.
    means: f64,
    squares: f64,
    /// Of the squares of how many came, by how many there were before.
    unsure: f64,
    /// How many came whose leaf is new.
    new: f64,
}

impl Came {
    fn add(&mut self, own: &Fared, like_new: &Fared) {
        let [before, after] = own.requests;
        let Some(mean) = own.mean(0).or(like_new.mean(0)) else { return };
        self.means += after * mean;
        self.squares += after * mean * mean;
        if before > 0.0 {
            self.unsure += after * after / before;
        } else {
            self.new += after;
        }
    }

    fn as_before(&self, after: f64, like_new: f64) -> AsBefore {
        let mean = self.means / after;
        AsBefore {
            mean,
            variance: (self.squares / after - mean * mean).max(0.0),
            requests: after * after / (self.unsure + self.new * self.new / like_new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaves_file::draws::Draws;

    fn leaf(group: usize, before: f64, bad_before: f64, after: f64, bad_after: f64) -> (usize, Fared) {
        (group, Fared { requests: [before, after], sums: [bad_before, bad_after] })
    }

    #[test]
    fn each_who_came_is_given_the_mean_of_its_like_before() {
        let leaves = [
            leaf(1, 100.0, 10.0, 30.0, 9.0),
            leaf(1, 300.0, 90.0, 10.0, 1.0),
            leaf(0, 50.0, 5.0, 0.0, 0.0),
            // Nobody came of it before, nor once of any other: as its group.
            leaf(1, 0.0, 0.0, 10.0, 10.0),
        ];
        let [gone, stayed] = group_means(2, &leaves)[..] else { unreachable!("two groups") };
        assert_eq!(gone, GroupMean { requests: [50.0, 0.0], means: [Some(0.1), None], as_before: None });
        assert_eq!((stayed.requests, stayed.means), ([400.0, 50.0], [Some(0.25), Some(0.4)]));
        let AsBefore { mean, variance, requests } = stayed.as_before.unwrap();
        assert!((mean - (30.0 * 0.1 + 10.0 * 0.3 + 10.0 * 0.25) / 50.0).abs() < 1e-12, "{mean}");
        let squares = (30.0 * 0.01 + 10.0 * 0.09 + 10.0 * 0.0625) / 50.0;
        assert!((variance - (squares - mean * mean)).abs() < 1e-12, "{variance}");
        assert!((requests - 2500.0 / (900.0 / 100.0 + 100.0 / 300.0 + 100.0 / 400.0)).abs() < 1e-9, "{requests}");
    }

    #[test]
    fn what_is_new_is_like_what_was_seen_once() {
        let leaves = [
            leaf(0, 97.0, 9.0, 10.0, 0.0),
            leaf(0, 1.0, 1.0, 0.0, 0.0),
            leaf(0, 1.0, 0.0, 0.0, 0.0),
            leaf(0, 1.0, 1.0, 0.0, 0.0),
            leaf(0, 0.0, 0.0, 5.0, 0.0),
        ];
        let AsBefore { mean, requests, .. } = group_means(1, &leaves)[0].as_before.unwrap();
        assert!((mean - (10.0 * 9.0 / 97.0 + 5.0 * 2.0 / 3.0) / 15.0).abs() < 1e-12, "{mean}");
        assert!((requests - 225.0 / (100.0 / 97.0 + 25.0 / 3.0)).abs() < 1e-9, "{requests}");
    }

    /// Of many kinds the rare ones fail more. Who comes is the same on either side, so nothing of the move is who came, but
    /// for chance.
    #[test]
    fn kinds_of_which_few_come_pull_to_neither_side() {
        let mut draws = Draws::new(11);
        let kinds: Vec<(f64, f64)> =
            (1..=3_000).map(|at| (1.0 / f64::from(at), if at > 300 { 0.4 } else { 0.1 })).collect();
        let (mut moved, mut moved_if_as_all) = (0.0, 0.0);
        for _ in 0..40 {
            let mut drawn = |expected: f64, share: f64| {
                let came = draws.poisson(expected);
                let bad = (0..came as u32).filter(|_| draws.part() < share).count();
                (came, bad as f64)
            };
            let leaves = kinds.iter().map(|&(often, share)| {
                let (before, after) = (drawn(700.0 * often, share), drawn(100.0 * often, share));
                leaf(0, before.0, before.1, after.0, after.1)
            });
            let leaves: Vec<_> = leaves.collect();
            let group = group_means(1, &leaves)[0];
            let (usual, as_before) = (group.means[0].unwrap(), group.as_before.unwrap());
            moved += (as_before.mean - usual) / 40.0;
            let new: f64 =
                leaves.iter().filter(|(_, own)| own.requests[0] == 0.0).map(|(_, own)| own.requests[1]).sum();
            let once: Vec<_> = leaves.iter().filter(|(_, own)| own.requests[0] == 1.0).collect();
            let of_once = once.iter().map(|(_, own)| own.sums[0]).sum::<f64>() / once.len() as f64;
            moved_if_as_all += (as_before.mean + new / group.requests[1] * (usual - of_once) - usual) / 40.0;
        }
        assert!(moved.abs() < 0.004, "{moved}");
        assert!(moved_if_as_all < -0.015, "{moved_if_as_all}");
    }

    #[test]
    fn where_the_same_come_they_are_as_sure_as_they_were() {
        let leaves = [leaf(0, 70.0, 7.0, 10.0, 1.0), leaf(0, 14.0, 7.0, 2.0, 0.0)];
        let AsBefore { mean, requests, .. } = group_means(1, &leaves)[0].as_before.unwrap();
        assert!((mean - 14.0 / 84.0).abs() < 1e-12 && (requests - 84.0).abs() < 1e-9, "{mean} {requests}");
    }
}
