//! In which language hau-ctl speaks: the one asked for, else that of the locale; what travels is English.
use super::daemon::{Daemon, Ended, Routes, ended, failure};
use super::{json_lines, status};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CHINESE: [(&str, &str); 1] = [("LANG", "zh_CN.UTF-8")];

/// With no other locale than this.
fn said(daemon: &Daemon, args: &[&str], locale: &[(&str, &str)]) -> Ended {
    let mut command = daemon.command(args);
    command.env_remove("LANG").envs(locale.iter().copied());
    ended(command)
}

fn idle() -> Daemon {
    Daemon::new(BTreeMap::from([(
        "GET /v1/status",
        vec![status(Value::Null)],
    )]))
}

#[test]
fn the_locale_says_it_and_the_first_that_is_set_counts() {
    let daemon = idle();
    for (locale, is_chinese) in [
        (&[][..], false),
        (&[("LANG", "zh_CN.UTF-8")], true),
        (&[("LANG", "zh_CN.UTF-8"), ("LC_MESSAGES", "")], true),
        (
            &[("LANG", "zh_CN.UTF-8"), ("LC_MESSAGES", "en_US.UTF-8")],
            false,
        ),
        (
            &[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_TW.UTF-8")],
            true,
        ),
        (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C.UTF-8")], false),
        (&[("LANG", "C"), ("LC_ALL", "zh_CN.utf8")], true),
        // What the terminal cannot show.
        (&[("LANG", "zh_CN.GB18030")], false),
        (&[("LANG", "zh_CN")], false),
        (&[("LANG", "zh_CN.UTF-8"), ("LC_CTYPE", "C")], false),
    ] {
        let text = said(&daemon, &["status"], locale).out;
        assert_eq!(text.contains("优先级"), is_chinese, "{locale:?}\n{text}");
        assert_eq!(text.contains("priority"), !is_chinese, "{locale:?}\n{text}");
    }
}

#[test]
fn what_was_asked_for_counts_more() {
    let daemon = idle();
    let utf8 = [("LANG", "C.UTF-8")];
    assert!(
        said(&daemon, &["--lang", "zh", "status"], &utf8)
            .out
            .contains("优先级")
    );
    assert!(
        said(&daemon, &["status", "--lang=zh"], &utf8)
            .out
            .contains("优先级")
    );
    assert!(
        said(&daemon, &["status", "--lang=en"], &CHINESE)
            .out
            .contains("priority")
    );
    let ended = said(&daemon, &["status", "--lang", "zh"], &[]);
    assert!(
        ended.out.contains("priority") && ended.err.contains("UTF-8"),
        "{}",
        ended.err
    );
    let ended = said(&daemon, &["status", "--lang", "fr"], &utf8);
    assert!(
        ended.code == Some(2) && ended.err.contains("en or zh"),
        "{}",
        ended.err
    );
}

#[test]
fn json_is_english() {
    let daemon = idle();
    let json = said(&daemon, &["status", "--json", "--lang", "zh"], &CHINESE).out;
    assert_eq!(json, said(&daemon, &["status", "--json"], &[]).out);
    let json = said(&daemon, &["plan", "./none.hau", "--json"], &CHINESE).out;
    let error = &json_lines(&json)[0]["error"];
    assert_eq!(error["what"], json!("there is no bundle ./none.hau"));
}

#[test]
fn refusals_and_help_are_read_in_chinese() {
    let routes: Routes = BTreeMap::from([(
        "GET /v1/backups",
        vec![failure("FAILED", "see what it says, whatever that is")],
    )]);
    let daemon = Daemon::new(routes);
    let ended = said(&daemon, &["plan", "./none.hau"], &CHINESE);
    assert_eq!(
        ended.err,
        "hau-ctl: 没有升级包 ./none.hau\n  → 请给出 .hau 文件的路径\n"
    );
    let ended = said(&daemon, &["report"], &CHINESE);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    // What the daemon says in other words stays as it was said.
    let ended = said(&daemon, &["backup", "list"], &CHINESE);
    assert_eq!(
        ended.err,
        "hau-ctl: see what it says, whatever that is\n  → do this\n"
    );
    for args in [
        &["--help"][..],
        &["help"],
        &["upgrade", "-h"],
        &["help", "backup", "verify"],
    ] {
        let ended = said(&daemon, args, &CHINESE);
        assert_eq!(ended.code, Some(0), "{args:?}");
        assert!(
            ended.out.contains("用法：hau-ctl"),
            "{args:?}\n{}",
            ended.out
        );
        let ended = said(&daemon, &[args, &["--lang", "en"]].concat(), &CHINESE);
        let is_verb = args[0] == "help";
        assert!(
            is_verb || ended.out.contains("Usage: hau-ctl"),
            "{args:?}\n{}",
            ended.out
        );
    }
    let ended = said(&daemon, &["backup"], &CHINESE);
    assert!(
        ended.code == Some(2) && ended.err.contains("用法：hau-ctl backup"),
        "{}",
        ended.err
    );
    // The words of a mistake are clap's own.
    let ended = said(&daemon, &["upgrad"], &CHINESE);
    assert!(
        ended.code == Some(2) && ended.err.contains("unrecognized subcommand"),
        "{}",
        ended.err
    );
}
