//! A mail, by SMTP.
use super::{Channel, LIMIT, Notice, cut, findings, flat, said, secret, trusted};
use crate::config::{Events, Login, Mail, MailServer, MailTls};
use crate::core::Problem;
use crate::host::{Finding, Host};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::{
    AsyncSmtpTransport, Error,
    authentication::Credentials,
    client::{Certificate, CertificateStore, Tls, TlsParameters},
    extension::ClientId,
};
use lettre::{AsyncTransport, Message, Tokio1Executor};
use std::path::Path;
use tokio::{runtime::Handle, time::timeout};

/// A subject that any mail program shows whole.
const SUBJECT_BYTES: usize = 200;
/// A server that goes by names is told this host's.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

impl Channel for Mail {
    fn name(&self) -> String {
        format!("mail by {}", self.server)
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn look(&self, host: &dyn Host) -> Vec<Finding> {
        let parts = [self.password(host).map(drop), self.security(host).map(drop)];
        findings(&self.name(), parts)
    }

    fn tell(&self, notice: &Notice, host: &dyn Host, runtime: &Handle) -> Result<String, Problem> {
        let message = self.message(notice)?;
        let server = self.transport(host)?;
        let sent = runtime.block_on(async { timeout(LIMIT, server.send(message)).await });
        match sent {
            Ok(Ok(response)) => {
                let words = response.message().collect::<Vec<_>>().join(" ");
                Ok(said(&format!("{} {words}", response.code())))
            }
            Ok(Err(e)) => Err(self.unsent(&e)),
            Err(_) => Err(Problem {
                what: format!("{} has not taken it within {LIMIT:?}", self.server),
                remedy: REACH.to_owned(),
            }),
        }
    }
}

const REACH: &str = "see that this host reaches it, and that port and tls belong together: mostly 465 and \"required\", 587 and \"starttls\"";

impl Mail {
    fn message(&self, notice: &Notice) -> Result<Message, Problem> {
        let headline = notice.headline();
        let mut mail = Message::builder()
            .from(self.from.clone().into())
            .subject(cut(&headline, SUBJECT_BYTES))
            .header(ContentType::TEXT_PLAIN)
            // Nobody's "out of office" is wanted.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for to in &self.to {
            mail = mail.to(to.clone().into());
        }
        let mut text = format!("{headline}\n\n");
        if !notice.remedy.is_empty() {
            text += &format!("What to do: {}\n\n", flat(&notice.remedy));
        }
        let Notice {
            event,
            cluster,
            node,
            at,
            ..
        } = notice;
        let event = event.word();
        text += &format!("event: {event}\ncluster: {cluster}\nnode: {node}\nat: {at}\n");
        if let Some(number) = notice.rollout {
            text += &format!("rollout: {number}\n");
        }
        mail.body(text).map_err(|e| Problem {
            what: format!("no mail can be made of it: {e}"),
            remedy: "see from and to under [notify.mail]".to_owned(),
        })
    }

    fn password(&self, host: &dyn Host) -> Result<Option<Credentials>, Problem> {
        let Some(Login {
            user,
            password_file,
        }) = &self.login
        else {
            return Ok(None);
        };
        let password = secret::read(host, password_file)?;
        Ok(Some(Credentials::new(user.clone(), password)))
    }

    fn security(&self, host: &dyn Host) -> Result<Tls, Problem> {
        if self.tls == MailTls::None {
            return Ok(Tls::None);
        }
        // The CAs are those of webhooks, not what lettre would take.
        let mut parameters = TlsParameters::builder(self.server.host.clone())
            .certificate_store(CertificateStore::None);
        for root in trusted(host, self.ca_file.as_deref())? {
            let root = Certificate::from_der(root.to_vec()).map_err(|e| self.unsent(&e))?;
            parameters = parameters.add_root_certificate(root);
        }
        let parameters = parameters.build().map_err(|e| self.unsent(&e))?;
        Ok(match self.tls {
            MailTls::Required => Tls::Wrapper(parameters),
            MailTls::Starttls => Tls::Required(parameters),
            MailTls::None => Tls::None,
        })
    }

    fn transport(&self, host: &dyn Host) -> Result<AsyncSmtpTransport<Tokio1Executor>, Problem> {
        let MailServer { host: server, port } = &self.server;
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
            .port(*port)
            .tls(self.security(host)?)
            .timeout(Some(LIMIT));
        if let Some(name) = hostname(host) {
            transport = transport.hello_name(ClientId::Domain(name));
        }
        if let Some(credentials) = self.password(host)? {
            transport = transport.credentials(credentials);
        }
        Ok(transport.build())
    }

    fn unsent(&self, e: &Error) -> Problem {
        let remedy = if e.is_permanent() || e.is_client() {
            "see what it wants: user and password_file, tls, or other addresses in from and to"
        } else {
            REACH
        };
        Problem {
            what: format!("{} does not take it: {}", self.server, said(&e.to_string())),
            remedy: remedy.to_owned(),
        }
    }
}

fn hostname(host: &dyn Host) -> Option<String> {
    let name = String::from_utf8(host.read(Path::new(HOSTNAME)).ok()?).ok()?;
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}
