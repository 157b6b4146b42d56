//! `pair`: shows a code and waits for the other node, or takes the code that the other node shows.
use super::client::Client;
use super::output::Output;
use super::verbs::Ended;
use crate::render;
use crate::wire::{Code, Failure, PairRequest, PairView};
use std::{io::stdin, time::Duration};

const BEAT: Duration = Duration::from_secs(1);

pub(super) async fn run(client: &Client, out: Output, code: Option<String>) -> Ended {
    let code = match code.as_deref() {
        Some("-") => Some(read_code(out)?),
        Some(_) | None => code,
    };
    let before: PairView = client.get("/v1/pair").await?;
    let view: PairView = client.post("/v1/pair", &PairRequest { code }).await?;
    out.answer(&view, render::pair);
    if !view.waiting || out.json {
        return Ok(0);
    }
    loop {
        tokio::time::sleep(BEAT).await;
        let now: PairView = client.get("/v1/pair").await?;
        if now.peer.is_some() && (now.peer != before.peer || !now.waiting) {
            out.answer(&now, render::pair);
            return Ok(0);
        }
        if !now.waiting {
            let what = say!(out.lang, "nobody used the code in time, or it was mistyped");
            let remedy = say!(out.lang, "hau-ctl pair shows a new one");
            return Err(Failure::new(Code::Refused, what, remedy));
        }
    }
}

fn read_code(out: Output) -> Result<String, Failure> {
    let mut line = String::new();
    stdin().read_line(&mut line).map_err(|e| {
        let what = say!(out.lang, "cannot read the code from stdin: {}", e);
        let remedy = say!(out.lang, "give it on a line of its own");
        Failure::new(Code::Usage, what, remedy)
    })?;
    Ok(line.trim().to_owned())
}
