//! A mail, by SMTP.
use super::bounded::Bounded;
use super::{Channel, LIMIT, Notice, cut, findings, flat, said, trusted};
use crate::config::{Events, Login, Mail, MailServer, MailTls};
use crate::core::Problem;
use crate::host::http::{self, Unanswered};
use crate::host::{Finding, Host, secret};
use crate::tls::{self, TlsError};
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters},
    extension::ClientId,
};
use rustls::pki_types::CertificateDer;
use std::{path::Path, time::Duration};
use tokio::{runtime::Handle, time::timeout};

/// A subject that any mail program shows whole.
const SUBJECT_BYTES: usize = 200;
/// For a server's good-bye.
const LAST_WORDS: Duration = Duration::from_millis(200);
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
        let parts = [self.password(host).map(drop), self.roots(host).map(drop)];
        findings(&self.name(), parts)
    }

    fn tell(&self, notice: &Notice, host: &dyn Host, runtime: &Handle) -> Result<String, Problem> {
        let message = self.message(notice)?;
        let (login, roots) = (self.password(host)?, self.roots(host)?);
        let hello = hostname(host).map_or_else(ClientId::default, ClientId::Domain);
        let sent = async {
            let mut smtp = self.connect(&hello, roots).await?;
            if let Some(login) = login {
                smtp.auth(MECHANISMS, &login).await?;
            }
            let taken = smtp.send(message.envelope(), &message.formatted()).await?;
            // It has been taken, whatever comes after: told anew it would come twice.
            let _ = timeout(LAST_WORDS, smtp.quit()).await;
            Ok::<_, Unsent>(taken)
        };
        let sent = runtime.block_on(async { timeout(LIMIT, sent).await });
        let taken = sent.map_err(|_| self.problem(&Unanswered::Late(LIMIT).into()))?;
        let taken = taken.map_err(|why| self.problem(&why))?;
        let words = taken.message().collect::<Vec<_>>().join(" ");
        Ok(said(&format!("{} {words}", taken.code())))
    }
}

/// What servers offer, beside tokens of their own.
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// Why it was not taken.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Smtp(#[from] Error),
}

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
        Ok(Some(Credentials::new(user.clone(), password.to_string())))
    }

    /// Whom the server's certificate may be of; without TLS: nobody.
    fn roots(&self, host: &dyn Host) -> Result<Vec<CertificateDer<'static>>, Problem> {
        match self.tls {
            MailTls::None => Ok(Vec::new()),
            MailTls::Required | MailTls::Starttls => trusted(host, self.ca_file.as_deref()),
        }
    }

    /// Up to where a password may be sent.
    async fn connect(
        &self,
        hello: &ClientId,
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<AsyncSmtpConnection, Unsent> {
        let MailServer { host, port } = &self.server;
        let tcp = http::connect((host, *port)).await?;
        let peer = tcp
            .peer_addr()
            .map_err(|e| Unanswered::Broken(e.to_string()))?;
        let stream: Box<dyn AsyncTokioStream> = match self.tls {
            MailTls::Required => {
                let config = tls::outside_config(&roots)?;
                Box::new(Bounded::new(http::secure(tcp, host, config).await?, peer))
            }
            MailTls::Starttls | MailTls::None => Box::new(Bounded::new(tcp, peer)),
        };
        let mut smtp = AsyncSmtpConnection::connect_with_transport(stream, hello).await?;
        if self.tls == MailTls::Starttls {
            // The CAs are those of webhooks, not what lettre would take.
            let mut tls =
                TlsParameters::builder(host.clone()).certificate_store(CertificateStore::None);
            for root in roots {
                tls = tls.add_root_certificate(Certificate::from_der(root.to_vec())?);
            }
            smtp.starttls(tls.build()?, hello).await?;
        }
        Ok(smtp)
    }

    fn problem(&self, why: &Unsent) -> Problem {
        let remedy = match why {
            Unsent::Smtp(e) if e.is_permanent() || e.is_client() => {
                "see what it wants: user and password_file, tls, or other addresses in from and to"
            }
            Unsent::Unanswered(Unanswered::Tls(_)) | Unsent::Tls(_) => TRUST,
            // A server that is not trusted after STARTTLS is among these.
            Unsent::Smtp(_) if self.tls == MailTls::Starttls => TRUST,
            Unsent::Smtp(_) | Unsent::Unanswered(_) => REACH,
        };
        Problem {
            what: said(&format!("{} does not take it: {why}", self.server)),
            remedy: remedy.to_owned(),
        }
    }
}

const REACH: &str = "see that this host reaches it, and that port and tls belong together: mostly 465 and \"required\", 587 and \"starttls\"";
const TRUST: &str = "see that its certificate is valid and of the name in server, and that port and tls belong together; if it is of a CA of your own, name that in ca_file";

fn hostname(host: &dyn Host) -> Option<String> {
    let name = String::from_utf8(host.read(Path::new(HOSTNAME)).ok()?).ok()?;
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}
