//! What the trail keeps of a request.
use crate::wire::{Code, Failure};
use serde::Serialize;
use serde_json::{Map, Value};

/// Members of requests that are no secret. Of any other one only the name is kept.
const KEPT: &[&str] = &[
    "bundle",
    "to",
    "stop_before",
    "allow_known_bad",
    "rollback",
    "order",
    "fenced",
    "accept_data_loss",
    "rebuild",
];
const REASON: &str = "reason";
/// What is said instead of what is not kept.
const HIDDEN: &str = "…";
/// Of a request: a name, a reason, some words.
const MOST_BYTES: usize = 8 << 10;
/// Of a refusal's sentence.
const MOST_CHARS: usize = 1_000;

/// The request and its reason. What is no object is nothing to keep: no route takes it.
///
/// # Errors
/// It is larger than any that a person would send.
pub(super) fn told(body: &[u8]) -> Result<(Value, Option<String>), Failure> {
    if body.len() > MOST_BYTES {
        let what = format!("the request has more than {MOST_BYTES} bytes");
        return Err(Failure::new(Code::Usage, what, "give a shorter --reason"));
    }
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
        return Ok((Value::Null, None));
    };
    let reason = members.remove(REASON);
    let reason = reason.and_then(|reason| reason.as_str().map(str::to_owned));
    let keep = |(name, value): (String, Value)| {
        let is_kept = KEPT.contains(&name.as_str());
        let value = if is_kept { value } else { HIDDEN.into() };
        (name, value)
    };
    let kept: Map<String, Value> = members.into_iter().map(keep).collect();
    let request = if kept.is_empty() {
        Value::Null
    } else {
        Value::Object(kept)
    };
    Ok((request, reason))
}

/// As it stands in JSON.
pub(super) fn word(word: &impl Serialize) -> String {
    let value = serde_json::to_value(word).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_asked_is_kept_and_secrets_are_not() {
        let of = |text: &str| told(text.as_bytes()).expect("small");
        assert_eq!(
            of(r#"{"bundle":"shop.hau","reason":"ticket 7"}"#),
            (json!({"bundle": "shop.hau"}), Some("ticket 7".to_owned()))
        );
        assert_eq!(of(r#"{"code":"ABCD-1234"}"#), (json!({"code": "…"}), None));
        assert_eq!(
            of(r#"{"code":null,"later":[1]}"#).0,
            json!({"code": "…", "later": "…"})
        );
        assert_eq!(of("{}"), (Value::Null, None));
        assert_eq!(of("no JSON"), (Value::Null, None));
        assert!(told(&vec![b' '; MOST_BYTES + 1]).is_err());
    }
}
