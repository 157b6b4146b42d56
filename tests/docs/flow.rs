//! The upgrade as a picture in text: one line a phase, first and second side by side.
use hau::{
    core::{Kind, Turn},
    steps,
};

pub(crate) const BEGIN: &str =
    "<!-- flow: made from src/steps/mod.rs, compared by tests/docs.rs -->";
pub(crate) const END: &str = "<!-- /flow -->";

/// Steps of one line; more go on below.
const IN_A_LINE: usize = 5;

pub(crate) fn upgrade() -> String {
    let mut out = format!(
        "\n```\n{:<16}{:<42}{}\n",
        "phase", "first (BACKUP)", "second (MASTER)"
    );
    for (phase, rows) in steps::table(Kind::Upgrade) {
        let side = |wanted: Turn| -> Vec<String> {
            let names = rows.iter().filter(|(turn, _)| *turn == wanted);
            let names: Vec<&str> = names.map(|(_, def)| def.name).collect();
            let lines = names.chunks(IN_A_LINE);
            let last = lines.len();
            let ends = |n: usize| if n + 1 < last { " →" } else { "" };
            lines
                .enumerate()
                .map(|(n, line)| line.join(" → ") + ends(n))
                .collect()
        };
        let (first, second) = (side(Turn::First), side(Turn::Second));
        for n in 0..first.len().max(second.len()) {
            let phase = if n == 0 { phase } else { "" };
            let cell = |lines: &[String]| lines.get(n).cloned().unwrap_or_default();
            let line = format!("{phase:<16}{:<42}{}", cell(&first), cell(&second));
            out += &format!("{}\n", line.trim_end());
        }
    }
    out + "```\n\n"
}
