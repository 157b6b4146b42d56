//! What users can have noticed of a switchover, as it was measured through the VIP, and what the database noticed.
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Counts and times of one measurement. It travels as the sentence in the note of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downtime {
    /// Requests made.
    pub probes: u32,
    pub failed: u32,
    /// The longest time without any answer.
    pub gap_ms: u64,
    /// The slowest answer.
    pub slowest_ms: u64,
    /// For how long nothing could be written to the database; None: not measured.
    pub write_gap_ms: Option<u64>,
}

/// Where a measurement stands that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probing {
    pub probes: u32,
    pub failed: u32,
    /// The longest time without any answer so far.
    pub gap_ms: u64,
    /// How long the last one to end took.
    pub last_ms: u64,
    pub last_good: bool,
}

impl Downtime {
    pub fn gap(&self) -> Duration {
        Duration::from_millis(self.gap_ms)
    }

    /// Reads it from a note that begins with it.
    pub fn read(note: &str) -> Option<Self> {
        let mut numbers = note
            .split(|c: char| !c.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .map(|part| part.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let (gap_ms, slowest_ms, failed, probes) = (next()?, next()?, next()?, next()?);
        let told = |write_gap_ms| {
            let told = Self {
                probes: u32::try_from(probes).ok()?,
                failed: u32::try_from(failed).ok()?,
                gap_ms,
                slowest_ms,
                write_gap_ms,
            };
            note.starts_with(&told.to_string()).then_some(told)
        };
        next()
            .and_then(|gap| told(Some(gap)))
            .or_else(|| told(None))
    }
}

impl fmt::Display for Downtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            probes,
            failed,
            gap_ms,
            slowest_ms,
            write_gap_ms,
        } = self;
        write!(
            f,
            "at most {gap_ms} ms without an answer, the slowest took {slowest_ms} ms, {failed} of {probes} probes failed"
        )?;
        match write_gap_ms {
            Some(gap) => write!(f, ", nothing could be written for {gap} ms"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_told_and_from_nothing_else() {
        let told = Downtime {
            probes: 201,
            failed: 3,
            gap_ms: 187,
            slowest_ms: 203,
            write_gap_ms: None,
        };
        let with_writes = Downtime {
            write_gap_ms: Some(96),
            ..told
        };
        assert_eq!(Downtime::read(&with_writes.to_string()), Some(with_writes));
        assert_eq!(told.gap(), Duration::from_millis(187));
        assert_eq!(Downtime::read(&told.to_string()), Some(told));
        assert_eq!(Downtime::read(&format!("{told}; and more 7")), Some(told));
        for other in ["", "confirmed by root: 1 2 3 4", "at most 5 ms"] {
            assert_eq!(Downtime::read(other), None, "{other}");
        }
    }
}
