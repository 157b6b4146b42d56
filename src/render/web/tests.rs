//! What the page says, in both languages and every situation.
use super::*;
use crate::core::{Fetching, Problem};
use crate::render::scenes::{halted, idle, midway, peer_lost, report, succeeded};
use crate::wire::Status;

fn view(status: Status) -> View {
    let newest = status.rollout.clone().into_iter().collect();
    let past = Past {
        newest,
        more: false,
    };
    View { status, past }
}

/// What a reader sees, without tags; a line for each element that has text.
fn text(html: &str) -> String {
    let body = html.split_once("<header").map_or(html, |(_, body)| body);
    let body = body.split("<script>").next().unwrap_or(body);
    let mut text = String::new();
    for piece in body.split('<').skip(1) {
        let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
        let is_block = ["/p", "/h2", "/dt", "/dd", "/li", "/tr", "/th", "/td"].contains(&tag);
        text += if is_block { "\n" } else { "" };
        text += words;
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_is_happening() {
    insta::assert_snapshot!("idle_en", text(&home(&view(idle()), Lang::En)));
    insta::assert_snapshot!("idle_zh", text(&home(&view(idle()), Lang::Zh)));
}

#[test]
fn a_rollout_goes_on() {
    insta::assert_snapshot!("midway_en", text(&home(&view(midway()), Lang::En)));
    insta::assert_snapshot!("midway_zh", text(&home(&view(midway()), Lang::Zh)));
}

#[test]
fn a_bundle_is_on_its_way() {
    let mut s = midway();
    s.nodes.get_mut("b").unwrap().fetching = Some(Fetching {
        have: 50 << 20,
        of: 480 << 20,
        here: 40 << 20,
    });
    let said = text(&home(&view(s.clone()), Lang::En));
    let line = "bundle\nb has 50 MiB of 480 MiB, 40 MiB of them from a release there\n";
    assert!(said.contains(line), "{said}");
    let said = text(&home(&view(s), Lang::Zh));
    assert!(said.contains("升级包\nb 已有 50 MiB，共 480 MiB"), "{said}");
}

#[test]
fn a_rollout_is_halted() {
    insta::assert_snapshot!("halted_en", text(&home(&view(halted()), Lang::En)));
    insta::assert_snapshot!("halted_zh", text(&home(&view(halted()), Lang::Zh)));
}

#[test]
fn the_other_node_is_not_heard() {
    let lost = view(peer_lost());
    insta::assert_snapshot!("peer_lost_en", text(&home(&lost, Lang::En)));
    insta::assert_snapshot!("peer_lost_zh", text(&home(&lost, Lang::Zh)));
}

#[test]
fn it_was_done() {
    insta::assert_snapshot!("after_zh", text(&home(&view(succeeded()), Lang::Zh)));
}

/// The markup itself, once.
#[test]
fn the_fragment_of_an_idle_pair() {
    let html = now(&view(idle()), Lang::En);
    insta::assert_snapshot!("fragment", html.replace("><", ">\n<"));
}

#[test]
fn the_report_speaks_both_languages() {
    let r = report(halted());
    let (en, zh) = (rollout(&r, "a", Lang::En), rollout(&r, "a", Lang::Zh));
    assert!(
        en.contains("lang=\"en\"")
            && en.contains("upgrade 12")
            && en.contains("at work") == zh.contains("执行中")
    );
    assert!(zh.contains("<html lang=\"zh\">") && zh.contains("升级 12") && zh.contains("已停止"));
}

/// What people and programs said is text, wherever it stands.
#[test]
fn nothing_that_was_said_becomes_markup() {
    let evil = || "<script>alert('x')</script><b onclick=\"x\">".to_owned();
    let mut s = halted();
    let problem = Problem {
        what: evil(),
        remedy: evil(),
    };
    s.alarm = Some(problem.clone());
    let r = s.rollout.as_mut().unwrap();
    (r.from, r.to, r.by, r.next, r.reason) = (evil(), evil(), evil(), evil(), Some(evil()));
    r.rows[0].note = evil();
    r.rows[0].problem = Some(problem);
    r.rows[0].about = evil();
    s.nodes.get_mut("a").unwrap().version = Some(evil());
    let r = s.rollout.clone().unwrap();
    let mut told = report(s.clone());
    told.measured[0].node = evil();
    let v = view(s);
    let whole = home(&v, Lang::En);
    let pages = [
        now(&v, Lang::Zh),
        all(std::slice::from_ref(&r), "a", Lang::En),
        rollout(&told, "a", Lang::Zh),
        whole.replacen("<script>", "", 1),
    ];
    for page in pages {
        assert!(page.contains("&lt;script&gt;"), "{page}");
        assert!(
            !page.contains("<script") && !page.contains("<b onclick"),
            "{page}"
        );
    }
}

/// Else a browser would show neither style nor news.
#[test]
fn the_policy_allows_exactly_what_the_pages_bring() {
    let pages = [
        home(&view(midway()), Lang::En),
        all(&[], "a", Lang::En),
        rollout(&report(halted()), "a", Lang::En),
    ];
    let mut brought = std::collections::BTreeSet::new();
    for page in &pages {
        for tag in ["style", "script"] {
            for piece in page.split(&format!("<{tag}>")).skip(1) {
                let text = piece.split(&format!("</{tag}>")).next().unwrap();
                brought.insert(hash(text));
            }
        }
        for foreign in ["style=", " onclick=", "src=", "@import", "url(", "https:"] {
            let markup = page
                .split("<style>")
                .map(|p| p.split("</style>").last().unwrap());
            let tags: String = markup.collect::<String>();
            let tags = tags.split("<script>").next().unwrap().to_owned();
            let tags = tags.split('<').map(|t| t.split('>').next().unwrap());
            assert!(!tags.into_iter().any(|t| t.contains(foreign)), "{foreign}");
        }
    }
    let allowed = policy().matches("'sha256-").count();
    assert_eq!(brought.len(), allowed);
    assert!(brought.iter().all(|hash| policy().contains(hash)));
}

/// `tests/page/screens` shows these in a browser; `HAU_PAGES` is the folder.
#[test]
#[ignore = "writes files, for make screens"]
fn pages_for_the_browser() {
    let dir = std::path::PathBuf::from(std::env::var("HAU_PAGES").unwrap());
    std::fs::create_dir_all(&dir).unwrap();
    let write = |name: String, text: &str| std::fs::write(dir.join(name), text).unwrap();
    let scenes = [
        ("idle", idle()),
        ("midway", midway()),
        ("halted", halted()),
        ("peer_lost", peer_lost()),
        ("succeeded", succeeded()),
    ];
    for lang in [Lang::En, Lang::Zh] {
        for (name, status) in &scenes {
            let (view, tag) = (view(status.clone()), lang.tag());
            write(format!("{name}.{tag}.html"), &home(&view, lang));
            write(format!("{name}.{tag}.part"), &now(&view, lang));
            if status.rollout.is_some() {
                let told = report(status.clone());
                write(format!("{name}.{tag}.report"), &rollout(&told, "a", lang));
            }
        }
    }
    write("policy".to_owned(), policy());
}
