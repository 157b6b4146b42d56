//! `[notify]`: who is told of events, by which way.

use super::read::{Section, all};
use super::sections::optional;
use super::settings::{
    Events, HookAddress, Login, Mail, MailTls, Notify, NotifyCommand, Shape, Webhook,
};

pub(super) fn notify(mut s: Section<'_>) -> Option<Notify> {
    let command = s
        .sections("command")
        .and_then(|list| all(list.into_iter().map(command)));
    let webhook = s
        .sections("webhook")
        .and_then(|list| all(list.into_iter().map(webhook)));
    let mail = optional(s.optional_section("mail"), mail);
    s.finish();
    Some(Notify {
        command: command?,
        webhook: webhook?,
        mail: mail?,
    })
}

fn events(s: &mut Section<'_>) -> Option<Events> {
    s.or("events", Vec::new()).map(Events)
}

fn command(mut s: Section<'_>) -> Option<NotifyCommand> {
    let remedy =
        "write the program with its whole path, then its words: run = [\"/usr/local/sbin/tell\"]";
    let run = s.program("run", remedy);
    let events = events(&mut s);
    s.finish();
    Some(NotifyCommand {
        run: run?,
        events: events?,
    })
}

fn webhook(mut s: Section<'_>) -> Option<Webhook> {
    let address = address(&mut s);
    let shape = s.or("shape", Shape::Json);
    let secret_file = s.optional("secret_file");
    let ca_file = s.optional("ca_file");
    let events = events(&mut s);
    if let (Some(shape), Some(found)) = (shape, s.find("secret_file"))
        && !matches!(shape, Shape::DingTalk | Shape::Feishu)
    {
        found.wrong::<()>(
            "is for robots that ask for signatures",
            "remove it, or write shape = \"dingtalk\" or \"feishu\"",
        );
    }
    if let (Some(HookAddress::Here(url)), Some(found)) = (&address, s.find("ca_file"))
        && !url.is_https()
    {
        found.wrong::<()>(
            "stands beside a URL without TLS",
            "remove it, or write https://",
        );
    }
    s.finish();
    Some(Webhook {
        address: address?,
        shape: shape?,
        secret_file: secret_file?,
        ca_file: ca_file?,
        events: events?,
    })
}

fn address(s: &mut Section<'_>) -> Option<HookAddress> {
    let (here, file) = (s.optional("url")?, s.optional("url_file")?);
    match (here, file) {
        (Some(url), None) => Some(HookAddress::Here(url)),
        (None, Some(file)) => Some(HookAddress::File(file)),
        (Some(_), Some(_)) => s
            .find("url_file")?
            .wrong("stands beside a url", "keep one of them"),
        (None, None) => {
            s.wrong(
                "a webhook has no url and no url_file",
                "write url = \"https://HOST/PATH\", or url_file with the name of a file that holds it",
            );
            None
        }
    }
}

fn mail(mut s: Section<'_>) -> Option<Mail> {
    let server = s.required(
        "server",
        "name the mail server: server = \"mail.example.com:465\"",
    );
    let tls = s.or("tls", MailTls::Required);
    let ca_file = s.optional("ca_file");
    let from = s.required("from", "write the sender's address");
    let to = s.filled("to", "write the receivers' addresses");
    let login = login(&mut s);
    let events = events(&mut s);
    if tls == Some(MailTls::None) {
        let remedy = "write tls = \"required\" or \"starttls\", or remove it";
        if let Some(found) = s.find("user") {
            found.wrong::<()>("would have its password sent for all to read", remedy);
        }
        if let Some(found) = s.find("ca_file") {
            found.wrong::<()>("stands beside tls = \"none\"", remedy);
        }
    }
    s.finish();
    Some(Mail {
        server: server?,
        tls: tls?,
        ca_file: ca_file?,
        from: from?,
        to: to?,
        login: login?,
        events: events?,
    })
}

/// `Some(None)`: without.
fn login(s: &mut Section<'_>) -> Option<Option<Login>> {
    let (user, file) = (s.optional("user")?, s.optional("password_file")?);
    match (user, file) {
        (Some(user), Some(password_file)) => Some(Some(Login {
            user,
            password_file,
        })),
        (None, None) => Some(None),
        (Some(_), None) => s.find("user")?.wrong(
            "stands without a password_file",
            "name the file that holds the password, or remove both",
        ),
        (None, Some(_)) => s.find("password_file")?.wrong(
            "stands without a user",
            "write whose password it is, or remove both",
        ),
    }
}
