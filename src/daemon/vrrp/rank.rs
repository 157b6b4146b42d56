//! Which weight stands for where a node ranks, also while the arithmetic has no answer.
use crate::core;
use crate::keepalived::levels::{LOWEST, Levels};

/// What to write; None: what is there stays. `levels`: None while the other node's numbers are not
/// known or do not fit. `now`: what the file says.
pub(super) fn value(levels: Option<&Levels>, band: core::Band, now: Option<i32>) -> Option<i32> {
    if let Some(levels) = levels {
        return Some(levels.shown(band));
    }
    match band {
        // The configured priority needs no arithmetic: installing hau moves nothing. A lower weight than that,
        // unless it says that nobody knows, may be what a journal that is gone knew.
        core::Band::Normal if now.is_none_or(|now| now > 0 || now == LOWEST) => Some(0),
        // Power was lost before a lower weight was on disk, and the journal knows better.
        core::Band::Upgrading if now.is_none_or(|now| now >= 0) => Some(LOWEST),
        core::Band::Normal | core::Band::Upgrading | core::Band::Away | core::Band::Draining => {
            None
        }
        core::Band::Raised | core::Band::Fault => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{LOWEST, Levels, value};
    use crate::core::Band::{Away, Draining, Fault, Normal, Raised, Upgrading};
    use crate::keepalived::levels::{FAULT, NodeWeights};

    #[test]
    fn a_known_pair_has_a_weight_for_every_rank() {
        let (a, b) = (NodeWeights { base: 110 }, NodeWeights { base: 100 });
        let levels = Levels::compute(a, b, -40).unwrap();
        let weights = [Normal, Away, Draining, Upgrading].map(|b| value(Some(&levels), b, None));
        assert!(weights.is_sorted_by(|x, y| x > y), "{weights:?}");
        assert_eq!(weights[0], Some(0));
        assert_eq!(value(Some(&levels), Raised, None), Some(144));
        assert_eq!(value(Some(&levels), Fault, None), Some(FAULT));
    }

    #[test]
    fn without_the_other_node_a_half_upgraded_one_never_shows_its_full_priority() {
        for full in [None, Some(0), Some(144)] {
            assert_eq!(value(None, Upgrading, full), Some(LOWEST));
        }
        assert_eq!(value(None, Upgrading, Some(-57)), None, "low enough");
    }

    #[test]
    fn without_the_other_node_nothing_else_moves() {
        assert_eq!(value(None, Normal, None), Some(0));
        assert_eq!(value(None, Normal, Some(144)), Some(0));
        for now in [Some(0), Some(-57)] {
            assert_eq!(value(None, Normal, now), None);
        }
        assert_eq!(
            value(None, Normal, Some(LOWEST)),
            Some(0),
            "installed just now"
        );
        for now in [None, Some(0), Some(-57)] {
            assert_eq!(value(None, Away, now), None);
            assert_eq!(value(None, Draining, now), None);
            assert_eq!(value(None, Raised, now), None);
            assert_eq!(value(None, Fault, now), None);
        }
    }
}
