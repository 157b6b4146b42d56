//! How many whole rollouts without faults one core simulates a second: the cost of the core and of
//! the step table, as nothing else is done. Writes target/bench/simulation.json.
#[path = "../tests/sim/model/mod.rs"]
#[allow(dead_code, reason = "the tests use more of the model than this does")]
mod model;

use hau::core::RolloutResult;
use model::{End, Options, run};
use std::time::Duration;

/// Time this process has spent on a core: other processes take none of it.
fn used() -> Result<Duration, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/schedstat")?;
    let ns = stat.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(ns))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rollouts = 0_u64;
    while used()? < Duration::from_secs(5) {
        for seed in rollouts..rollouts + 100 {
            let options = Options {
                seed,
                has_faults: false,
                goes_back: false,
                takes_back: false,
                fast: false,
                mutant: None,
                is_logged: false,
            };
            let end = run(options).map_err(|broken| broken.how)?;
            assert_eq!(end, End::Ended(RolloutResult::Succeeded), "seed {seed}");
        }
        rollouts += 100;
    }
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_s = (rollouts as f64 / used()?.as_secs_f64()).round();
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let report = serde_json::json!({
        "rollouts_per_s": per_s,
        "measured": jiff::Timestamp::now().to_string(),
        "machine": cpu.unwrap_or("unknown"),
    });
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join("simulation.json"), format!("{report:#}\n"))?;
    println!("{report:#}");
    Ok(())
}
