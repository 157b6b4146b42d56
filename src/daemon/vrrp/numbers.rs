//! The numbers that weights are made of, as the running keepalived has them: its file may have been
//! edited since it read it, and counts from its next reload on.
use super::conf::Conf;
use crate::keepalived::dump::InstanceDump;
use std::{collections::BTreeSet, net::IpAddr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) priority: i32,
    pub(super) check_weight: Option<i32>,
    pub(super) vips: BTreeSet<IpAddr>,
}

impl Numbers {
    pub(super) fn written(conf: &Conf) -> Self {
        Self {
            priority: conf.instance.priority,
            check_weight: conf.check.as_ref().map(|(_, weight)| *weight),
            vips: conf.vips.iter().map(|vip| vip.addr).collect(),
        }
    }

    /// None: the dump does not tell. `check`: the script as the file has it.
    /// `partners`: the other members of its sync group.
    pub(super) fn running(
        dump: &InstanceDump,
        partners: impl Iterator<Item = InstanceDump>,
        check: Option<&(String, i32)>,
    ) -> Option<Self> {
        let (mut is_whole, mut vips) = (dump.is_whole, dump.vips.clone());
        for partner in partners {
            is_whole &= partner.is_whole;
            vips.extend(partner.vips);
        }
        let tracked = |(name, written): &(String, i32)| {
            let found = dump.track_scripts.iter().find(|(n, _)| n == name);
            // Not every version lists it.
            found.map_or(*written, |(_, weight)| *weight)
        };
        is_whole.then_some(Self {
            priority: dump.priority?,
            check_weight: check.map(tracked),
            vips: vips.into_iter().collect(),
        })
    }

    /// What differs, for people.
    pub(super) fn differences(&self, written: &Self) -> Vec<String> {
        let mut told = Vec::new();
        if self.priority != written.priority {
            told.push(format!(
                "priority {} there, {} here",
                written.priority, self.priority
            ));
        }
        if self.check_weight != written.check_weight {
            let number = |w: Option<i32>| w.map_or("none".to_owned(), |w| w.to_string());
            told.push(format!(
                "weight of the check {} there, {} here",
                number(written.check_weight),
                number(self.check_weight)
            ));
        }
        let addresses = self.vips.symmetric_difference(&written.vips);
        told.extend(addresses.map(|vip| format!("{vip} on one side only")));
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keepalived::dump;

    fn running(check: &(String, i32)) -> Numbers {
        let dump = include_str!("../../../tests/data/keepalived-2.2.7.data");
        let web = dump::instance(dump, "web").unwrap();
        Numbers::running(&web, std::iter::empty(), Some(check)).unwrap()
    }

    #[test]
    fn what_moves_with_it_is_told_with_it() {
        let told = include_str!("../../../tests/data/keepalived-2.2.7.data");
        let [web, other] = ["web", "other"].map(|name| dump::instance(told, name).unwrap());
        let numbers = Numbers::running(&web, [other.clone()].into_iter(), None).unwrap();
        assert_eq!((numbers.priority, numbers.vips.len()), (110, 2));
        let cut = dump::InstanceDump {
            is_whole: false,
            ..other
        };
        assert_eq!(Numbers::running(&web, [cut].into_iter(), None), None);
    }

    #[test]
    fn the_running_keepalived_tells_priority_check_and_addresses() {
        let numbers = running(&("hau_check".into(), -7));
        assert_eq!((numbers.priority, numbers.check_weight), (110, Some(-40)));
        assert_eq!(
            numbers.vips,
            BTreeSet::from(["10.99.7.100".parse().unwrap()])
        );
        let other = running(&("renamed".into(), -7));
        assert_eq!(
            other.check_weight,
            Some(-7),
            "what is not told is as it is written"
        );
    }

    #[test]
    fn what_was_edited_is_named() {
        let old = running(&("hau_check".into(), -40));
        assert_eq!(old.differences(&old), Vec::<String>::new());
        let mut new = old.clone();
        (new.priority, new.check_weight) = (120, None);
        new.vips.insert("10.99.7.102".parse().unwrap());
        let told = old.differences(&new);
        assert_eq!(
            told,
            [
                "priority 120 there, 110 here",
                "weight of the check none there, -40 here",
                "10.99.7.102 on one side only"
            ]
        );
    }
}
