//! What the schema scripts of a bundle would do to the running version: it works with them until its node is upgraded.
use super::Site;
use crate::bundle::Digest;
use crate::config::DatabaseKind;
use crate::host::{Finding, Script};
use crate::schema;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, path::Path};

const CHECK: &str = "schema";

/// What the script says of it.
fn allowed(reason: &str) -> String {
    told!("allowed in the script: {}", reason)
}

/// Whether a script has allowed what was found.
pub fn is_overruled(finding: &Finding) -> bool {
    finding.check == CHECK && finding.remedy.starts_with(&allowed(""))
}

/// Of the bundle at `bundle`, which must be on this host. What a script allows is told as a warning, with its reason.
pub fn scripts(site: &Site<'_>, bundle: &Path) -> Vec<Finding> {
    let Some(database) = &site.settings.database else {
        return Vec::new();
    };
    let scripts = match site.host.schema_scripts(bundle) {
        Ok(scripts) => scripts,
        Err(e) => {
            let remedy = told!("hau-ctl bundle verify says more");
            return vec![Finding::fail(CHECK, e.to_string(), remedy)];
        }
    };
    // What is not known is not left out.
    let applied = site.database.applied_schema().unwrap_or_default();
    let new: Vec<&Script> = scripts.iter().filter(|s| !is_known(s, &applied)).collect();
    let is_postgres = matches!(database.kind, DatabaseKind::Postgres(_));
    let read = |script: &&Script| schema::lint(&script.name, &script.bytes);
    let found = new.iter().flat_map(read);
    let mut findings: Vec<Finding> = found.map(|f| finding(&f, is_postgres)).collect();
    if findings.is_empty() && !scripts.is_empty() {
        let what = told!(
            "{} to apply, {} applied before: hau sees nothing in them that breaks the running version",
            new.len(),
            scripts.len() - new.len()
        );
        findings.push(Finding::pass(CHECK, what));
    }
    findings
}

/// Was it applied, as it is? It is not applied again, and its text must not change any more.
fn is_known(script: &Script, applied: &BTreeMap<String, String>) -> bool {
    let digest = Digest::of(Sha256::new_with_prefix(&script.bytes));
    applied.get(&script.name) == Some(&digest.to_string())
}

fn finding(f: &schema::Finding, is_postgres: bool) -> Finding {
    let what = f.to_string();
    if let Some(reason) = &f.allowed {
        return Finding::warn(CHECK, what, allowed(reason));
    }
    let mend = told!(
        "{}; or put -- hau: allow REASON above the statement, and build the bundle again",
        f.remedy
    );
    match f.status {
        schema::Status::Fail if is_postgres => Finding::fail(CHECK, what, mend),
        // Another database has other locks: a person must know.
        schema::Status::Fail | schema::Status::Warn => Finding::warn(CHECK, what, f.remedy.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Status;

    fn told(sql: &str, is_postgres: bool) -> Finding {
        let found = schema::lint("schema/1.sql", sql.as_bytes());
        assert_eq!(found.len(), 1, "{found:?}");
        finding(&found[0], is_postgres)
    }

    #[test]
    fn a_failure_stops_an_upgrade_but_where_it_is_allowed_or_the_rules_are_of_another_database() {
        let bad = told("drop table t", true);
        assert_eq!(bad.status, Status::Fail);
        assert!(bad.what.starts_with("schema/1.sql:1: drop table t: "));
        assert!(bad.remedy.contains("-- hau: allow REASON"), "{bad:?}");
        assert_eq!(told("drop table t", false).status, Status::Warn);
        let allowed = told("-- hau: allow nobody reads it\ndrop table t", true);
        assert_eq!(allowed.status, Status::Warn);
        assert_eq!(allowed.remedy, "allowed in the script: nobody reads it");
        assert!(is_overruled(&allowed) && !is_overruled(&bad));
    }

    #[test]
    fn a_script_that_was_applied_as_it_is_is_not_judged_again() {
        let script = Script {
            name: "schema/1.sql".to_owned(),
            bytes: b"select 1".to_vec(),
        };
        let hash = "822ae07d4783158bc1912bb623e5107cc9002d519e1143a9c200ed6ee18b6d0f";
        let applied = |name: &str, hash: &str| BTreeMap::from([(name.to_owned(), hash.to_owned())]);
        assert!(is_known(&script, &applied("schema/1.sql", hash)));
        assert!(!is_known(&script, &applied("schema/2.sql", hash)));
        assert!(!is_known(&script, &applied("schema/1.sql", "0")));
        assert!(!is_known(&script, &BTreeMap::new()));
    }
}
