//! A program of the site's own: one line of JSON on its standard input.
use super::{Channel, LIMIT, Notice};
use crate::config::{Events, NotifyCommand};
use crate::core::Problem;
use crate::host::{Command, Finding, Host, commands, programs};
use tokio::runtime::Handle;

impl Channel for NotifyCommand {
    fn name(&self) -> String {
        self.program().to_owned()
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn look(&self, host: &dyn Host) -> Vec<Finding> {
        let place = "[[notify.command]] run";
        vec![programs::look(
            host,
            super::CHECK,
            self.program(),
            place,
            None,
        )]
    }

    fn tell(&self, notice: &Notice, _: &dyn Host, _: &Handle) -> Result<String, Problem> {
        let program = self.program();
        let problem = |what: String| {
            let remedy = told!("see what {} says, and run hau-ctl notify test", program);
            Problem { what, remedy }
        };
        let output = commands::run(&Command {
            program: program.into(),
            args: self.run.iter().skip(1).cloned().collect(),
            stdin: notice.line()?,
            limit: LIMIT,
            ..Command::default()
        });
        let output = output.map_err(|e| problem(e.to_string()))?;
        match output.code {
            Some(0) => Ok(told!("exit code 0")),
            Some(_) | None => Err(problem(told!("it ended with {}", output.ending()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoticeKind;
    use crate::host::fake::FakeHost;

    #[test]
    fn a_program_reads_one_line_and_its_failure_is_said() {
        let notice = Notice {
            v: 1,
            event: NoticeKind::Failed,
            cluster: "shop".to_owned(),
            node: "a".to_owned(),
            at: "2026-11-29T02:00:00Z".to_owned(),
            rollout: Some(7),
            what: "it \"failed\"\nbadly".to_owned(),
            remedy: String::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let (runtime, host) = (runtime.expect("a runtime"), FakeHost::new());
        let run = |words: &[&str]| {
            let target = NotifyCommand {
                run: words.iter().map(|word| (*word).to_owned()).collect(),
                events: Events::default(),
            };
            target.tell(&notice, &host, runtime.handle())
        };
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("got");
        let shown = file.display().to_string();
        assert_eq!(run(&["/usr/bin/tee", &shown]), Ok("exit code 0".to_owned()));
        let got = std::fs::read_to_string(&file).expect("written");
        assert_eq!(got.lines().count(), 1, "{got}");
        let read: serde_json::Value = serde_json::from_str(&got).expect("JSON");
        assert_eq!(read["event"], "failed");
        assert_eq!(read["what"], "it \"failed\"\nbadly");
        assert!(read.get("remedy").is_none());
        let why = run(&["/usr/bin/ls", "/no/such"]).expect_err("failed").what;
        assert!(
            why.contains("exit code 2") && why.contains("/no/such"),
            "{why}"
        );
        assert!(run(&["/no/program"]).is_err());
    }
}
