//! Both nodes: side by side in a table, or one above the other where there is no room for it.
use super::paint::{beside, line};
use crate::render::{self, Look, Tone};
use crate::wire::Status;
use ratatui::text::Line;

/// The columns of the screen: what a line is about, and the two nodes.
pub(super) fn columns(look: &Look) -> [usize; 3] {
    const ABOUT: usize = 15;
    const WIDEST: usize = 60;
    let side = look.width.saturating_sub(ABOUT + 5) / 2;
    [ABOUT, side.min(WIDEST), side.min(WIDEST)]
}

pub(super) fn side_by_side(s: &Status, names: &[&str], look: &Look) -> Vec<Line<'static>> {
    let columns = columns(look);
    let facts = render::nodes(s, names, look.lang);
    let lines = facts.iter().map(|facts| beside(facts, &columns, look));
    lines.collect()
}

pub(super) fn one_above_the_other(s: &Status, names: &[&str], look: &Look) -> Vec<Line<'static>> {
    let facts = render::nodes(s, names, look.lang);
    let own = [words!("VRRP"), words!("database"), words!("services")];
    let own = own.map(|word| look.lang.say(word));
    let mut lines = Vec::new();
    for n in 1..=names.len() {
        let mut cells = facts.iter().filter_map(|line| line.get(n));
        let head = cells.next().map_or("", |head| &head.text);
        let said = facts.iter().skip(1).filter_map(|line| {
            let text = &line.get(n)?.text;
            // What stands for itself needs no name.
            Some(match line.first()?.text.as_str() {
                about if own.contains(&about) => text.clone(),
                about => format!("{about} {text}"),
            })
        });
        let said: Vec<String> = said.filter(|text| text != "-").collect();
        let worst = cells.map(|cell| cell.tone).find(|tone| *tone == Tone::Bad);
        let text = render::wrap(
            &format!("{head}  "),
            &said.join(look.lang.say(words!(", "))),
            look.width,
        );
        let tone = worst.unwrap_or(Tone::Plain);
        lines.extend(text.into_iter().map(|text| line(tone, text, look)));
    }
    lines
}
