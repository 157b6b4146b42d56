//! The arithmetic of weights: which effective priority a node shows keepalived in which condition.
//!
//! Rule "lower only": the VIP's home keeps its configured priority, so installing hau moves nothing; every other
//! condition is a lower number. Both nodes compute the same four numbers from the same three (two base priorities, the
//! weight of the check), without talking to each other.

use crate::core::{self, RAISED};
use serde::{Deserialize, Serialize};

/// The value in the tracked file that puts an instance into FAULT (with keepalived `weight 1`).
pub const FAULT: i32 = -254;
/// The lowest value that is still only a priority.
pub const LOWEST: i32 = -253;
/// Effective priorities hau allows itself: keepalived clamps to 1…254, and two clamped nodes would be equal.
const RANGE: std::ops::RangeInclusive<i32> = 2..=253;
/// The home of the VIP is ahead of the other by this much.
const LEAD: i32 = 10;

/// In what condition a node is, as far as the VIP is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Healthy, and the VIP's home (or nothing special is going on).
    Normal,
    /// Healthy, and the VIP's home is the other node.
    Away,
    /// Gives the VIP away; its services still answer.
    Draining,
    /// Its services are down on purpose.
    Upgrading,
}

impl Band {
    pub const ALL: [Self; 4] = [Self::Normal, Self::Away, Self::Draining, Self::Upgrading];
}

/// A node's numbers in keepalived.conf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeWeights {
    /// `priority` of the instance, 1…255.
    pub base: i32,
}

/// Why no weights fit; the sentence says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelsError {
    #[error("both nodes have priority {base}: make them differ by {LEAD}, for example 110 and 100")]
    Equal { base: i32 },
    #[error("priority {base} leaves no room: choose one from {} to {}, for example 110 and 100", RANGE.start(), RANGE.end())]
    Base { base: i32 },
    #[error(
        "the check's weight is {weight}: it must be negative, at least -{least} with these priorities"
    )]
    CheckSign { weight: i32, least: i32 },
    #[error(
        "the check's weight -{check} is too small for priorities {high} and {low}: make the check weight at least -{least}"
    )]
    CheckTooSmall {
        check: i32,
        high: i32,
        low: i32,
        least: i32,
    },
    #[error(
        "the check's weight -{check} is too large for priorities {high} and {low}: make the check weight at most -{most}"
    )]
    CheckTooLarge {
        check: i32,
        high: i32,
        low: i32,
        most: i32,
    },
    #[error(
        "with check weight -{check} there is no room below priorities {high} and {low}: raise the base priorities to at least {to_high} and {to_low}"
    )]
    TooLow {
        check: i32,
        high: i32,
        low: i32,
        to_high: i32,
        to_low: i32,
    },
    #[error("the base priorities are {apart} apart; with check weight -{check} at most {most} fits, for example {} and {}", example.0, example.1)]
    TooFarApart {
        apart: i32,
        check: i32,
        most: i32,
        example: (i32, i32),
    },
    #[error("no priorities fit a check weight of -{check}: use -40 with priorities 110 and 100")]
    NothingFits { check: i32 },
}

/// What one node shows in each band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    base: i32,
    check: i32,
    away: i32,
    draining: i32,
    upgrading: i32,
}

impl Levels {
    /// Levels of the node with `own` numbers beside a node with base priority `other`. `check_weight` is the
    /// (negative) weight of the check script, the same on both nodes.
    ///
    /// # Errors
    /// When no weights can hold all promises of [`Levels`]; the error says what to change.
    pub fn compute(
        own: NodeWeights,
        other: NodeWeights,
        check_weight: i32,
    ) -> Result<Self, LevelsError> {
        let (high, low) = (own.base.max(other.base), own.base.min(other.base));
        for base in [high, low] {
            if !RANGE.contains(&base) {
                return Err(LevelsError::Base { base });
            }
        }
        if high == low {
            return Err(LevelsError::Equal { base: high });
        }
        let check = -check_weight;
        if check <= 0 {
            let least = least_check(high, low, 0).unwrap_or(recommended().2.abs());
            return Err(LevelsError::CheckSign {
                weight: check_weight,
                least,
            });
        }
        let (h, l) = fit(high, low, check).ok_or_else(|| remedy(high, low, check))?;
        let lower = if own.base == high { h } else { l };
        Ok(Self {
            base: own.base,
            check,
            away: away(own.base, other.base),
            draining: lower.draining,
            upgrading: lower.upgrading,
        })
    }

    /// The effective priority in `band` while the check succeeds, 2…253.
    #[must_use]
    pub fn effective(&self, band: Band) -> i32 {
        match band {
            Band::Normal => self.base,
            Band::Away => self.away,
            Band::Draining => self.draining,
            Band::Upgrading => self.upgrading,
        }
    }

    /// The effective priority in `band` while the check fails.
    #[must_use]
    pub fn failing(&self, band: Band) -> i32 {
        self.effective(band) - self.check
    }

    /// What to write into the tracked file for `band`; never above 0.
    #[must_use]
    pub fn weight(&self, band: Band) -> i32 {
        self.effective(band) - self.base
    }

    /// What to write for the fast hand-off: raises the new node to 254, above everything.
    #[must_use]
    pub fn raise(&self) -> i32 {
        RAISED - self.base
    }

    /// What to write where the core says that this node ranks.
    #[must_use]
    pub fn shown(&self, rank: core::Band) -> i32 {
        match rank {
            core::Band::Normal => self.weight(Band::Normal),
            core::Band::Away => self.weight(Band::Away),
            core::Band::Draining => self.weight(Band::Draining),
            core::Band::Upgrading => self.weight(Band::Upgrading),
            core::Band::Raised => self.raise(),
            core::Band::Fault => FAULT,
        }
    }

    /// The band whose weight is `value`, if any: what a file left by an earlier run meant.
    #[must_use]
    pub fn band_of(&self, value: i32) -> Option<Band> {
        Band::ALL.into_iter().find(|b| self.weight(*b) == value)
    }
}

/// Base priorities and check weight the project documents: (high, low, check weight).
#[must_use]
pub fn recommended() -> (i32, i32, i32) {
    (110, 100, -40)
}

/// The two levels below the healthy ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lower {
    draining: i32,
    upgrading: i32,
}

fn away(own: i32, other: i32) -> i32 {
    own.min(other - LEAD)
}

/// The lower levels of the high and the low node, or nothing when none hold all demands.
///
/// Draining lies as near as possible to the middle between the other node's healthy and unhealthy levels (room for the rounding of
/// other trackers), Upgrading as low as possible.
fn fit(high: i32, low: i32, check: i32) -> Option<(Lower, Lower)> {
    let (high_away, low_away) = (away(high, low), away(low, high));
    // an unhealthy home is below a healthy other node whichever is home, with room for draining between them, and for
    // upgrading below: said first because the searches for a remedy ask it a thousand times
    if high - check + 1 >= high_away || 2 * check + RANGE.start() >= high_away {
        return None;
    }
    let with_failing =
        |v: &[i32]| -> Vec<i32> { v.iter().flat_map(|x| [*x, *x - check]).collect() };
    let mut of_high = with_failing(&[high, high_away]);
    let mut of_low = with_failing(&[low, low_away]);

    // the low node's ranges are the narrower ones, so it chooses first
    let draining_low = pick(middle_out(high - check + 1, high_away - 1), check, &of_high)?;
    of_low.extend(with_failing(&[draining_low]));
    let draining_high = pick(middle_out(low - check + 1, low_away - 1), check, &of_low)?;
    of_high.extend(with_failing(&[draining_high]));
    let upgrading_low = pick(check + RANGE.start()..high_away - check, check, &of_high)?;
    of_low.extend(with_failing(&[upgrading_low]));
    let upgrading_high = pick(check + RANGE.start()..low_away - check, check, &of_low)?;
    Some((
        Lower {
            draining: draining_high,
            upgrading: upgrading_high,
        },
        Lower {
            draining: draining_low,
            upgrading: upgrading_low,
        },
    ))
}

/// The first level that, healthy or failing, is in range and equals none of the other node's.
fn pick(mut from: impl Iterator<Item = i32>, check: i32, taken: &[i32]) -> Option<i32> {
    from.find(|v| {
        *v - check >= *RANGE.start() && !taken.contains(v) && !taken.contains(&(v - check))
    })
}

/// `first..=last` from its middle outwards.
fn middle_out(first: i32, last: i32) -> impl Iterator<Item = i32> {
    let middle = i32::midpoint(first, last);
    (0..=(last - first).max(-1) + 1)
        .flat_map(move |d| [middle + d, middle - d])
        .filter(move |v| (first..=last).contains(v))
}

fn least_check(high: i32, low: i32, above: i32) -> Option<i32> {
    (above + 1..=*RANGE.end()).find(|c| fit(high, low, *c).is_some())
}

/// The smallest change that helps: the check's weight, then both priorities, then their distance.
fn remedy(high: i32, low: i32, check: i32) -> LevelsError {
    if let Some(least) = least_check(high, low, check) {
        return LevelsError::CheckTooSmall {
            check,
            high,
            low,
            least,
        };
    }
    if let Some(up) = (1..=RANGE.end() - high).find(|up| fit(high + up, low + up, check).is_some())
    {
        return LevelsError::TooLow {
            check,
            high,
            low,
            to_high: high + up,
            to_low: low + up,
        };
    }
    if let Some(most) = (1..check).rev().find(|c| fit(high, low, *c).is_some()) {
        return LevelsError::CheckTooLarge {
            check,
            high,
            low,
            most,
        };
    }
    let widest = (1..high - low).rev().find_map(|apart| {
        // higher bases only add room: what does not fit at the top fits nowhere
        let bases = |low: &i32| fit(low + apart, *low, check).is_some();
        Some(RANGE.end() - apart).filter(bases)?;
        let low = (*RANGE.start()..=RANGE.end() - apart).find(bases)?;
        Some((apart, (low + apart, low)))
    });
    match widest {
        Some((most, example)) => LevelsError::TooFarApart {
            apart: high - low,
            check,
            most,
            example,
        },
        None => LevelsError::NothingFits { check },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Band::{Away, Draining, Normal, Upgrading};

    fn pair(a: i32, b: i32, weight: i32) -> Result<[Levels; 2], LevelsError> {
        let (a, b) = (NodeWeights { base: a }, NodeWeights { base: b });
        Ok([
            Levels::compute(a, b, weight)?,
            Levels::compute(b, a, weight)?,
        ])
    }

    /// Every demand of the module's head, for node `n` beside node `m`.
    fn demands(n: &Levels, m: &Levels) -> Result<(), String> {
        let mut want = Vec::with_capacity(64);
        for healthy in [Normal, Away] {
            want.push((
                n.effective(healthy) > m.effective(Draining),
                "healthy over draining",
            ));
            want.push((
                m.effective(Draining) > n.failing(healthy),
                "draining over unhealthy",
            ));
            want.push((
                n.failing(healthy) > m.effective(Upgrading),
                "unhealthy over upgrading",
            ));
        }
        want.push((n.effective(Normal) >= m.effective(Away) + 10, "home ahead"));
        want.push((
            n.failing(Normal) < m.effective(Away),
            "unhealthy home below",
        ));
        want.push((n.weight(Normal) == 0, "home keeps its base"));
        for band in Band::ALL {
            for value in [n.effective(band), n.failing(band)] {
                want.push(((2..=253).contains(&value), "in range"));
                want.push((
                    Band::ALL
                        .iter()
                        .all(|o| m.effective(*o) != value && m.failing(*o) != value || n == m),
                    "never equal",
                ));
            }
            want.push(((LOWEST..=0).contains(&n.weight(band)), "lower only"));
        }
        match want.iter().find(|(ok, _)| !ok) {
            Some((_, what)) => Err((*what).to_owned()),
            None => Ok(()),
        }
    }

    #[test]
    fn the_documented_default_works() {
        let (high, low, weight) = recommended();
        assert_eq!((high, low, weight), (110, 100, -40));
        let [a, b] = pair(high, low, weight).unwrap();
        demands(&a, &b).unwrap();
        demands(&b, &a).unwrap();
        let show = |l: &Levels| Band::ALL.map(|b| l.effective(b));
        assert_eq!(show(&a), [110, 90, 81, 43]);
        assert_eq!(show(&b), [100, 100, 80, 42]);
        assert_eq!(a.weight(Away), -20);
        assert_eq!(a.raise(), 144);
        assert_eq!(b.band_of(-20), Some(Draining));
        assert_eq!(a.band_of(5), None);
    }

    /// All pairs of priorities with every check weight: all demands hold, or an error comes.
    #[test]
    fn all_numbers_hold_every_demand_or_are_refused() {
        let mut fitting = 0u32;
        for high in 1..=254 {
            for low in 1..high {
                for check in 1..=254 {
                    if !RANGE.contains(&low)
                        || !RANGE.contains(&high)
                        || fit(high, low, check).is_none()
                    {
                        continue;
                    }
                    let [a, b] = pair(high, low, -check).unwrap();
                    let held = demands(&a, &b).and_then(|()| demands(&b, &a));
                    assert_eq!(held, Ok(()), "{high} {low} -{check}: {a:?} {b:?}");
                    fitting += 1;
                }
            }
        }
        assert!(fitting > 100_000, "{fitting}");
    }

    /// The search must not refuse what a complete search finds.
    #[test]
    fn what_is_refused_cannot_be_done() {
        // the edges: one unit to each side of what just fits
        for (high, low, check) in [
            (110, 100, 21),
            (110, 100, 22),
            (101, 91, 40),
            (102, 92, 40),
            (103, 93, 40),
            (200, 199, 12),
            (200, 199, 13),
            (30, 28, 13),
            (42, 40, 14),
        ] {
            let exists = exhaustive(high, low, check);
            assert_eq!(
                fit(high, low, check).is_some(),
                exists,
                "{high} {low} {check}"
            );
        }
    }

    fn exhaustive(high: i32, low: i32, check: i32) -> bool {
        let level = |base, away, draining, upgrading| Levels {
            base,
            check,
            away,
            draining,
            upgrading,
        };
        let (ha, la) = (away(high, low), away(low, high));
        let draining = |b: i32, o: i32| (b - check..o).collect::<Vec<_>>();
        for dh in draining(low, la) {
            for dl in draining(high, ha) {
                for uh in 2 + check..la - check {
                    for ul in 2 + check..ha - check {
                        if dh == dl || uh == ul {
                            continue;
                        }
                        let (a, b) = (level(high, ha, dh, uh), level(low, la, dl, ul));
                        if demands(&a, &b).is_ok() && demands(&b, &a).is_ok() {
                            return true;
                        }
                    }
                }
            }
        }
        false
    }

    #[test]
    fn each_remedy_works_when_followed() {
        let (mut small, mut large, mut low_bases, mut apart_seen) = (0, 0, 0, 0);
        for high in (2..=253).step_by(17) {
            for low in (2..high).step_by(11) {
                for check in (1..=250).step_by(13) {
                    match pair(high, low, -check) {
                        Ok(_) => {}
                        Err(LevelsError::CheckTooSmall { least, .. }) => {
                            small += 1;
                            pair(high, low, -least).unwrap();
                            assert!(least > check);
                        }
                        Err(LevelsError::CheckTooLarge { most, .. }) => {
                            large += 1;
                            pair(high, low, -most).unwrap();
                        }
                        Err(LevelsError::TooLow {
                            to_high, to_low, ..
                        }) => {
                            low_bases += 1;
                            pair(to_high, to_low, -check).unwrap();
                            assert_eq!(to_high - to_low, high - low);
                        }
                        Err(LevelsError::TooFarApart {
                            apart,
                            most,
                            example: (h, l),
                            ..
                        }) => {
                            apart_seen += 1;
                            assert!(apart > most && h - l == most);
                            pair(h, l, -check).unwrap();
                        }
                        Err(LevelsError::NothingFits { check }) => {
                            assert!((2..=253).all(|b| fit(b, b - 1, check).is_none()))
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        }
        assert!(
            small > 0 && large > 0 && low_bases > 0 && apart_seen > 0,
            "{small} {large} {low_bases} {apart_seen}"
        );
    }

    #[test]
    fn errors_say_what_to_change() {
        let says = |a, b, w| pair(a, b, w).unwrap_err().to_string();
        assert_eq!(
            says(100, 100, -40),
            "both nodes have priority 100: make them differ by 10, for example 110 and 100"
        );
        assert!(says(255, 100, -40).starts_with("priority 255 leaves no room"));
        assert!(
            says(110, 100, 0).ends_with("it must be negative, at least -22 with these priorities"),
            "{}",
            says(110, 100, 0)
        );
        assert!(
            says(110, 100, -15).ends_with("make the check weight at least -22"),
            "{}",
            says(110, 100, -15)
        );
        assert!(
            says(60, 50, -40).contains("raise the base priorities to at least"),
            "{}",
            says(60, 50, -40)
        );
        assert!(
            says(250, 100, -40).contains("the base priorities are 150 apart"),
            "{}",
            says(250, 100, -40)
        );
    }

    /// How far apart two nodes may be at all; SPEC and the documentation name this figure.
    #[test]
    fn the_widest_distance() {
        let widest = (1..=251)
            .filter(|apart| (1..=252).any(|c| fit(253, 253 - apart, c).is_some()))
            .max();
        assert_eq!(widest, Some(72));
    }
}
