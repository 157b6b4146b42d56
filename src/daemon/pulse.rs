//! For how long nothing could be written to the database while its primary moved. The old primary writes a beat every 20 ms;
//! the standby notes when the last one came, and when it has written its own: both by one clock.
use super::run::{Run, Runs};
use super::site::Site;
use crate::database::{Beat, Database};
use std::{
    thread,
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Pulse(Runs<Seen>);

#[derive(Default)]
struct Seen {
    /// What it holds; None: none was there.
    last: Option<Option<String>>,
    /// When it came. One that was there at the first look did not come.
    came: Option<Instant>,
    gap: Option<Duration>,
}

impl Pulse {
    /// Begins a measurement anew, or ends it.
    pub(super) fn beat(&self, site: &Site, wanted: bool) {
        if let Some(run) = self.0.turn(wanted)
            && let Some(database) = site.database.get().cloned()
        {
            thread::spawn(move || go(&run, &*database));
        }
    }

    /// In the last measurement, on the node that became primary.
    pub(super) fn gap_ms(&self) -> Option<u64> {
        let gap = self.0.last()?.seen().gap?;
        u64::try_from(gap.as_millis()).ok()
    }
}

fn go(run: &Run<Seen>, database: &dyn Database) {
    let mut line = None;
    while run.goes_on() {
        let begun = Instant::now();
        if line.is_none() {
            line = match database.pulse(LIMIT) {
                Ok(line) => Some(line),
                Err(e) if e.transient => None,
                // This kind has none.
                Err(e) => return tracing::debug!("{}", e.what),
            };
        }
        match line.as_mut().map(|line| line.beat(LIMIT)) {
            Some(Ok(beat)) => run.seen().take(beat, Instant::now()),
            // Its server has stopped, or its role has changed: another connection finds out.
            Some(Err(_)) => line = None,
            None => {}
        }
        thread::sleep(EVERY.saturating_sub(begun.elapsed()));
    }
}

impl Seen {
    fn take(&mut self, beat: Beat, now: Instant) {
        match (beat, self.came) {
            (Beat::Written, Some(came)) => self.gap = self.gap.or(Some(now - came)),
            (Beat::Written, None) => {}
            (Beat::Seen(last), _) => {
                let is_first = self.last.is_none();
                if self.last.as_ref() != Some(&last) {
                    self.last = Some(last);
                    self.came = (!is_first).then_some(now);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beats with the time of each, in ms: what was seen as a number, what was written as None.
    fn gap(beats: &[(u64, Option<u8>)]) -> Option<u128> {
        let (start, mut seen) = (Instant::now(), Seen::default());
        for (ms, beat) in beats {
            let beat = match beat {
                Some(number) => Beat::Seen(Some(number.to_string())),
                None => Beat::Written,
            };
            seen.take(beat, start + Duration::from_millis(*ms));
        }
        seen.gap.map(|gap| gap.as_millis())
    }

    #[test]
    fn the_gap_is_from_the_last_one_that_came_to_the_first_written_here() {
        let moved = [
            (0, Some(1)),
            (20, Some(2)),
            (40, Some(3)),
            (60, Some(3)),
            (140, None),
            (160, None),
        ];
        assert_eq!(gap(&moved), Some(100));
    }

    #[test]
    fn without_one_that_came_nothing_is_known() {
        assert_eq!(
            gap(&[(0, None), (20, None)]),
            None,
            "where it was written all along"
        );
        assert_eq!(
            gap(&[(0, Some(1)), (20, Some(1)), (90, None)]),
            None,
            "an old one that was there"
        );
    }
}
