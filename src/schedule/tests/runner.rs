//! What is started and skipped, with a clock that the test has in its hand.

use jiff::{SignedDuration, ToSpan};
use proptest::prelude::*;

use super::*;

/// A server that asks; its actions as texts.
struct Server {
    schedules: Vec<Schedule>,
    state: State,
    wake: Option<Timestamp>,
}

impl Server {
    fn new(cron: &str, more: &str) -> Self {
        let schedules = vec![schedule(cron, "UTC", more)];
        Self { schedules, state: State::default(), wake: None }
    }

    fn at(&mut self, now: &str) -> Vec<String> {
        self.look(instant(now)).iter().map(describe).collect()
    }

    fn look(&mut self, now: Timestamp) -> Vec<Action> {
        let decision = decide(&self.schedules, &self.state, now);
        // The state is kept as text between looks.
        let text = serde_json::to_string(&decision.state).unwrap();
        self.state = serde_json::from_str(&text).unwrap();
        assert_eq!(self.state, decision.state);
        self.wake = decision.wake;
        decision.actions
    }

    fn ends(&mut self, now: &str, outcome: Outcome) -> Ended {
        self.state.finished(&self.schedules[0], outcome, instant(now))
    }

    fn succeeds(&mut self, now: &str) {
        assert_eq!(self.ends(now, Outcome::Succeeded), Ended::Succeeded);
    }

    fn fails(&mut self, now: &str) -> Ended {
        self.ends(now, Outcome::Failed("no such bucket".to_owned()))
    }

    fn wakes(&self) -> String {
        self.wake.unwrap().to_string()
    }
}

fn describe(action: &Action) -> String {
    let short = |time: &Zoned| time.strftime("%d %H:%M").to_string();
    match action {
        Action::Start { scheduled_for, attempt, .. } => {
            format!("start {} #{attempt}", short(scheduled_for))
        }
        Action::Skip { scheduled_for, since, reason, .. } => {
            let since = since.as_ref().map(|since| format!("{} to ", short(since)));
            format!("skip {}{} {}", since.unwrap_or_default(), short(scheduled_for), reason.name())
        }
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_run_starts_at_its_time_and_once() {
    let mut server = Server::new("0 2 * * *", "");
    assert_eq!(server.at("2024-05-01T01:00:00Z"), NOTHING);
    assert_eq!(server.wakes(), "2024-05-01T02:00:00Z");
    assert_eq!(server.at("2024-05-01T02:00:00Z"), ["start 01 02:00 #1"]);
    assert_eq!(server.at("2024-05-01T02:00:00Z"), NOTHING);
    server.succeeds("2024-05-01T02:10:00Z");
    assert_eq!(server.at("2024-05-01T02:10:00Z"), NOTHING);
    assert_eq!(server.wakes(), "2024-05-02T02:00:00Z");
    let progress = server.state.progress("nightly").unwrap();
    assert_eq!(progress.last_success.unwrap().at, instant("2024-05-01T02:10:00Z"));
}

#[test]
fn what_was_before_the_first_look_is_not_made_up_for() {
    let mut server = Server::new("* * * * *", "missed = \"run\"");
    assert_eq!(server.at("2024-05-01T01:00:00Z"), NOTHING);
}

#[test]
fn a_failed_run_is_tried_again_as_often_and_as_late_as_its_owner_said() {
    let mut server = Server::new("0 2 * * *", "on_failure = { retries = 2, wait = \"5m\" }");
    server.at("2024-05-01T01:00:00Z");
    server.at("2024-05-01T02:00:00Z");
    assert!(matches!(server.fails("2024-05-01T02:01:00Z"), Ended::Retries(_)));
    assert_eq!(server.at("2024-05-01T02:01:00Z"), NOTHING);
    assert_eq!(server.wakes(), "2024-05-01T02:06:00Z");
    assert_eq!(server.at("2024-05-01T02:06:00Z"), ["start 01 02:00 #2"]);
    assert!(matches!(server.fails("2024-05-01T02:07:00Z"), Ended::Retries(_)));
    assert_eq!(server.at("2024-05-01T02:12:00Z"), ["start 01 02:00 #3"]);
    assert_eq!(server.fails("2024-05-01T02:13:00Z"), Ended::Failed);
    assert_eq!(server.at("2024-05-01T03:00:00Z"), NOTHING);
    assert_eq!(server.at("2024-05-02T02:00:00Z"), ["start 02 02:00 #1"]);
    let failure = server.state.progress("nightly").unwrap().last_failure.clone().unwrap();
    assert_eq!((failure.attempts, failure.reason.as_str()), (3, "no such bucket"));
}

#[test]
fn without_on_failure_a_failed_run_has_failed() {
    let mut server = Server::new("0 2 * * *", "");
    server.at("2024-05-01T01:00:00Z");
    server.at("2024-05-01T02:00:00Z");
    assert_eq!(server.fails("2024-05-01T02:01:00Z"), Ended::Failed);
    assert_eq!(server.fails("2024-05-01T02:02:00Z"), Ended::NotRunning);
}

#[test]
fn runs_that_were_missed_are_skipped_and_told_together() {
    let mut server = Server::new("0 * * * *", "");
    server.at("2024-05-01T01:30:00Z");
    assert_eq!(server.at("2024-05-01T05:30:00Z"), ["skip 01 02:00 to 01 05:00 missed"]);
    assert_eq!(server.at("2024-05-01T05:31:00Z"), NOTHING);
    assert_eq!(server.wakes(), "2024-05-01T06:00:00Z");
    assert_eq!(server.at("2024-05-01T06:00:00Z"), ["start 01 06:00 #1"]);
}

#[test]
fn of_runs_that_were_missed_the_latest_runs_if_its_owner_wants_it() {
    let mut server = Server::new("0 * * * *", "missed = \"run\"");
    server.at("2024-05-01T01:30:00Z");
    let expected = ["skip 01 02:00 to 01 04:00 missed", "start 01 05:00 #1"];
    assert_eq!(server.at("2024-05-01T05:30:00Z"), expected);
    assert_eq!(server.at("2024-05-01T05:31:00Z"), NOTHING);
}

#[test]
fn years_of_missed_minutes_are_found_at_once() {
    let mut server = Server::new("* * * * *", "missed = \"run\"");
    server.at("2014-05-01T01:30:00Z");
    let actions = server.at("2024-05-01T05:30:10Z");
    assert_eq!(actions, ["skip 01 01:31 to 01 05:29 missed", "start 01 05:30 #1"]);
}

#[test]
fn a_look_that_is_a_little_late_misses_nothing() {
    let mut server = Server::new("0 2 * * *", "");
    server.at("2024-05-01T01:00:00Z");
    assert_eq!(server.at("2024-05-01T02:00:59Z"), ["start 01 02:00 #1"]);
}

#[test]
fn a_run_that_could_not_begin_in_time_is_skipped() {
    let mut server = Server::new("0 2 * * *", "missed = \"run\"\nstart_within = \"1h\"");
    server.at("2024-05-01T01:00:00Z");
    assert_eq!(server.at("2024-05-01T03:00:01Z"), ["skip 01 02:00 too_late"]);
    assert_eq!(server.at("2024-05-02T03:00:00Z"), ["start 02 02:00 #1"]);
}

#[test]
fn a_run_whose_time_comes_while_the_one_before_goes_on_is_skipped() {
    let mut server = Server::new("0 * * * *", "on_failure = { retries = 1, wait = \"2h\" }");
    server.at("2024-05-01T00:30:00Z");
    server.at("2024-05-01T01:00:00Z");
    assert_eq!(server.at("2024-05-01T02:00:00Z"), ["skip 01 02:00 overlap"]);
    server.fails("2024-05-01T02:30:00Z");
    // It has not ended while it waits for another attempt.
    assert_eq!(server.at("2024-05-01T03:00:00Z"), ["skip 01 03:00 overlap"]);
}

#[test]
fn a_run_that_waits_starts_when_the_one_before_ends_and_in_order() {
    let mut server = Server::new("0 * * * *", "overlap = \"queue\"\nstart_within = \"90m\"");
    server.at("2024-05-01T00:30:00Z");
    server.at("2024-05-01T01:00:00Z");
    assert_eq!(server.at("2024-05-01T02:00:00Z"), NOTHING);
    assert_eq!(server.at("2024-05-01T03:00:00Z"), NOTHING);
    server.succeeds("2024-05-01T03:20:00Z");
    assert_eq!(server.at("2024-05-01T03:20:00Z"), ["start 01 02:00 #1"]);
    assert_eq!(server.at("2024-05-01T04:00:00Z"), NOTHING);
    server.succeeds("2024-05-01T04:45:00Z");
    assert_eq!(server.at("2024-05-01T04:45:00Z"), ["skip 01 03:00 too_late", "start 01 04:00 #1"]);
}

#[test]
fn the_queue_of_a_schedule_is_bounded() {
    let mut server = Server::new("* * * * *", "overlap = \"queue\"");
    let mut now = instant("2024-05-01T00:00:00Z");
    let mut skipped = 0;
    for _ in 0..200 {
        skipped += server.look(now).iter().filter(|it| matches!(it, Action::Skip { .. })).count();
        now += 1.minute();
    }
    assert_eq!(server.state.progress("nightly").unwrap().queue.len(), 100);
    assert_eq!(skipped, 98);
}

#[test]
fn a_clock_that_is_set_back_runs_nothing_twice() {
    let mut server = Server::new("0 * * * *", "missed = \"run\"");
    server.at("2024-05-01T00:30:00Z");
    for hour in ["01", "02", "03"] {
        assert_eq!(server.at(&format!("2024-05-01T{hour}:00:00Z")).len(), 1);
        server.succeeds(&format!("2024-05-01T{hour}:01:00Z"));
    }
    for now in ["01:30:00", "02:00:00", "02:59:59", "03:00:00", "03:30:00"] {
        assert_eq!(server.at(&format!("2024-05-01T{now}Z")), NOTHING, "{now}");
        assert_eq!(server.wakes(), "2024-05-01T04:00:00Z");
    }
    assert_eq!(server.at("2024-05-01T04:00:00Z"), ["start 01 04:00 #1"]);
}

#[test]
fn a_clock_that_was_far_ahead_for_a_while_does_not_silence_a_schedule() {
    let mut server = Server::new("0 2 * * *", "missed = \"run\"");
    server.at("2024-05-01T00:00:00Z");
    let ahead = server.at("2025-05-01T03:00:00Z");
    assert_eq!(ahead, ["skip 01 02:00 to 30 02:00 missed", "start 01 02:00 #1"]);
    server.succeeds("2025-05-01T03:01:00Z");
    assert_eq!(server.at("2024-05-01T00:05:00Z"), NOTHING);
    assert_eq!(server.wakes(), "2024-05-01T02:00:00Z");
    assert_eq!(server.at("2024-05-01T02:00:00Z"), ["start 01 02:00 #1"]);
    server.succeeds("2024-05-01T02:01:00Z");
    // And what ran ahead of its time does not come again.
    server.at("2025-05-01T01:59:50Z");
    assert_eq!(server.at("2025-05-01T02:00:00Z"), NOTHING);
}

#[test]
fn a_clock_that_was_ahead_at_the_first_look_does_not_silence_a_schedule() {
    let mut server = Server::new("0 2 * * *", "");
    server.at("2038-01-01T00:00:00Z");
    server.at("2024-05-01T00:05:00Z");
    assert_eq!(server.wakes(), "2024-05-01T02:00:00Z");
    assert_eq!(server.at("2024-05-01T02:00:00Z"), ["start 01 02:00 #1"]);
}

#[test]
fn a_run_of_which_nobody_knows_how_it_ended_is_not_tried_again() {
    let mut server = Server::new("0 2 * * *", "on_failure = { retries = 3, wait = \"1m\" }");
    server.at("2024-05-01T01:00:00Z");
    server.at("2024-05-01T02:00:00Z");
    assert!(server.state.asked("nightly", "7") && !server.state.asked("nightly", "7"));
    assert_eq!(server.state.running()[0].1.job.as_deref(), Some("7"));
    assert_eq!(server.ends("2024-05-01T02:30:00Z", Outcome::Lost), Ended::Failed);
    assert_eq!(server.at("2024-05-01T03:00:00Z"), NOTHING);
}

#[test]
fn schedules_do_not_touch_each_other_and_those_that_are_gone_are_forgotten() {
    let mut server = Server::new("0 2 * * *", "");
    let mut other = schedule("0 3 * * *", "UTC", "");
    other.name = "other".to_owned();
    server.schedules.push(other);
    server.at("2024-05-01T01:00:00Z");
    assert_eq!(server.at("2024-05-01T02:00:00Z").len(), 1);
    assert_eq!(server.wakes(), "2024-05-01T03:00:00Z");
    server.schedules.pop();
    server.at("2024-05-01T02:01:00Z");
    assert!(server.state.progress("other").is_none());
}

proptest! {
    #[test]
    fn no_time_is_started_twice_whatever_the_clock_does(
        jumps in prop::collection::vec((-200_000i64..200_000, prop::bool::ANY), 1..60),
        run in prop::bool::ANY, queue in prop::bool::ANY,
    ) {
        let more = format!(
            "missed = \"{}\"\noverlap = \"{}\"",
            if run { "run" } else { "skip" },
            if queue { "queue" } else { "skip" },
        );
        let mut server = Server::new("0 * * * *", &more);
        let mut now = instant("2024-05-01T00:30:00Z");
        let mut started = std::collections::BTreeSet::new();
        for (jump, ends) in jumps {
            for action in server.look(now) {
                if let Action::Start { scheduled_for, .. } = action {
                    prop_assert!(started.insert(scheduled_for.timestamp()), "{scheduled_for}");
                }
            }
            if ends {
                server.state.finished(&server.schedules[0], Outcome::Succeeded, now);
            }
            let woken = server.wake.filter(|_| jump % 2 == 0);
            now = woken.unwrap_or(now + SignedDuration::from_secs(jump));
        }
    }
}
