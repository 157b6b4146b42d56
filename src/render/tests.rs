//! What the administrator reads, as snapshots: look at them as if it were 3 a.m.
use super::*;
use crate::core::{Closed, DatabaseRole, Fetching, Kind, Probing, RowState, VrrpState};
use crate::host::Finding;
use crate::render::scenes::{as_told, halted, idle, midway, peer_lost, rows, succeeded};
use crate::wire::{Outcome, PlanView, Rollout, Status, Stopped};
use crate::words::Lang;
use std::collections::BTreeMap;

const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
    lang: Lang::En,
};

#[test]
fn status_in_four_situations() {
    insta::assert_snapshot!("status_idle", status(&idle(), &LOOK));
    insta::assert_snapshot!("status_midway", status(&midway(), &LOOK));
    insta::assert_snapshot!("status_halted", status(&halted(), &LOOK));
    insta::assert_snapshot!("status_peer_lost", status(&peer_lost(), &LOOK));
    insta::assert_snapshot!("status_after", status(&succeeded(), &LOOK));
}

/// A failover is as much a thing that was as an upgrade is.
#[test]
fn what_a_node_did_alone_is_the_last_thing_that_was() {
    let mut s = succeeded();
    let mut alone = s.rollout.clone().unwrap();
    (alone.id, alone.kind) = (13, Kind::Failover);
    s.solo = Some(alone);
    let says = |s: &Status, what: &str| {
        let text = status(s, &LOOK);
        assert!(text.contains(&format!("the last was {what}")), "{text}");
    };
    says(&s, "failover 13");
    // By their numbers, as the history has them: a clock may have been set meanwhile.
    s.solo.as_mut().unwrap().id = 11;
    says(&s, "upgrade");
    s.rollout = None;
    says(&s, "failover 11");
    s.rollout = halted().rollout;
    s.solo.as_mut().unwrap().id = 13;
    assert!(status(&s, &LOOK).contains("is HALTED"));
}

#[test]
fn status_says_plainly_what_must_not_be() {
    let mut s = idle();
    s.nodes.get_mut("a").unwrap().has_vip = false;
    assert!(
        status(&s, &LOOK).contains("VIP        on neither node: the service cannot be reached")
    );
    s.nodes.values_mut().for_each(|n| n.has_vip = true);
    s.nodes
        .values_mut()
        .for_each(|n| n.database = DatabaseRole::Primary);
    let text = status(&s, &LOOK);
    assert!(
        text.contains("on BOTH nodes") && text.contains("two writers"),
        "{text}"
    );
    let mut s = idle();
    s.nodes.get_mut("a").unwrap().vrrp = VrrpState::Unknown;
    assert!(status(&s, &LOOK).contains("not sure who is MASTER"));
    s.nodes.get_mut("a").unwrap().has_vip = false;
    s.peer.reachable = false;
    assert!(status(&s, &LOOK).contains("whether b holds it cannot be seen from here"));
}

#[test]
fn colours_and_signs_only_where_they_are_understood() {
    let shown = |look: &Look| {
        let s = succeeded();
        let r = s.rollout.as_ref().unwrap();
        summary(Some(&idle()), &s, r, look) + &status(&halted(), look)
    };
    let ascii = Look {
        unicode: false,
        ..LOOK
    };
    assert!(shown(&ascii).is_ascii(), "{}", shown(&ascii));
    let coloured = shown(&Look {
        color: true,
        ..LOOK
    });
    assert!(coloured.contains("\x1b[1;31m") && !shown(&LOOK).contains('\x1b'));
    let mut bare = String::new();
    for piece in coloured.split('\x1b') {
        bare.push_str(
            piece
                .split_once('m')
                .filter(|_| piece.starts_with('['))
                .map_or(piece, |(_, t)| t),
        );
    }
    assert_eq!(bare, shown(&LOOK), "colours move nothing");
}

/// A Chinese character takes two columns.
#[test]
fn columns_are_counted_as_the_terminal_does() {
    use super::text::{table, wrap};
    assert_eq!(LOOK.cut("升级订单服务", 12), "升级订单服务");
    assert_eq!(LOOK.cut("升级订单服务", 8), "升级订…");
    let rows = [["升级", "x"], ["abcd", "y"], ["a", "z"]].map(|row| row.map(plain).to_vec());
    assert_eq!(table(&LOOK, 0, &rows), "升级  x\nabcd  y\na     z\n");
    let note = "数据库已经提升为主库，旧主库已经停止写入";
    let lines = wrap("note: ", note, 26);
    // A comma begins no line.
    assert_eq!(lines[0], "note: 数据库已经提升为主");
    assert_eq!(lines[1], "      库，旧主库已经停止写");
}

#[test]
fn lines_say_each_fact_once() {
    let story = [idle(), midway(), peer_lost(), halted(), succeeded()];
    let mut text = Vec::new();
    let mut before = None;
    for now in &story {
        text.extend(lines(before, now, &LOOK));
        assert_eq!(lines(Some(now), now, &LOOK), Vec::<String>::new());
        before = Some(now);
    }
    insta::assert_snapshot!("lines", text.join("\n"));
}

#[test]
fn only_time_passing_is_no_change() {
    let (mut a, b) = (midway(), midway());
    a.peer.last_heard_ms = Some(1);
    let r = a.rollout.as_mut().unwrap();
    r.elapsed_ms += 250;
    r.rows
        .iter_mut()
        .filter(|r| r.state == Some(RowState::Started))
        .for_each(|r| r.elapsed_ms = Some(1));
    assert!(same(&a, &b));
    assert!(!same(&halted(), &b) && !same(&peer_lost(), &b));
}

#[test]
fn summaries() {
    let show = |s: &Status| summary(Some(&idle()), s, s.rollout.as_ref().unwrap(), &LOOK);
    insta::assert_snapshot!("summary_succeeded", show(&succeeded()));
    insta::assert_snapshot!("summary_halted", show(&halted()));
    let mut waits = midway();
    let r = waits.rollout.as_mut().unwrap();
    r.stopped_by = Some(Stopped::Gate {
        node: "a".to_owned(),
        step: "arm".to_owned(),
        closed: Closed::StopAsked,
        says: "it was asked to stop here".to_owned(),
    });
    r.next = "hau-ctl retry goes on with the switchover, hau-ctl abort takes b back".to_owned();
    assert!(show(&waits).starts_with("✔ upgrade 12: 1.0.0 → 1.1.0 waits, as asked, after"));
}

/// The main pictures, in the daemon's own words: nothing English is left but names, commands and what people said.
#[test]
fn in_chinese() {
    let look = Look {
        lang: Lang::Zh,
        ..LOOK
    };
    insta::assert_snapshot!("zh_status_idle", status(&idle(), &look));
    insta::assert_snapshot!("zh_status_midway", status(&as_told(midway()), &look));
    insta::assert_snapshot!("zh_status_halted", status(&as_told(halted()), &look));
    insta::assert_snapshot!("zh_status_peer_lost", status(&as_told(peer_lost()), &look));
    let show = |s: &Status| summary(Some(&idle()), s, s.rollout.as_ref().unwrap(), &look);
    insta::assert_snapshot!("zh_summary_succeeded", show(&as_told(succeeded())));
    insta::assert_snapshot!("zh_summary_halted", show(&as_told(halted())));
    insta::assert_snapshot!("zh_doctor", doctor(&findings(), &look));
    insta::assert_snapshot!("zh_plan", plan(&view(), &Look { width: 120, ..look }));
    let story = [
        idle(),
        as_told(midway()),
        as_told(halted()),
        as_told(succeeded()),
    ];
    let told = story.iter().scan(None, |before, now| {
        let lines = lines(before.replace(now), now, &look);
        Some(lines.join("\n"))
    });
    insta::assert_snapshot!("zh_lines", told.collect::<Vec<_>>().join("\n"));
    let r = as_told(succeeded()).rollout.unwrap();
    insta::assert_snapshot!("zh_report", report(&scenes::report(succeeded()), &look));
    insta::assert_snapshot!("zh_history", history(&[r], &look));
}

/// Columns of words in two widths stand under one another.
#[test]
fn chinese_is_aligned() {
    use unicode_width::UnicodeWidthStr;
    let look = Look {
        lang: Lang::Zh,
        ..LOOK
    };
    let text = status(&as_told(midway()), &look);
    let at = |line: &str, what: &str| line.split_once(what).map(|(before, _)| before.width());
    let mut lines = text.lines();
    let head = lines.find(|line| line.contains("（本节点）")).unwrap();
    let sync = text
        .lines()
        .find(|line| line.starts_with("配置同步"))
        .unwrap();
    assert_eq!(at(head, "a（"), at(sync, "已暂停"), "{text}");
    let widest = text.lines().map(UnicodeWidthStr::width).max();
    assert!(widest <= Some(LOOK.width), "{text}");
}

fn findings() -> BTreeMap<String, Vec<Finding>> {
    let good = [
        Finding::pass(
            "services",
            "api is active, its ports and health checks answer",
        ),
        Finding::pass("vrrp", "BACKUP, and no VIP is on this host"),
    ];
    let mut a = good.to_vec();
    a.push(Finding::warn(
        "sync",
        "config-sync.timer is not active",
        "systemctl enable --now config-sync.timer",
    ));
    let mut b = good.to_vec();
    b.push(Finding::fail(
        "space",
        "/var/lib/hau/backups has 120 MiB free and 4096 MiB may be needed for code, configuration and two dumps of the database",
        "free some space there",
    ));
    BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)])
}

fn view() -> PlanView {
    PlanView {
        kind: Kind::Upgrade,
        from: "1.0.0".to_owned(),
        to: "1.1.0".to_owned(),
        first: "b".to_owned(),
        second: "a".to_owned(),
        rows: rows(),
        expected_ms: None,
        findings: findings(),
        fit: false,
        gives_up: false,
    }
}

#[test]
fn doctor_and_plan() {
    insta::assert_snapshot!("doctor", doctor(&findings(), &LOOK));
    let mut fit = findings();
    fit.get_mut("b").unwrap().pop();
    assert!(doctor(&fit, &LOOK).ends_with("Fit to be upgraded, 1 warning."));
    let view = view();
    insta::assert_snapshot!("plan", plan(&view, &Look { width: 120, ..LOOK }));
    let mut known = view.clone();
    known
        .rows
        .iter_mut()
        .for_each(|row| row.expected_ms = Some(1_000));
    known.expected_ms = crate::wire::Row::expected_together(&known.rows);
    // A second each, and what both nodes do side by side counts once.
    let head =
        "upgrade 1.0.0 → 1.1.0: b first, then a. It takes about 43s. Nothing has been touched.";
    assert_eq!(plan(&known, &LOOK).lines().next(), Some(head));
    known.rows[3].expected_ms = None;
    assert_eq!(crate::wire::Row::expected_together(&known.rows), None);
    // Of a rollback what is well is said, too: it is what would be done.
    let back = PlanView {
        kind: Kind::Rollback,
        ..view
    };
    assert!(plan(&back, &LOOK).contains("✔ vrrp          b: BACKUP, and no VIP is on this host"));
}

#[test]
fn what_scripts_do() {
    let sql = b"-- hau: allow nobody reads it, ticket 4711\nDROP VIEW old;\n\
        ALTER TABLE orders ADD COLUMN code uuid NOT NULL DEFAULT gen_random_uuid(), DROP CONSTRAINT c;";
    let found = crate::schema::lint("schema/0007.sql", sql);
    let scripts = ["schema/0007.sql".to_owned(), "schema/0008.sql".to_owned()];
    insta::assert_snapshot!("schema", schema(&scripts, &found, &LOOK));
    let none = schema(&scripts, &[], &LOOK);
    assert_eq!(
        none,
        "2 scripts: hau sees nothing that breaks the running version."
    );
}

#[test]
fn what_users_notice_is_said_while_it_is_measured() {
    let mut s = midway();
    let probing = Probing {
        probes: 412,
        failed: 0,
        gap_ms: 31,
        last_ms: 12,
        last_good: true,
    };
    let line = |s: &Status| {
        let text = status(s, &Look { width: 200, ..LOOK });
        text.lines()
            .find_map(|line| line.strip_prefix("downtime   "))
            .map(str::to_owned)
    };
    assert_eq!(line(&s), None, "nothing is measured");
    s.nodes.get_mut("b").unwrap().probing = Some(probing);
    assert_eq!(
        line(&s).as_deref(),
        Some("31 ms so far, budget 4m; 412 requests through the VIP, 0 failed, the last one 12 ms")
    );
    s.nodes.get_mut("b").unwrap().probing = Some(Probing {
        failed: 1,
        gap_ms: 9_000,
        last_ms: 10_000,
        last_good: false,
        ..probing
    });
    s.downtime_budget_ms = None;
    assert_eq!(
        line(&s).as_deref(),
        Some(
            "9000 ms so far; 412 requests through the VIP, 1 failed, the last one FAILED after 10000 ms"
        )
    );
    s.rollout.as_mut().unwrap().result = Some(Outcome::Halted);
    assert_eq!(line(&s), None, "an old figure");
}

#[test]
fn history_in_columns() {
    let past: Vec<Rollout> = [halted(), succeeded(), midway()]
        .into_iter()
        .filter_map(|s| s.rollout)
        .collect();
    insta::assert_snapshot!("history", history(&past, &LOOK));
}

#[test]
fn how_far_a_bundle_is_is_said_while_it_is_fetched() {
    let mut s = midway();
    let line = |s: &Status| {
        let text = status(s, &Look { width: 200, ..LOOK });
        text.lines()
            .find_map(|line| line.strip_prefix("bundle     "))
            .map(str::to_owned)
    };
    assert_eq!(line(&s), None, "none is fetched");
    let mut fetching = Fetching {
        have: 50 << 20,
        of: 480 << 20,
        here: 0,
    };
    s.nodes.get_mut("b").unwrap().fetching = Some(fetching);
    assert_eq!(line(&s).as_deref(), Some("b has 50 MiB of 480 MiB"));
    fetching.here = 40 << 20;
    s.nodes.get_mut("b").unwrap().fetching = Some(fetching);
    let said = "b has 50 MiB of 480 MiB, 40 MiB of them from a release there";
    assert_eq!(line(&s).as_deref(), Some(said));
}

#[test]
fn small_change() {
    use super::text::{bytes, clock, duration, hang};
    let times = [0, 450, 42_000, 60_000, 252_000, 7_500_000, 259_200_000];
    let times = times.map(|ms| duration(Lang::En, ms));
    assert_eq!(
        times,
        ["0.0s", "0.4s", "42s", "1m", "4m12s", "2h05m", "3 days"]
    );
    let sizes = [0, 1023, 1024, 1536, 52_428_800, u64::MAX / 20].map(bytes);
    assert_eq!(
        sizes,
        [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.5 KiB",
            "50 MiB",
            "838860 TiB"
        ]
    );
    assert_eq!(
        clock("2026-11-21T02:14:05.123+08:00"),
        "2026-11-21 02:14:05 +08:00"
    );
    assert_eq!(
        hang("a: ", "one two three four five six seven", 23),
        "a: one two three four\n   five six seven"
    );
}

#[test]
fn a_report_says_it_all() {
    let r = scenes::report(succeeded());
    insta::assert_snapshot!("report", report(&r, &LOOK));
}

/// What failed is never hidden by what succeeded beside it.
#[test]
fn a_measurement_fits_every_screen_and_shows_what_failed() {
    let mut r = scenes::report(succeeded());
    r.measured[0].take(1_990, None);
    for width in [40, 60, 100] {
        let look = Look { width, ..LOOK };
        let text = report(&r, &look);
        let measured = text.lines().find(|line| line.contains('▂')).unwrap();
        assert!(measured.chars().count() <= width, "{measured}");
        assert!(measured.contains('✘'), "{measured}");
    }
    let ascii = Look {
        unicode: false,
        ..LOOK
    };
    let text = report(&r, &ascii);
    assert!(text.contains("..X") && text.is_ascii(), "{text}");
    let page = page(&r, "a", Lang::En);
    assert_eq!(page.matches("class=\"bar bad\"").count(), 1);
    // Of a node that invents figures.
    r.measured[0].slices[3].slowest_ms = u64::MAX;
    r.measured[0].begun_ms = u64::MAX;
    assert!(!report(&r, &LOOK).is_empty() && !super::page(&r, "a", Lang::En).is_empty());
}

/// Whoever reads it has this one file, and what people and programs said is text in it.
#[test]
fn the_page_is_whole_and_escaped() {
    let mut r = scenes::report(halted());
    r.rollout.rows[0].note = "<script>alert(1)</script>".to_owned();
    let page = page(&r, "a", Lang::En);
    assert!(page.contains("ticket &lt;4711&gt;") && page.contains("&lt;script&gt;alert"));
    for foreign in [
        "<script", "http:", "https:", "src=", "href=", "url(", "@import",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let closed = |tag: &str| {
        page.matches(&format!("<{tag}")).count() == page.matches(&format!("</{tag}>")).count()
    };
    assert!(
        ["table", "tbody", "tr", "div", "dl", "span"]
            .into_iter()
            .all(closed)
    );
    for row in r.rollout.rows.iter().filter(|row| row.state.is_some()) {
        assert!(page.contains(&row.step), "{}", row.step);
    }
}
