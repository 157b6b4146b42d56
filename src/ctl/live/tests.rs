//! Pictures as text, at the size of a terminal, of a large one and of one that is too narrow; and what keys do.
use super::state::{Act, Open, State};
use super::view::{Scene, draw};
use crate::core::{Closed, Direction, Fetching, Probing, Problem, RowState, VrrpState};
use crate::render::scenes::{as_told, halted, idle, midway, peer_lost, succeeded, until};
use crate::render::{Look, lines};
use crate::wire::{Outcome, Rollout, Row, Status, Stopped};
use crate::words::Lang;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend};
use unicode_width::UnicodeWidthStr;

const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
    lang: Lang::En,
};
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (60, 20)];

fn picture(s: &Status, state: &State, log: &[String], (w, h): (u16, u16), look: Look) -> String {
    let mut terminal = Terminal::new(TestBackend::new(w, h)).unwrap();
    let goes_on = |r: &&Rollout| matches!(r.result, None | Some(Outcome::Halted));
    let scene = Scene {
        status: Some(s),
        rollout: s.rollout.as_ref().filter(goes_on),
        state,
        log,
        away: None,
        look,
    };
    terminal.draw(|frame| draw(frame, &scene)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..h {
        let mut line = String::new();
        // What lies below the second half of a wide sign is not seen.
        while line.width() < usize::from(w) {
            let x = u16::try_from(line.width()).unwrap();
            line.push_str(buffer[(x, y)].symbol());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn shown(name: &str, s: &Status, state: &State) {
    let log = lines(None, s, &LOOK);
    for size in SIZES {
        let name = format!("{name}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, picture(s, state, &log, size, LOOK));
    }
}

fn opened(open: Open) -> State {
    State {
        open,
        ..State::default()
    }
}

/// The VIP is on its way, and a row takes longer than it did.
fn switching() -> Status {
    let mut s = idle();
    let mut r = until("b", "receive_vip");
    let row = r
        .rows
        .iter_mut()
        .find(|row| row.state == Some(RowState::Started));
    let row = row.unwrap();
    (row.elapsed_ms, row.expected_ms, row.limit_ms) = (Some(3_400), Some(2_600), 30_000);
    for row in r.rows.iter_mut().filter(|row| row.state.is_none()) {
        row.expected_ms = Some(1_000);
    }
    r.next = "receive_vip on node b".to_owned();
    s.rollout = Some(r);
    let b = s.nodes.get_mut("b").unwrap();
    b.version = Some("1.1.0".to_owned());
    (b.vrrp, b.has_vip) = (VrrpState::Master, true);
    b.probing = Some(Probing {
        probes: 412,
        failed: 0,
        gap_ms: 31,
        last_ms: 12,
        last_good: true,
    });
    let a = s.nodes.get_mut("a").unwrap();
    (a.vrrp, a.has_vip) = (VrrpState::Backup, false);
    (a.weight, a.effective_priority) = (Some(-60), Some(90));
    s
}

#[test]
fn nothing_goes_on() {
    shown("idle", &idle(), &State::default());
}

#[test]
fn an_upgrade_in_mid_phase() {
    shown("midway", &midway(), &State::default());
}

#[test]
fn halted_with_a_remedy() {
    shown("halted", &halted(), &State::default());
}

#[test]
fn a_switch_moves_the_vip() {
    shown("switching", &switching(), &State::default());
}

/// What takes its turn is no stop, and what took less than a second is told without figures.
#[test]
fn what_is_ordinary_is_not_told_as_odd() {
    let mut s = midway();
    let r = s.rollout.as_mut().unwrap();
    r.stopped_by = Some(Stopped::Gate {
        node: "a".to_owned(),
        step: "keep_vip".to_owned(),
        closed: Closed::Waiting(7),
        says: "waits for soak on node b".to_owned(),
    });
    let at_work = |row: &&mut Row| row.state == Some(RowState::Started);
    let row = r.rows.iter_mut().find(at_work).unwrap();
    (row.elapsed_ms, row.expected_ms) = (Some(600), Some(30));
    let seen = |s: &Status| picture(s, &State::default(), &[], (80, 24), LOOK);
    let text = seen(&s);
    assert!(
        !text.contains("stopped") && text.contains("usually a moment"),
        "{text}"
    );
    let r = s.rollout.as_mut().unwrap();
    r.rows.iter_mut().find(at_work).unwrap().elapsed_ms = Some(1_600);
    assert!(seen(&s).contains("longer than the moment"), "{text}");
}

#[test]
fn the_other_node_is_not_heard() {
    shown("peer_lost", &peer_lost(), &State::default());
}

#[test]
fn help() {
    shown("help", &midway(), &opened(Open::Help));
}

#[test]
fn details_of_what_failed_and_of_what_a_person_chose() {
    shown("details", &halted(), &opened(Open::Details));
    let mut s = switching();
    let r = s.rollout.as_mut().unwrap();
    let row = r.rows.iter_mut().find(|row| row.step == "backup");
    row.unwrap().note =
        "数据库备份完成：12 个文件，共 4 GiB，校验和已读回 backup_20261121_020000".to_owned();
    let chosen = r.rows.iter().position(|row| row.step == "backup");
    let state = State {
        chosen,
        ..opened(Open::Details)
    };
    shown("details_chosen", &s, &state);
}

#[test]
fn the_question_before_an_abort() {
    let question = |reason: &str, typing| {
        let reason = reason.to_owned();
        opened(Open::Abort { reason, typing })
    };
    shown("abort", &midway(), &question("", false));
    let mut s = switching();
    s.rollout = Some(until("a", "start"));
    shown("abort_past_the_barrier", &s, &question("太晚了", true));
}

#[test]
fn the_log() {
    shown("log", &halted(), &opened(Open::Log));
}

#[test]
fn in_chinese() {
    let zh = Look {
        lang: Lang::Zh,
        ..LOOK
    };
    let draw = |name: &str, s: &Status, open: Open, size| {
        let log = lines(None, s, &zh);
        insta::assert_snapshot!(name, picture(s, &opened(open), &log, size, zh));
    };
    let small = (80, 24);
    draw("zh_idle_80x24", &idle(), Open::Nothing, small);
    draw("zh_midway_80x24", &as_told(midway()), Open::Nothing, small);
    draw(
        "zh_midway_60x20",
        &as_told(midway()),
        Open::Nothing,
        (60, 20),
    );
    draw("zh_halted_80x24", &as_told(halted()), Open::Nothing, small);
    draw("zh_details_80x24", &as_told(halted()), Open::Details, small);
    draw("zh_help_80x24", &midway(), Open::Help, small);
    draw("zh_log_80x24", &as_told(halted()), Open::Log, small);
    let reason = String::new();
    let typing = false;
    let abort = Open::Abort { reason, typing };
    draw("zh_abort_80x24", &midway(), abort, small);
}

/// Whatever the size, and whatever is open: no panic, and the last line says how to get out, or as much of it as fits.
#[test]
fn every_size_has_a_picture() {
    let scenes = [
        idle(),
        midway(),
        halted(),
        peer_lost(),
        switching(),
        succeeded(),
    ];
    let zh = Look {
        lang: Lang::Zh,
        ..LOOK
    };
    for (s, look) in scenes.iter().flat_map(|s| [(s, LOOK), (s, zh)]) {
        let log = lines(None, s, &look);
        for open in [
            Open::Nothing,
            Open::Details,
            Open::Log,
            Open::Help,
            Open::Abort {
                reason: String::new(),
                typing: false,
            },
        ] {
            let state = opened(open);
            for w in [1, 2, 7, 20, 39, 40, 59, 71, 72, 73, 90] {
                for h in [1, 2, 3, 5, 8, 13, 19, 20, 34] {
                    let text = picture(s, &state, &log, (w, h), look);
                    let last = text.lines().last().unwrap_or_default();
                    assert!(!last.trim().is_empty(), "{w}x{h}\n{text}");
                }
            }
        }
    }
}

/// The row at work, or that failed, is in sight wherever it is in the plan.
#[test]
fn what_goes_on_is_in_sight() {
    for row in crate::render::scenes::rows() {
        let mut s = midway();
        s.rollout = Some(until(&row.node, &row.step));
        for (size, name) in [((80, 24), ""), ((60, 20), &*format!("{} ", row.node))] {
            let text = picture(&s, &State::default(), &[], size, LOOK);
            let at_work = format!("▶ {name}{}", row.step);
            assert!(text.contains(&at_work), "{at_work} in\n{text}");
        }
    }
}

/// Beside a row at work, and where there is no rollout: `hau-ctl stage`.
#[test]
fn a_bundle_on_its_way_is_in_sight() {
    let fetching = Fetching {
        have: 50 << 20,
        of: 480 << 20,
        here: 0,
    };
    for mut s in [midway(), idle()] {
        s.nodes.get_mut("b").unwrap().fetching = Some(fetching);
        let text = picture(&s, &State::default(), &[], (80, 24), LOOK);
        assert!(text.contains("b has 50 MiB of 480 MiB"), "{text}");
    }
}

#[test]
fn signs_only_where_they_are_understood() {
    let ascii = Look {
        unicode: false,
        ..LOOK
    };
    for s in [midway(), halted(), switching(), idle()] {
        for open in [Open::Nothing, Open::Details, Open::Help] {
            let text = picture(&s, &opened(open), &[], (80, 24), ascii);
            assert!(text.is_ascii(), "{text}");
        }
    }
}

/// What programs and people say is text: nothing in it moves the cursor or changes a colour.
#[test]
fn notes_do_not_steer_the_terminal() {
    let mut s = halted();
    let r = s.rollout.as_mut().unwrap();
    let evil = "\u{1b}[2J\u{1b}]0;x\u{7}gone\r\n\u{9b}31m";
    r.reason = Some(evil.to_owned());
    for row in &mut r.rows {
        row.note = evil.to_owned();
        row.problem = Some(Problem {
            what: evil.to_owned(),
            remedy: evil.to_owned(),
        });
    }
    for open in [Open::Nothing, Open::Details] {
        let text = picture(&s, &opened(open), &[evil.to_owned()], (80, 24), LOOK);
        let control = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "{text}");
    }
}

/// No colour carries anything alone; without colours the text is the same.
#[test]
fn colours_move_nothing() {
    let coloured = Look {
        color: true,
        ..LOOK
    };
    for s in [midway(), halted(), peer_lost()] {
        let [a, b] =
            [LOOK, coloured].map(|look| picture(&s, &State::default(), &[], (80, 24), look));
        assert_eq!(a, b);
    }
}

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// Types it all; gives what the last key asks for.
fn typed(state: &mut State, text: &str, r: Option<&Rollout>) -> Act {
    let keys = text.chars().map(|c| match c {
        '\n' => KeyCode::Enter,
        '\x1b' => KeyCode::Esc,
        '\x08' => KeyCode::Backspace,
        '→' => KeyCode::Right,
        c => KeyCode::Char(c),
    });
    let mut act = Act::Nothing;
    for code in keys {
        act = state.press(key(code), r, Lang::En);
    }
    act
}

#[test]
fn an_abort_is_asked_about_and_only_y_gives_it() {
    let s = midway();
    let r = s.rollout.as_ref();
    for no in ["an", "a\x1b", "aa", "aq", "a ", "ad", "aY"] {
        let mut state = State::default();
        assert_eq!(typed(&mut state, no, r), Act::Nothing, "{no}");
        assert_eq!(state, State::default(), "{no}");
    }
    let mut state = State::default();
    assert_eq!(typed(&mut state, "y", r), Act::Nothing, "nothing was asked");
    assert_eq!(typed(&mut state, "ay", r), Act::GiveUp(String::new()));
    // A y within the reason is a letter of it.
    let act = typed(&mut state, "arvery layxyq\x08\x08\x08\x08te", r);
    assert_eq!(act, Act::Nothing);
    assert_eq!(
        typed(&mut state, "\ny", r),
        Act::GiveUp("very late".to_owned())
    );
    assert_eq!(
        typed(&mut state, "arwhy\x1by", r),
        Act::GiveUp(String::new())
    );
    let long = format!("ar{}\n", "y".repeat(500));
    typed(&mut state, &long, r);
    assert_eq!(typed(&mut state, "y", r), Act::GiveUp("y".repeat(200)));
}

#[test]
fn what_cannot_be_given_up_is_not_asked_about() {
    let mut back = midway();
    let r = back.rollout.as_mut().unwrap();
    r.mandate.direction = Direction::Back;
    for (s, why) in [
        (back, "already"),
        (succeeded(), "has ended"),
        (idle(), "no rollout"),
    ] {
        let mut state = State::default();
        assert_eq!(typed(&mut state, "ay", s.rollout.as_ref()), Act::Nothing);
        typed(&mut state, "a", s.rollout.as_ref());
        assert!(state.said.unwrap().contains(why), "{why}");
    }
}

#[test]
fn leaving() {
    let s = midway();
    let control = |code| KeyEvent::new(KeyCode::Char(code), KeyModifiers::CONTROL);
    for open in ["", "d", "l", "?", "a", "arq"] {
        let mut state = State::default();
        typed(&mut state, open, s.rollout.as_ref());
        let act = state.press(control('c'), s.rollout.as_ref(), Lang::En);
        assert_eq!(act, Act::Leave, "Ctrl-C with {open:?}");
        assert_eq!(state.press(control('a'), None, Lang::En), Act::Nothing);
    }
    for open in ["", "d", "l", "?"] {
        let mut state = State::default();
        typed(&mut state, open, None);
        assert_eq!(typed(&mut state, "q", None), Act::Leave);
    }
}

#[test]
fn the_same_key_closes_what_it_opened_and_esc_all() {
    let s = midway();
    let r = s.rollout.as_ref();
    for (open, is) in [("d", Open::Details), ("l", Open::Log), ("?", Open::Help)] {
        let mut state = State::default();
        typed(&mut state, open, r);
        assert_eq!(state.open, is);
        typed(&mut state, open, r);
        assert_eq!(state.open, Open::Nothing);
        typed(&mut state, &format!("{open}jj\x1b"), r);
        assert_eq!(state, State::default());
    }
    let mut state = State::default();
    typed(&mut state, "d", None);
    assert!(state.said.unwrap().contains("no rollout"));
}

#[test]
fn rows_are_chosen_along_a_node_and_across() {
    let r = midway().rollout.unwrap();
    let mut state = State::default();
    let at = |state: &State| {
        let row = &r.rows[state.row(&r).unwrap()];
        format!("{} {}", row.node, row.step)
    };
    assert_eq!(
        at(&state),
        "b start",
        "the row at work, until one is chosen"
    );
    for (keys, row) in [
        ("j", "b after_start"),
        ("k", "b start"),
        ("kkkkkkkkkkkkkkkkkkkkkkkkk", "b precheck"),
        ("→", "a precheck"),
        ("→j", "b pause_sync"),
        ("jjjjjjjj→", "a checkpoint"),
        ("\x1b", "b start"),
    ] {
        typed(&mut state, keys, Some(&r));
        assert_eq!(at(&state), row, "{keys}");
    }
    typed(&mut state, &"j".repeat(99), Some(&r));
    assert_eq!(at(&state), "b cleanup");
    // Another rollout came meanwhile, with fewer rows.
    let mut fewer = r.clone();
    fewer.rows.truncate(3);
    assert!(state.row(&fewer).unwrap() < 3);
    fewer.rows.clear();
    assert_eq!(state.row(&fewer), None);
    typed(&mut state, "jk→d", Some(&fewer));
}

#[test]
fn the_log_is_read_from_its_end_and_back() {
    let facts: Vec<String> = (0..40).map(|n| format!("[    {n:2}s] fact {n}")).collect();
    let s = midway();
    let mut state = opened(Open::Log);
    let sees = |state: &State, n: u32| {
        let text = picture(&s, state, &facts, (80, 24), LOOK);
        text.lines()
            .any(|line| line.ends_with(&format!("fact {n}")))
    };
    assert!(sees(&state, 39) && !sees(&state, 5));
    typed(&mut state, "kkk", s.rollout.as_ref());
    assert!(!sees(&state, 37) && sees(&state, 36));
    state.press(key(KeyCode::PageUp), None, Lang::En);
    typed(&mut state, &"k".repeat(99), None);
    assert!(sees(&state, 0));
    typed(&mut state, &"j".repeat(200), None);
    assert!(sees(&state, 39));
}
