//! What became of all requests: the figures (report.json), the acknowledged ids and the raw records.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::client::Record;

#[derive(Debug, PartialEq, Serialize)]
struct Report {
    requests: Requests,
    /// The same for each address that the clients used.
    targets: BTreeMap<String, Requests>,
    /// Longest time in which no request of any client finished successfully, from the first start to the last end.
    longest_gap_ms: f64,
    /// Reason → count.
    errors: BTreeMap<String, usize>,
    /// Unix time in milliseconds of the first request's start and of the last one's end.
    first_ms: Option<u128>,
    last_ms: Option<u128>,
    elapsed_ms: u128,
}

#[derive(Debug, PartialEq, Serialize)]
struct Requests {
    total: usize,
    failed: usize,
    worst_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Writes report.json last: where it stands, the other two are complete.
pub fn write(
    folder: &Path,
    mut records: Vec<Record>,
    began_at: SystemTime,
    elapsed: Duration,
) -> io::Result<()> {
    records.sort_by_key(|record| record.start);
    let mut acknowledged = BufWriter::new(File::create(folder.join("acknowledged.txt"))?);
    let mut requests = BufWriter::new(File::create(folder.join("requests.csv"))?);
    writeln!(requests, "start_us,latency_us,kind,outcome")?;
    for record in &records {
        let outcome = record
            .outcome
            .as_ref()
            .map_or_else(String::as_str, |()| "ok");
        writeln!(
            requests,
            "{},{},{},{outcome}",
            record.start.as_micros(),
            record.latency.as_micros(),
            record.kind.name()
        )?;
        if record.outcome.is_ok() {
            writeln!(acknowledged, "{}", record.id)?;
        }
    }
    acknowledged.flush()?;
    requests.flush()?;
    let report = summary(&records, began_at, elapsed);
    let part = folder.join("report.json.part");
    std::fs::write(&part, serde_json::to_string_pretty(&report)? + "\n")?;
    std::fs::rename(part, folder.join("report.json"))
}

/// `records` are sorted by start.
fn summary(records: &[Record], began_at: SystemTime, elapsed: Duration) -> Report {
    let mut errors = BTreeMap::new();
    for why in records
        .iter()
        .filter_map(|record| record.outcome.as_ref().err())
    {
        *errors.entry(why.clone()).or_insert(0) += 1;
    }
    let base = began_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let last = records
        .iter()
        .map(|record| record.start + record.latency)
        .max();
    let mut targets: BTreeMap<SocketAddr, Vec<&Record>> = BTreeMap::new();
    for record in records {
        targets.entry(record.target).or_default().push(record);
    }
    Report {
        requests: requests(&records.iter().collect::<Vec<_>>()),
        targets: targets
            .iter()
            .map(|(target, records)| (target.to_string(), requests(records)))
            .collect(),
        longest_gap_ms: millis(longest_gap(records)),
        errors,
        first_ms: records
            .first()
            .map(|record| (base + record.start).as_millis()),
        last_ms: last.map(|end| (base + end).as_millis()),
        elapsed_ms: elapsed.as_millis(),
    }
}

fn requests(records: &[&Record]) -> Requests {
    let mut latencies: Vec<Duration> = records.iter().map(|record| record.latency).collect();
    latencies.sort();
    Requests {
        total: records.len(),
        failed: records
            .iter()
            .filter(|record| record.outcome.is_err())
            .count(),
        worst_ms: millis(latencies.last().copied().unwrap_or_default()),
        p50_ms: millis(quantile(&latencies, 50)),
        p99_ms: millis(quantile(&latencies, 99)),
    }
}

fn longest_gap(records: &[Record]) -> Duration {
    let (Some(first), Some(last)) = (
        records.first(),
        records
            .iter()
            .map(|record| record.start + record.latency)
            .max(),
    ) else {
        return Duration::ZERO;
    };
    let good = records.iter().filter(|record| record.outcome.is_ok());
    let mut ends: Vec<Duration> = good.map(|record| record.start + record.latency).collect();
    ends.push(first.start);
    ends.push(last);
    ends.sort();
    ends.windows(2)
        .map(|pair| pair[1] - pair[0])
        .max()
        .unwrap_or_default()
}

/// Nearest rank.
fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Kind;

    fn record(start: u64, latency: u64, outcome: Result<(), &str>) -> Record {
        Record {
            id: format!("id{start}"),
            kind: Kind::New,
            target: SocketAddr::from(([10, 0, 0, 1], 80)),
            start: Duration::from_millis(start),
            latency: Duration::from_millis(latency),
            outcome: outcome.map_err(str::to_owned),
        }
    }

    #[test]
    fn figures() {
        let records = [
            record(0, 10, Ok(())),
            record(20, 900, Err("timed out")),
            record(30, 5, Ok(())),
            record(400, 20, Ok(())),
        ];
        let report = summary(&records, UNIX_EPOCH, Duration::from_secs(1));
        assert_eq!(
            report.requests,
            Requests {
                total: 4,
                failed: 1,
                worst_ms: 900.0,
                p50_ms: 10.0,
                p99_ms: 900.0
            }
        );
        assert_eq!(report.targets["10.0.0.1:80"], report.requests);
        // 420 (the last good end) to 920 (the end of the failed one)
        assert!((report.longest_gap_ms - 500.0).abs() < 1e-9);
        assert_eq!(report.errors, BTreeMap::from([("timed out".to_owned(), 1)]));
        assert_eq!((report.first_ms, report.last_ms), (Some(0), Some(920)));
    }

    #[test]
    fn nothing_sent_is_no_panic() {
        let report = summary(&[], UNIX_EPOCH, Duration::ZERO);
        assert_eq!((report.requests.total, report.first_ms), (0, None));
    }
}
