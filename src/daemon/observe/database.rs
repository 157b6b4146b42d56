//! What the database looks like from its own node.
use super::{QUIET_LOOKS, wait};
use crate::core::DatabaseRole;
use crate::daemon::mailbox::{Mailbox, Post};
use crate::daemon::site::Site;
use std::{
    sync::{Arc, mpsc::Receiver},
    thread,
};

/// Looks at the database, which may keep one waiting.
pub(super) fn watch(site: Arc<Site>, mailbox: Mailbox, kicked: Receiver<()>) {
    thread::spawn(move || {
        let (mut last, mut lag, mut looks) = (None, None, 0);
        let mut identity = Identity::default();
        if let Ok(guard) = site.database().guard()
            && let Err(e) = guard.watch_over()
        {
            tracing::error!(
                "whether a former primary starts by itself is not as configured: {}; {}",
                e.what,
                e.remedy
            );
        }
        loop {
            let standing = site.database().standing();
            if looks % QUIET_LOOKS == 0 {
                lag = site.database().replication().ok().and_then(|r| r.lag_bytes);
                identity.look(&site, standing.role);
            }
            looks += 1;
            let seen = (standing, lag, identity.known.clone());
            if last.as_ref() != Some(&seen) {
                last = Some(seen.clone());
                let (standing, lag, identity) = seen;
                mailbox.post(Post::Looked(Box::new(move |looks| {
                    let local = &mut looks.local;
                    local.database = standing.role;
                    local.follows = standing.follows;
                    local.timeline = standing.timeline;
                    local.identity = identity;
                    local.term = standing.term;
                    local.held = standing.held;
                    local.may_start = standing.may_start;
                    Arc::make_mut(&mut local.details).lag_bytes = lag;
                })));
            }
            match wait(&kicked) {
                Some(true) => looks = 0,
                Some(false) => {}
                None => return,
            }
        }
    });
}

/// Which database it is. It is another one only after a start, and is not asked in between: for some kinds that is a program.
#[derive(Default)]
struct Identity {
    known: String,
    is_of_this_start: bool,
}

impl Identity {
    fn look(&mut self, site: &Site, role: DatabaseRole) {
        let is_up = matches!(role, DatabaseRole::Primary | DatabaseRole::Standby);
        let kind = site.settings.database.as_ref().map(|d| d.kind.name());
        let is_asked = is_up && !self.is_of_this_start;
        let answer = is_asked.then(|| site.database().identity().ok()).flatten();
        if let Some((kind, answer)) = kind.zip(answer) {
            self.known = format!("{kind} {answer}");
            self.is_of_this_start = true;
        }
        self.is_of_this_start &= is_up;
    }
}
