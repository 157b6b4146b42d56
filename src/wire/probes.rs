//! What the requests through the VIP came to during a switchover, as time went on; and the report that has it.
use super::{Audit, Rollout};
use serde::{Deserialize, Serialize};

/// Slices at most; beyond that two become one.
const MOST: usize = 200;
const FIRST_SLICE_MS: u64 = 50;

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// The node that asked.
    pub node: String,
    /// Milliseconds since the epoch: where the first slice begins.
    pub begun_ms: u64,
    /// How long a slice is.
    pub slice_ms: u64,
    pub slices: Vec<Slice>,
}

/// The requests that were begun in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    pub probes: u32,
    pub failed: u32,
    /// Of those answered, together.
    pub answered_ms: u64,
    /// Of those answered, the slowest.
    pub slowest_ms: u64,
}

/// `GET /v1/probes/NUMBER-NODE`, after the rollout's number and the node it was asked on: what was measured in it, oldest
/// first; empty where nothing was, or where it is not kept any more.
pub type Measured = Vec<Probes>;

/// One rollout with what was measured in it, and by whom it was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    #[serde(flatten)]
    pub rollout: Rollout,
    pub measured: Measured,
    /// Who did what, of both nodes' audit trails; empty: they cannot be read.
    #[serde(default)]
    pub done_by: Audit,
}

impl Probes {
    pub fn new(node: String, begun_ms: u64) -> Self {
        Self {
            node,
            begun_ms,
            slice_ms: FIRST_SLICE_MS,
            slices: Vec::new(),
        }
    }

    /// A request that was begun `at_ms` after the first slice began. `answered_ms`: None, it failed.
    pub fn take(&mut self, at_ms: u64, answered_ms: Option<u64>) {
        while at_ms / self.slice_ms >= MOST as u64 {
            self.slices = self.slices.chunks(2).map(Slice::together).collect();
            self.slice_ms *= 2;
        }
        let n = usize::try_from(at_ms / self.slice_ms).unwrap_or(MOST - 1);
        if self.slices.len() <= n {
            self.slices.resize_with(n + 1, Slice::default);
        }
        let one = Slice {
            probes: 1,
            failed: u32::from(answered_ms.is_none()),
            answered_ms: answered_ms.unwrap_or(0),
            slowest_ms: answered_ms.unwrap_or(0),
        };
        self.slices[n] = Slice::together(&[self.slices[n], one]);
    }

    /// Of what another node sent: is it one that `take` has made?
    pub fn is_sound(&self) -> bool {
        self.slice_ms > 0 && self.slice_ms < 1 << 40 && self.slices.len() <= MOST
    }

    /// How long it went on.
    pub fn whole_ms(&self) -> u64 {
        self.slice_ms * self.slices.len() as u64
    }
}

impl Slice {
    pub fn together(slices: &[Self]) -> Self {
        slices.iter().fold(Self::default(), |a, b| Self {
            probes: a.probes.saturating_add(b.probes),
            failed: a.failed.saturating_add(b.failed),
            answered_ms: a.answered_ms.saturating_add(b.answered_ms),
            slowest_ms: a.slowest_ms.max(b.slowest_ms),
        })
    }

    /// Of those answered; None: none was.
    pub fn mean_ms(&self) -> Option<u64> {
        let answered = self.probes.saturating_sub(self.failed);
        self.answered_ms.checked_div(u64::from(answered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_long_it_goes_on_nothing_is_lost_and_it_stays_small() {
        let mut probes = Probes::new("a".to_owned(), 0);
        for n in 0..50_000 {
            probes.take(
                n * 20,
                (n != 7).then_some(if n == 40_000 { 900 } else { 2 }),
            );
        }
        assert!(probes.slices.len() <= MOST && probes.whole_ms() >= 1_000_000);
        let all = Slice::together(&probes.slices);
        assert_eq!((all.probes, all.failed, all.slowest_ms), (50_000, 1, 900));
        assert_eq!(all.answered_ms, 49_998 * 2 + 900);
        let slow = probes.slices.iter().position(|s| s.slowest_ms == 900);
        assert_eq!(slow.map(|n| n as u64), Some(800_000 / probes.slice_ms));
        assert_eq!(probes.slices[0].failed, 1);
    }

    #[test]
    fn a_slice_without_an_answer_has_no_mean() {
        let mut probes = Probes::new("a".to_owned(), 0);
        probes.take(0, None);
        probes.take(110, Some(4));
        probes.take(111, Some(8));
        let means: Vec<_> = probes.slices.iter().map(Slice::mean_ms).collect();
        assert_eq!(means, [None, None, Some(6)]);
    }

    #[test]
    fn a_clock_that_jumps_costs_no_memory() {
        let mut probes = Probes::new("a".to_owned(), 0);
        probes.take(5, Some(1));
        probes.take(u64::MAX / 4, Some(1));
        assert!(probes.slices.len() <= MOST);
    }
}
