//! An HTTP POST: to a program of the site's own, or to the robot of a group chat.
use super::{Channel, LIMIT, Notice, findings, shape, trusted};
use crate::config::{Events, HookAddress, HookUrl, Shape, Webhook};
use crate::core::Problem;
use crate::host::http::{self, Unanswered};
use crate::host::{Finding, Host, secret};
use crate::tls;
use rustls::ClientConfig;
use std::sync::Arc;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

impl Channel for Webhook {
    fn name(&self) -> String {
        match &self.address {
            HookAddress::Here(url) => format!("the webhook at {url}"),
            HookAddress::File(path) => format!("the webhook of {}", path.display()),
        }
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn look(&self, host: &dyn Host) -> Vec<Finding> {
        let url = self.url(host);
        let trusts = match &url {
            Ok(url) => self.tls(host, url).map(drop),
            Err(_) => Ok(()),
        };
        let name = self.name();
        let parts = [url.map(drop), self.signs_with(host).map(drop), trusts];
        let mut found = findings(&name, parts);
        if matches!(self.address, HookAddress::Here(_)) && self.shape != Shape::Json {
            found.push(Finding::warn(
                super::CHECK,
                format!("{name}: whoever can read hau.toml can post there as well"),
                "put the URL into a file that root alone can read, and name it in url_file",
            ));
        }
        found
    }

    fn tell(&self, notice: &Notice, host: &dyn Host, runtime: &Handle) -> Result<String, Problem> {
        let url = self.url(host)?;
        let secret = self.signs_with(host)?;
        let tls = self.tls(host, &url)?;
        // Not the daemon's own clock, which does not follow one that is set.
        let at_ms = jiff::Timestamp::now().as_millisecond();
        let post = shape::post(
            self.shape,
            notice,
            secret.as_deref().map(String::as_str),
            at_ms,
        )?;
        let mut target = url.secret().to_owned();
        if !post.query.is_empty() {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&post.query);
        }
        let answer = http::post(runtime, &target, post.body, tls, LIMIT);
        let answer = answer.map_err(|why| unanswered(&url, &why))?;
        shape::verdict(self.shape, &answer, &target)
    }
}

impl Webhook {
    fn url(&self, host: &dyn Host) -> Result<HookUrl, Problem> {
        let path = match &self.address {
            HookAddress::Here(url) => return Ok(url.clone()),
            HookAddress::File(path) => path,
        };
        HookUrl::new(&secret::read(host, path)?).ok_or_else(|| Problem {
            what: format!("{} holds no URL to post to", path.display()),
            remedy: HookUrl::RULE.to_owned(),
        })
    }

    fn signs_with(&self, host: &dyn Host) -> Result<Option<Zeroizing<String>>, Problem> {
        let path = self.secret_file.as_deref();
        path.map(|path| secret::read(host, path)).transpose()
    }

    fn tls(&self, host: &dyn Host, url: &HookUrl) -> Result<Option<Arc<ClientConfig>>, Problem> {
        if !url.is_https() {
            return Ok(None);
        }
        let roots = trusted(host, self.ca_file.as_deref())?;
        let config = tls::outside_config(&roots).map_err(|e| Problem {
            what: e.to_string(),
            remedy: "report this as an error of hau".to_owned(),
        })?;
        Ok(Some(config))
    }
}

fn unanswered(url: &HookUrl, why: &Unanswered) -> Problem {
    let remedy = match why {
        Unanswered::Tls(_) => {
            "see that its certificate is valid and of the name in the URL; if it is of a CA of your own, name that in ca_file"
        }
        Unanswered::Url(_) => HookUrl::RULE,
        Unanswered::Connect(_) | Unanswered::Broken(_) | Unanswered::Late(_) => {
            "see that this host reaches it: hau goes there itself, through no proxy"
        }
    };
    Problem {
        what: format!("{url}: {why}"),
        remedy: remedy.to_owned(),
    }
}
