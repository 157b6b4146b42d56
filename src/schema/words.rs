//! Statements that their first words tell enough about: which rule they fall under, if any.
use super::rules::{self as r, Rule};

/// `None`: there is nothing against it. The first line that fits decides; `…` stands for any words, `a|b` for either.
/// Of what is read in detail, and of that only where the parser does not read it, here are words that are bad whatever
/// stands beside them.
#[rustfmt::skip] // a table: one line each
const BY_WORDS: &[(&str, Option<&Rule>)] = &[
    ("vacuum", Some(&r::OUTSIDE)),
    ("discard all", Some(&r::OUTSIDE)),
    ("alter system", Some(&r::OUTSIDE)),
    ("create|drop database|tablespace|subscription", Some(&r::OUTSIDE)),
    ("drop index concurrently", Some(&r::OUTSIDE)),
    ("create index concurrently", Some(&r::OUTSIDE)),
    ("create unique index concurrently", Some(&r::OUTSIDE)),
    ("create index", Some(&r::INDEX)),
    ("create unique index", Some(&r::INDEX)),
    ("reindex … concurrently", Some(&r::OUTSIDE)),
    ("reindex database|system|schema", Some(&r::OUTSIDE)),
    ("reindex", Some(&r::REINDEX)),
    ("cluster", Some(&r::REWRITE)),
    ("refresh materialized view concurrently", None),
    ("refresh", Some(&r::REFRESH)),
    ("drop index", Some(&r::DROP_INDEX)),
    ("drop trigger|rule|policy|event", Some(&r::DROP_TRIGGER)),
    ("drop statistics", None),
    ("drop", Some(&r::DROP)),
    ("alter table … drop column", Some(&r::DROP)),
    ("alter table … rename", Some(&r::RENAME)),
    ("alter table … set schema", Some(&r::RENAME)),
    ("alter table … type", Some(&r::COLUMN_TYPE)),
    ("alter table … set not null", Some(&r::SET_NOT_NULL)),
    ("alter table … set tablespace", Some(&r::REWRITE)),
    ("alter table … set access method", Some(&r::REWRITE)),
    ("alter type … rename", Some(&r::RENAME)),
    ("alter type … add value", Some(&r::ENUM_VALUE)),
    ("alter type … attribute", Some(&r::CHANGE_TYPE)),
    ("alter index … rename", Some(&r::RENAME_CONSTRAINT)),
    ("alter index", None),
    ("alter trigger|policy|rule|statistics … rename", None),
    ("alter policy", Some(&r::TRIGGER)),
    ("alter domain … set default", None),
    ("alter domain … validate", None),
    ("alter domain … not valid", Some(&r::NOT_VALID)),
    ("alter domain … add", Some(&r::DOMAIN)),
    ("alter domain … set not null", Some(&r::DOMAIN)),
    ("alter domain … drop default", Some(&r::DROP_DEFAULT)),
    ("alter domain … drop", Some(&r::DROP_CONSTRAINT)),
    ("alter sequence … owned by", None),
    ("alter default privileges", None),
    ("alter view|materialized|function|procedure|routine|aggregate|sequence|domain|schema|foreign|collation|role|user|group|database … rename", Some(&r::RENAME)),
    ("alter view|materialized|function|procedure|routine|aggregate|sequence|domain|foreign … set schema", Some(&r::RENAME)),
    ("alter view|materialized|function|procedure|routine|aggregate|sequence|domain|schema|foreign|type … owner to", Some(&r::OWNER)),
    ("alter view|materialized|function|procedure|routine|aggregate|sequence|extension|role|user|group|database", Some(&r::REPLACE)),
    ("revoke", Some(&r::REVOKE)),
    ("grant|comment|security|analyze|analyse|savepoint|release|rollback|notify|listen|unlisten|prepare|deallocate|show", None),
    ("set … lock_timeout", Some(&r::LOCK_TIMEOUT)),
    ("reset all|lock_timeout", Some(&r::LOCK_TIMEOUT)),
    ("set|reset|discard", None), // each script has a connection of its own: nothing leaks
    ("do|call|execute|explain", Some(&r::OPAQUE)),
    ("create event trigger", Some(&r::TRIGGER)),
    ("create rule|policy|trigger", Some(&r::TRIGGER)),
    ("create constraint trigger", Some(&r::TRIGGER)),
    ("create or replace", Some(&r::REPLACE)),
    ("create temp|temporary|recursive|materialized view", None),
    ("create view|function|procedure|aggregate|type|domain|sequence|schema|extension|role|user|group|statistics|collation|operator|cast|text|publication|server|foreign|language|conversion|transform", None),
    ("create temp|temporary sequence", None),
    ("import foreign schema", None),
];

/// What the words of a statement say of it; `None`: nothing.
pub(super) fn judged(words: &[String]) -> Option<Option<&'static Rule>> {
    let fit = BY_WORDS.iter().find(|(pattern, _)| {
        let pattern: Vec<&str> = pattern.split(' ').collect();
        fits(&pattern, words)
    });
    fit.map(|(_, rule)| *rule)
}

/// Does such a statement lock a table or a view?
pub(super) fn locks(words: &[String]) -> bool {
    ["drop", "alter table", "alter view|materialized"]
        .iter()
        .any(|pattern| fits(&pattern.split(' ').collect::<Vec<_>>(), words))
}

fn fits(pattern: &[&str], words: &[String]) -> bool {
    match pattern.split_first() {
        None => true,
        Some((&"…", rest)) => (0..words.len()).any(|n| fits(rest, &words[n..])),
        Some((either, rest)) => words.split_first().is_some_and(|(word, words)| {
            either.split('|').any(|one| one == word) && fits(rest, words)
        }),
    }
}
