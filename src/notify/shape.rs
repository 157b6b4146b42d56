//! What a webhook is sent, and what counts as taken: DingTalk, WeCom and Feishu answer 200 to what they refuse, too.
use super::{Notice, cut, flat, said};
use crate::config::Shape;
use crate::core::Problem;
use crate::host::HttpAnswer;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::{Value, json};

/// WeCom takes 2048 bytes of text, the others more.
const TEXT_BYTES: usize = 2000;
/// Words of a URL that are shorter are no token.
const TOKEN_BYTES: usize = 8;

/// What is posted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Post {
    /// To be put behind the query of the URL.
    pub(super) query: String,
    pub(super) body: Vec<u8>,
}

/// A robot believes a signature for an hour: `at_ms`, of the Unix epoch, is the time of this try.
pub(super) fn post(
    shape: Shape,
    notice: &Notice,
    secret: Option<&str>,
    at_ms: i64,
) -> Result<Post, Problem> {
    let mut query = String::new();
    let message = match shape {
        Shape::Json => {
            let body = notice.line()?;
            return Ok(Post { query, body });
        }
        Shape::DingTalk => {
            if let Some(secret) = secret {
                let sign = percent(&signature(secret, &format!("{at_ms}\n{secret}")));
                query = format!("timestamp={at_ms}&sign={sign}");
            }
            json!({ "msgtype": "text", "text": { "content": text(notice) } })
        }
        Shape::WeCom => json!({ "msgtype": "text", "text": { "content": text(notice) } }),
        Shape::Feishu => {
            let mut message = json!({ "msg_type": "text", "content": { "text": text(notice) } });
            if let Some(secret) = secret {
                // Here the text to be signed is the key, and nothing is signed with it.
                let at = (at_ms / 1000).to_string();
                message["sign"] = signature(&format!("{at}\n{secret}"), "").into();
                message["timestamp"] = at.into();
            }
            message
        }
        Shape::Slack => json!({ "text": escaped(&text(notice)) }),
    };
    let body = message.to_string().into_bytes();
    Ok(Post { query, body })
}

fn text(notice: &Notice) -> String {
    let mut text = notice.headline();
    if !notice.remedy.is_empty() {
        text = format!("{text}\n→ {}", flat(&notice.remedy));
    }
    cut(&text, TEXT_BYTES)
}

/// Base64 of HMAC-SHA256.
fn signature(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// Base64 as part of a query.
fn percent(base64: &str) -> String {
    base64
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}

/// Slack's three characters: a `<` would begin a link, or call everybody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Was it taken? `url` is what the answer may repeat and a message may not.
pub(super) fn verdict(shape: Shape, answer: &HttpAnswer, url: &str) -> Result<String, Problem> {
    let HttpAnswer { status, body } = answer;
    let wrong = |what: String, remedy: &str| {
        let (what, remedy) = (without(&what, url), remedy.to_owned());
        Err(Problem { what, remedy })
    };
    match status {
        200..=299 => {}
        300..=399 => {
            let what = format!("it answers {status}: what it is asked for is elsewhere");
            return wrong(what, "write the URL at which the redirects end");
        }
        401 | 403 | 404 | 410 => {
            let what = format!("it answers {status}: {}", said(body));
            return wrong(what, "see whether the URL is whole, and still valid");
        }
        _ => {
            let what = format!("it answers {status}: {}", said(body));
            return wrong(what, "see what its server says about it");
        }
    }
    let (names, why) = match shape {
        Shape::Json | Shape::Slack => return Ok(status.to_string()),
        Shape::DingTalk | Shape::WeCom => (&["errcode"][..], "errmsg"),
        // The older robots say StatusCode alone.
        Shape::Feishu => (&["code", "StatusCode"][..], "msg"),
    };
    let said_all: Value = serde_json::from_str(body).unwrap_or_default();
    let code = names
        .iter()
        .find_map(|name| Some((name, said_all.get(name)?.as_i64()?)));
    match code {
        Some((name, 0)) => Ok(format!("{status}, {name} 0")),
        Some((name, code)) => {
            let why = said_all[why].as_str().unwrap_or("it does not say why");
            wrong(
                format!("it answers {name} {code}: {}", said(why)),
                "see the settings of the robot: its signature (secret_file), a keyword (\"hau\" is in every message), the addresses it takes messages from",
            )
        }
        None => wrong(
            format!(
                "it answers {status}, but not as such a robot does: {}",
                said(body)
            ),
            "see that shape and URL belong together",
        ),
    }
}

/// The words of a URL behind its server, which may be tokens, are not repeated.
fn without(what: &str, url: &str) -> String {
    let parts = url.split(['/', '?', '&', '=', '#']).skip(3);
    parts
        .filter(|part| part.len() >= TOKEN_BYTES)
        .fold(what.to_owned(), |what, part| what.replace(part, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoticeKind;

    fn notice() -> Notice {
        Notice {
            v: 1,
            event: NoticeKind::Failed,
            cluster: "shop".to_owned(),
            node: "b".to_owned(),
            at: "2026-11-29T02:14:07Z".to_owned(),
            rollout: Some(12),
            what: "Upgrade 12: start on node b failed: <exit code 3>\nit said no".to_owned(),
            remedy: "see journalctl".to_owned(),
        }
    }

    fn posted(shape: Shape, secret: Option<&str>, at_ms: i64) -> (String, Value) {
        let Post { query, body } = post(shape, &notice(), secret, at_ms).expect("made");
        (query, serde_json::from_slice(&body).expect("JSON"))
    }

    const TEXT: &str = "hau [shop b] failed: Upgrade 12: start on node b failed: <exit code 3> it said no\n→ see journalctl";

    #[test]
    fn each_service_gets_its_own_shape() {
        let chat = json!({ "msgtype": "text", "text": { "content": TEXT } });
        for shape in [Shape::DingTalk, Shape::WeCom] {
            assert_eq!(posted(shape, None, 0), (String::new(), chat.clone()));
        }
        let feishu = json!({ "msg_type": "text", "content": { "text": TEXT } });
        assert_eq!(posted(Shape::Feishu, None, 0), (String::new(), feishu));
        let slack = TEXT.replace("<exit code 3>", "&lt;exit code 3&gt;");
        let slack = (String::new(), json!({ "text": slack }));
        assert_eq!(posted(Shape::Slack, None, 0), slack);
        let (query, line) = posted(Shape::Json, None, 0);
        assert_eq!((query.as_str(), &line["event"]), ("", &json!("failed")));
        assert_eq!(line["what"], notice().what);
    }

    /// Both made with `openssl dgst -sha256 -hmac KEY -binary | base64`, and again with Python's hmac and quote_plus.
    #[test]
    fn signatures_are_those_of_other_programs() {
        let secret = "SEC000102030405060708090a0b0c0d0e0f3";
        let (query, body) = posted(Shape::DingTalk, Some(secret), 1_764_382_447_000);
        assert_eq!(
            query,
            "timestamp=1764382447000&sign=nJx8LSrYwpTqctxFPNZ9Bh%2BIkLBXNOHS9ZtMx%2Fh1vrg%3D"
        );
        assert!(!body.to_string().contains(secret));
        let (query, body) = posted(Shape::Feishu, Some("demoSECRET7"), 1_764_382_447_999);
        assert_eq!(query, "");
        assert_eq!(body["timestamp"], "1764382447");
        assert_eq!(body["sign"], "xPSJJ4sP3z+L2/M/c/0o+hEvZy4rApt0Ql6Iqc+asIA=");
        assert!(!body.to_string().contains("demoSECRET7"));
    }

    #[test]
    fn a_long_text_is_cut_for_chats() {
        let mut notice = notice();
        notice.what = "备".repeat(2000);
        let Post { body, .. } = post(Shape::WeCom, &notice, None, 0).expect("made");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let text = body["text"]["content"].as_str().expect("text");
        assert!(text.len() <= TEXT_BYTES && text.len() > TEXT_BYTES - 8);
        assert!(text.ends_with("备…"), "{text}");
    }

    fn judged(shape: Shape, status: u16, body: &str) -> Result<String, String> {
        let body = body.to_owned();
        let url = "https://h.example/send/TOKENTOKEN?access_token=sekretsekret";
        let judged = verdict(shape, &HttpAnswer { status, body }, url);
        judged.map_err(|problem| problem.what)
    }

    #[test]
    fn the_status_and_the_code_within_decide() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(judged(Shape::Json, 204, ""), ok("204"));
        assert_eq!(judged(Shape::Slack, 200, "ok"), ok("200"));
        let taken = r#"{"errcode":0,"errmsg":"ok"}"#;
        assert_eq!(judged(Shape::DingTalk, 200, taken), ok("200, errcode 0"));
        assert_eq!(judged(Shape::WeCom, 200, taken), ok("200, errcode 0"));
        let new = r#"{"code":0,"msg":"success"}"#;
        assert_eq!(judged(Shape::Feishu, 200, new), ok("200, code 0"));
        let old = r#"{"StatusCode":0,"StatusMessage":"success"}"#;
        assert_eq!(judged(Shape::Feishu, 200, old), ok("200, StatusCode 0"));

        let refused = [
            (
                Shape::DingTalk,
                r#"{"errcode":310000,"errmsg":"sign not match"}"#,
                "errcode 310000: sign not match",
            ),
            (Shape::WeCom, r#"{"errcode":93000}"#, "it does not say why"),
            (
                Shape::Feishu,
                r#"{"code":19021,"msg":"sign match fail"}"#,
                "code 19021: sign match fail",
            ),
            (Shape::Feishu, taken, "not as such a robot does"),
            (
                Shape::DingTalk,
                "<html>Log in</html>",
                "not as such a robot does: <html>",
            ),
            (Shape::WeCom, "", "not as such a robot does"),
        ];
        for (shape, body, says) in refused {
            let why = judged(shape, 200, body).expect_err("refused");
            assert!(why.contains(says), "{why}");
        }
        for (status, says) in [(302, "elsewhere"), (404, "404: no"), (500, "500: no")] {
            let why = judged(Shape::DingTalk, status, "no").expect_err("refused");
            assert!(why.contains(says), "{why}");
            assert!(judged(Shape::Json, status, "no").is_err());
        }
    }

    #[test]
    fn an_answer_that_repeats_the_url_gives_no_token_away() {
        let why = judged(
            Shape::Slack,
            404,
            "no /send/TOKENTOKEN?access_token=sekretsekret here",
        );
        let why = why.expect_err("refused");
        assert!(!why.contains("TOKEN") && !why.contains("sekret"), "{why}");
        assert!(why.contains("404") && why.contains("here"), "{why}");
    }
}
