//! A daemon that gives canned answers, for the real `hau-ctl`.
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    thread,
};
use tempfile::TempDir;

/// `GET /v1/status` to its answers, one after the other; the last one stays.
pub(crate) type Routes = BTreeMap<&'static str, Vec<Value>>;

pub(crate) struct Daemon {
    pub(crate) dir: TempDir,
    /// Method, path and body of every request.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Daemon {
    pub(crate) fn new(routes: Routes) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(dir.path().join("hau.sock")).expect("a free name");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, mut routes) = (asked.clone(), routes);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &mut routes, &seen);
            }
        });
        Self { dir, asked }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("hau.sock")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hau-ctl"));
        command
            .arg("--socket")
            .arg(self.socket())
            .args(args)
            .env("LANG", "C.UTF-8");
        for stronger in ["LC_ALL", "LC_MESSAGES", "LC_CTYPE"] {
            command.env_remove(stronger);
        }
        command.current_dir(self.dir.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        ended(self.command(args))
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

pub(crate) fn ended(mut command: Command) -> Ended {
    let done = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended {
        code: done.status.code(),
        out: text(done.stdout),
        err: text(done.stderr),
    }
}

pub(crate) fn answer(mut stream: UnixStream, routes: &mut Routes, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) < 3 {
            break;
        }
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().expect("a number");
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a whole body");
    let line = head
        .lines()
        .next()
        .unwrap_or_default()
        .replace(" HTTP/1.1", "");
    let body = String::from_utf8(body).expect("UTF-8");
    seen.lock()
        .expect("nobody panicked")
        .push(format!("{line} {body}").trim().to_owned());
    let answers = routes.get_mut(line.as_str());
    let answer = match answers {
        Some(answers) if answers.len() > 1 => answers.remove(0),
        Some(answers) => answers[0].clone(),
        None => failure("NOT_FOUND", "there is no such route"),
    };
    let text = answer.to_string();
    let status = if answer["ok"] == json!(true) {
        "200 OK"
    } else {
        "409 Conflict"
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    )
    .ok();
}

pub(crate) fn ok(data: Value) -> Value {
    json!({ "v": 1, "ok": true, "data": data })
}

pub(crate) fn failure(code: &str, what: &str) -> Value {
    json!({ "v": 1, "ok": false, "error": { "code": code, "what": what, "remedy": "do this" } })
}
