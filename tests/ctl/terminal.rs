//! The live view on a real terminal: what stands on it, what keys do, and that it is given back whatever happens.
use super::daemon::{Daemon, Routes, ok};
use super::{rollout, started, status};
use nix::{
    pty::{Winsize, openpty},
    sys::signal::{Signal, kill},
    sys::termios::{LocalFlags, tcgetattr},
    unistd::Pid,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    num::NonZero,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

const SIZE: (u16, u16) = (24, 80);

struct Terminal {
    keys: File,
    /// The end that programs see.
    line: OwnedFd,
    seen: Arc<Mutex<vt100::Parser>>,
    child: Child,
}

impl Terminal {
    fn run(command: Command) -> Self {
        Self::start(command, "xterm", true)
    }

    fn start(mut command: Command, term: &str, stdin: bool) -> Self {
        let (rows, columns) = SIZE;
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).expect("a terminal");
        let end = || pty.slave.try_clone().expect("cloned");
        command.stdout(end()).stderr(end()).env("TERM", term);
        command.stdin(if stdin { end().into() } else { Stdio::null() });
        let child = command.spawn().expect("it runs");
        let [high, wide] = [rows, columns].map(|n| NonZero::new(n).expect("not 0"));
        let seen = Arc::new(Mutex::new(vt100::Parser::new(high, wide, 100)));
        let mut master = File::from(pty.master.try_clone().expect("cloned"));
        let parser = seen.clone();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = master.read(&mut bytes) {
                parser.lock().expect("nobody panicked").process(&bytes[..n]);
            }
        });
        Self {
            keys: File::from(pty.master),
            line: pty.slave,
            seen,
            child,
        }
    }

    fn screen(&self) -> vt100::Screen {
        self.seen.lock().expect("nobody panicked").screen().clone()
    }

    fn wait(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let begun = Instant::now();
        while !holds(&self.screen()) {
            let text = self.screen().contents();
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}:\n{text}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn shows(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("typed");
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("sent");
    }

    /// Waits for its end; the terminal is as it was.
    fn ends(&mut self) -> ExitStatus {
        let status = self.child.wait().expect("it ends");
        self.wait("the terminal is given back", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor()
        });
        let flags = tcgetattr(&self.line).expect("a terminal").local_flags;
        let cooked = LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG;
        assert!(flags.contains(cooked), "{flags:?}");
        status
    }
}

fn at_work() -> Value {
    status(rollout(7, "a", Value::Null, json!("started")))
}

fn going_on() -> Daemon {
    Daemon::new(BTreeMap::from([
        ("POST /v1/orders", vec![ok(json!({ "rollout": 7 }))]),
        ("GET /v1/status", vec![at_work()]),
    ]))
}

#[test]
fn the_view_goes_away_at_the_end_and_the_summary_stays() {
    let mut looks = vec![status(Value::Null)];
    looks.extend(std::iter::repeat_n(at_work(), 8));
    looks.push(status(rollout(7, "a", json!("succeeded"), json!("done"))));
    let daemon = Daemon::new(BTreeMap::from([
        ("POST /v1/rollouts", vec![started()]),
        ("GET /v1/status", looks),
    ]));
    let mut terminal = Terminal::run(daemon.command(&["upgrade", "x.hau"]));
    terminal.shows("▶ precheck");
    assert!(terminal.screen().alternate_screen());
    assert_eq!(terminal.ends().code(), Some(0));
    terminal.shows("✔ upgrade 7: 1.0.0 → 1.1.0 succeeded in");
    assert!(!terminal.screen().contents().contains("? help"));
}

#[test]
fn who_leaves_gets_the_terminal_back() {
    let daemon = going_on();
    for keys in ["q", "\x03"] {
        let mut terminal = Terminal::run(daemon.command(&["watch"]));
        terminal.shows("▶ precheck");
        terminal.types("?");
        terminal.shows("these keys");
        terminal.types(keys);
        assert_eq!(terminal.ends().code(), Some(130), "{keys:?}");
    }
    let mut terminal = Terminal::run(daemon.command(&["retry"]));
    terminal.shows("▶ precheck");
    terminal.types("q");
    assert_eq!(terminal.ends().code(), Some(130));
    terminal.shows("hau-ctl: detached; rollout 7 goes on");
}

#[test]
fn a_signal_gives_the_terminal_back_and_does_what_it_does() {
    let daemon = going_on();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let mut terminal = Terminal::run(daemon.command(&["watch"]));
        terminal.shows("▶ precheck");
        terminal.signal(signal);
        let status = terminal.ends();
        let detached = signal == Signal::SIGINT;
        let ends = (status.code(), status.signal());
        let wanted = match detached {
            true => (Some(130), None),
            false => (None, Some(signal as i32)),
        };
        assert_eq!(ends, wanted);
    }
}

#[test]
fn an_abort_is_the_order_that_the_verb_gives() {
    let daemon = going_on();
    let mut terminal = Terminal::run(daemon.command(&["watch"]));
    terminal.shows("▶ precheck");
    terminal.types("a");
    terminal.shows("Give up upgrade 7: 1.0.0 → 1.1.0?");
    terminal.types("y");
    terminal.shows("ordered: what was begun is taken back");
    terminal.types("ar太晚了\ry");
    let orders = |daemon: &Daemon| {
        let asked = daemon.asked();
        let orders = asked.into_iter().filter(|one| one.contains("/v1/orders"));
        orders.collect::<Vec<_>>()
    };
    terminal.wait("both orders", |_| orders(&daemon).len() == 2);
    assert_eq!(
        orders(&daemon),
        [
            r#"POST /v1/orders {"order":"abort","reason":"given up in the live view"}"#,
            r#"POST /v1/orders {"order":"abort","reason":"太晚了"}"#,
        ]
    );
    terminal.types("q");
    assert_eq!(terminal.ends().code(), Some(130));
}

#[test]
fn what_is_refused_is_said_and_so_is_a_daemon_that_is_gone() {
    let daemon = Daemon::new(Routes::from([("GET /v1/status", vec![at_work()])]));
    let mut terminal = Terminal::run(daemon.command(&["watch"]));
    terminal.shows("▶ precheck");
    terminal.types("ay");
    terminal.shows("not given up: there is no such route. do this");
    std::fs::remove_file(daemon.socket()).expect("there");
    terminal.shows("no daemon answers");
    terminal.shows("▶ precheck");
    terminal.types("q");
    assert_eq!(terminal.ends().code(), Some(130));
}

/// `ssh -T`, `nohup`, CI: nobody can press a key. And a terminal that can do nothing.
#[test]
fn without_keys_or_with_a_dumb_terminal_there_are_lines() {
    let daemon = going_on();
    let start = |term, stdin| Terminal::start(daemon.command(&["watch"]), term, stdin);
    for mut terminal in [start("xterm", false), start("dumb", true)] {
        terminal.shows("b precheck begins");
        assert!(!terminal.screen().alternate_screen());
        let flags = tcgetattr(&terminal.line).expect("a terminal").local_flags;
        assert!(flags.contains(LocalFlags::ICANON));
        terminal.signal(Signal::SIGINT);
        assert_eq!(terminal.ends().code(), Some(130));
    }
}
