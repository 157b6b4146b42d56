//! From the words and tones of `render` to lines of a terminal.
use crate::render::{Cell, Look, Tone};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

/// Without colours bold and dim remain: they are none.
fn style(tone: Tone, look: &Look) -> Style {
    let (color, modifier) = match tone {
        Tone::Plain => (None, Modifier::empty()),
        Tone::Strong => (None, Modifier::BOLD),
        Tone::Faint => (None, Modifier::DIM),
        Tone::Good => (Some(Color::Green), Modifier::empty()),
        Tone::Warn => (Some(Color::Yellow), Modifier::empty()),
        Tone::Bad => (Some(Color::Red), Modifier::BOLD),
        Tone::Live => (Some(Color::Cyan), Modifier::empty()),
    };
    let style = Style::new().add_modifier(modifier);
    match color.filter(|_| look.color) {
        Some(color) => style.fg(color),
        None => style,
    }
}

pub(super) fn span(tone: Tone, text: impl Into<String>, look: &Look) -> Span<'static> {
    Span::styled(text.into(), style(tone, look))
}

pub(super) fn line(tone: Tone, text: impl Into<String>, look: &Look) -> Line<'static> {
    Line::from(span(tone, text, look))
}

/// Cells beside one another, each cut to its column; two spaces between them.
pub(super) fn beside(cells: &[Cell], widths: &[usize], look: &Look) -> Line<'static> {
    let mut spans = Vec::new();
    for (cell, width) in cells.iter().zip(widths) {
        let text = span(cell.tone, look.cut(&cell.text, *width), look);
        let pad = (width + 2).saturating_sub(text.width());
        spans.extend([text, Span::raw(" ".repeat(pad))]);
    }
    Line::from(spans)
}

/// A line across the screen, with what stands below it.
pub(super) fn rule(title: &str, look: &Look) -> Line<'static> {
    let dash = look.dash();
    let title = match title {
        "" => String::new(),
        title => format!("{} {title} ", dash.repeat(2)),
    };
    let title = look.cut(&title, look.width);
    let title = span(Tone::Faint, title, look);
    let rest = look.width.saturating_sub(title.width());
    Line::from(vec![title, span(Tone::Faint, dash.repeat(rest), look)])
}
