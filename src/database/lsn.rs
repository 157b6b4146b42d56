//! A place in the write-ahead log, as PostgreSQL and those that descend from it write it: two hexadecimal halves, "16/B374D848".
use super::{DatabaseResult, refusal};
use std::fmt;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lsn(pub(super) u64);

/// Where a server stood, as it travels from node to node: "16/B374D848 on timeline 3". The same place on a later timeline
/// is another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) lsn: Lsn,
    /// 0: not known.
    pub(super) timeline: u32,
}

const ON: &str = " on timeline ";

impl Position {
    pub(super) fn parse(text: &str) -> DatabaseResult<Self> {
        let (lsn, timeline) = text.split_once(ON).unwrap_or((text, "0"));
        let read = Lsn::read(lsn).zip(timeline.parse().ok());
        let (lsn, timeline) = read.ok_or_else(|| {
            refusal(
                format!("\"{text}\" is not a position in a write-ahead log"),
                "a position looks like 16/B374D848 on timeline 3",
            )
        })?;
        Ok(Self { lsn, timeline })
    }

    /// Did a server on `timeline` go on from a promotion that this place does not know of?
    pub(super) fn is_left_behind(self, timeline: u32) -> bool {
        self.timeline != 0 && timeline > self.timeline
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{ON}{}", self.lsn, self.timeline)
    }
}

impl Lsn {
    /// The first place behind this one: replayed as soon as the record that begins here is.
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let (high, low) = text.trim().split_once('/')?;
        Some(Self((half(high)? << 32) | half(low)?))
    }
}

fn half(text: &str) -> Option<u64> {
    // from_str_radix takes a sign, a position has none.
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    let value = u32::from_str_radix(text, 16).ok()?;
    digits.then_some(u64::from(value))
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_and_written_as_postgresql_does() {
        for text in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "0/5000028"] {
            assert_eq!(Lsn::read(text).unwrap().to_string(), text);
        }
        assert_eq!(Lsn::read("1/0").unwrap(), Lsn(1 << 32));
        assert!(Lsn::read("1/0").unwrap() > Lsn::read("0/FFFFFFFF").unwrap());
    }

    #[test]
    fn a_position_is_one_of_its_timeline() {
        let position = Position::parse("16/B374D848 on timeline 3").unwrap();
        assert_eq!(position.to_string(), "16/B374D848 on timeline 3");
        assert!(position.is_left_behind(4) && !position.is_left_behind(3));
        // As an older version of hau wrote it.
        let old = Position::parse("16/B374D848").unwrap();
        assert!(!old.is_left_behind(9));
        for text in [
            "",
            " on timeline 3",
            "0/1 on timeline ",
            "0/1 on timeline x",
        ] {
            assert!(Position::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "/",
            "1",
            "1/",
            "/1",
            "1/+2",
            "-1/2",
            "100000000/0",
            "x/1",
        ] {
            assert!(Lsn::read(text).is_none(), "{text}");
        }
    }
}
