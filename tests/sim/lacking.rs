//! A switch halts at the promotion. Where the standby lacks some of the log it was told nothing, and both nodes go
//! back; where it may become primary yet they do not, and trying again ends it.
use super::OPTIONS;
use super::model::site::{FROM, TO};
use super::model::{End, Options, World};
use hau::core::{Actor, Command, Event, Order, Refusal, Reply, RolloutResult, RowState};
use hau::steps;

/// One with an upgrade whose switch has got as far as the VIP; its primary was on node 0.
fn in_a_switch(seed: u64, takes_back: bool) -> World {
    let mut world = World::new(Options {
        seed,
        has_faults: false,
        takes_back,
        ..OPTIONS
    });
    world.until(&[RowState::Done], "receive_vip");
    // Nobody orders but the test.
    world.is_calm = false;
    world
}

/// The same at the halt. `lacks`: a row is written that the standby does not get; else it does not answer in time.
fn at_promote(mut world: World, lacks: bool) -> World {
    world.break_promotion(lacks);
    // Nobody asked, it goes back in the moment that it failed.
    world.until(&[RowState::Failed, RowState::Undone], "promote");
    world
}

const STANDBY: usize = 1;

impl World {
    fn until(&mut self, states: &[RowState], step: &str) {
        for _ in 0..100_000 {
            if self.is_any(states, step) {
                return;
            }
            self.run_for(5);
        }
        panic!("{step} never is {states:?}");
    }

    fn is_any(&self, states: &[RowState], step: &str) -> bool {
        let rollouts = self.nodes.iter().filter_map(|node| node.state()?.running());
        let mut rows = rollouts.flat_map(|r| r.mine.iter().map(|(n, x)| (&r.plan.rows[n], x)));
        rows.any(|(row, report)| row.step == step && states.contains(&report.state))
    }

    fn break_promotion(&mut self, lacks: bool) {
        self.pair.databases[STANDBY].edit(|cluster| {
            if lacks {
                cluster.members[STANDBY].is_stuck = true;
                assert!(cluster.write(1 - STANDBY), "the old primary serves");
            } else {
                let promote = steps::find("promote").expect("a row").attempts;
                cluster.members[STANDBY].failing.insert("promote", promote);
            }
        });
    }

    fn mend(&mut self) {
        self.pair.databases[STANDBY].edit(|c| c.members[STANDBY].is_stuck = false);
    }

    /// As soon as both nodes know of the halt.
    fn ordered(&mut self, n: usize, order: Order) -> Option<Reply> {
        self.run_for(100);
        let by = Actor::default();
        self.feed(n, &Event::Command(Command::Order { order, by }))
    }

    fn is_as_before(&mut self, seed: u64) {
        self.mend();
        self.is_calm = true;
        self.run();
        assert_eq!(self.broken, [], "seed {seed}");
        assert_eq!(self.end, Some(End::Ended(RolloutResult::Failed)));
        for n in 0..2 {
            assert_eq!(self.version(n).as_deref(), Some(FROM), "seed {seed}");
            assert!(self.serves(n), "seed {seed}");
        }
        let (primary, follows) = self.pair.databases[0]
            .edit(|c| (c.members[1 - STANDBY].is_primary, c.is_streaming(STANDBY)));
        assert!(primary && follows, "seed {seed}");
        assert!(self.has_vip(1 - STANDBY), "seed {seed}");
    }
}

#[test]
fn where_the_standby_lacks_some_of_the_log_an_abort_takes_all_back() {
    for seed in 0..12 {
        let mut world = at_promote(in_a_switch(seed, false), true);
        let asked = usize::try_from(seed % 2).expect("small");
        let reply = world.ordered(asked, Order::Abort);
        assert!(matches!(reply, Some(Reply::Accepted { .. })), "{reply:?}");
        world.is_as_before(seed);
    }
}

#[test]
fn where_the_standby_lacks_some_of_the_log_a_rollback_is_an_abort() {
    for seed in 0..12 {
        let mut world = at_promote(in_a_switch(seed, false), true);
        world.run_for(100);
        let asked = usize::try_from(seed % 2).expect("small");
        // It gives up what is halted, and is no rollout of its own.
        assert_eq!(world.go_back(asked), None);
        world.is_as_before(seed);
    }
}

#[test]
fn where_the_standby_lacks_some_of_the_log_the_policy_takes_all_back() {
    for seed in 0..12 {
        let mut world = at_promote(in_a_switch(seed, true), true);
        world.is_as_before(seed);
    }
}

#[test]
fn a_log_that_comes_after_all_is_promoted_by_a_retry() {
    for seed in 0..12 {
        let mut world = at_promote(in_a_switch(seed, false), true);
        world.mend();
        // The old primary has stopped: the rest comes from where its log is kept.
        world.pair.databases[STANDBY].edit(|cluster| {
            cluster.members[STANDBY].rows = cluster.members[1 - STANDBY].rows.clone();
        });
        world.ends_by_a_retry(seed);
    }
}

/// Users are waiting, and nobody could do anything but say so again.
#[test]
fn a_promotion_that_fails_once_is_tried_again_by_itself() {
    for seed in 0..12 {
        let mut world = in_a_switch(seed, false);
        world.pair.databases[STANDBY].edit(|cluster| {
            cluster.members[STANDBY].failing.insert("promote", 1);
        });
        world.is_calm = true;
        world.run();
        assert_eq!(world.broken, [], "seed {seed}");
        assert_eq!(world.end, Some(End::Ended(RolloutResult::Succeeded)));
    }
}

/// It may become primary yet, and the old primary would be a second one.
#[test]
fn a_promotion_that_may_end_yet_is_not_taken_back_and_ends_by_a_retry() {
    for seed in 0..12 {
        let mut world = at_promote(in_a_switch(seed, false), false);
        for n in 0..2 {
            let reply = world.ordered(n, Order::Abort);
            assert_eq!(reply, Some(Reply::Refused(Refusal::Undecided)));
        }
        world.ends_by_a_retry(seed);
    }
}

impl World {
    fn ends_by_a_retry(&mut self, seed: u64) {
        let asked = usize::try_from(seed % 2).expect("small");
        let reply = self.ordered(asked, Order::Retry);
        assert!(matches!(reply, Some(Reply::Accepted { .. })), "{reply:?}");
        self.is_calm = true;
        self.run();
        assert_eq!(self.broken, [], "seed {seed}");
        assert_eq!(self.end, Some(End::Ended(RolloutResult::Succeeded)));
        assert_eq!(self.version(STANDBY).as_deref(), Some(TO));
    }
}
