//! Which runs to start now, which to skip, and when to look again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Zoned};

use super::state::later;
use super::{Missed, Overlap, Progress, Retry, Running, Schedule, State};

/// A run that starts at most so long after its time is not late: nobody missed it.
pub const ON_TIME: Duration = Duration::from_mins(1);

/// Who sleeps until [`Decision::wake`] should look at least so often, since timers do not
/// notice that the clock was set or that the machine slept.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Runs of one schedule that wait.
const MAX_QUEUE: usize = 100;

/// What to do, and what is known after it is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub actions: Vec<Action>,
    /// When something may be due next; the end of a run is another reason to ask again.
    pub wake: Option<Timestamp>,
    /// To be kept before the actions are carried out, or a crash would repeat them.
    pub state: State,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Start {
        schedule: String,
        scheduled_for: Zoned,
        /// Counted from 1.
        attempt: u32,
    },
    Skip {
        schedule: String,
        /// The only time that is skipped, or the last of them.
        scheduled_for: Zoned,
        /// The first, if there are several.
        since: Option<Zoned>,
        reason: SkipReason,
    },
}

/// Why a run does not take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// Its time passed while nobody looked.
    Missed,
    /// The run before has not ended.
    Overlap,
    /// It could not begin within `start_within`.
    TooLate,
}

impl SkipReason {
    /// A word for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Overlap => "overlap",
            Self::TooLate => "too_late",
        }
    }
}

/// What is to be done at an instant.
///
/// No time of a schedule is started twice, whatever the clock does. The state of schedules that
/// are no more is forgotten once none of their runs is under way; whoever asks sees to that with
/// [`State::forget`].
pub fn decide(schedules: &[Schedule], state: &State, now: Timestamp) -> Decision {
    let mut state = state.clone();
    let known = |name: &String| schedules.iter().any(|schedule| schedule.name == *name);
    state.schedules.retain(|name, progress| progress.running.is_some() || known(name));
    let mut actions = Vec::new();
    let mut wake: Option<Timestamp> = None;
    for schedule in schedules {
        let progress = state.schedules.entry(schedule.name.clone()).or_default();
        let mut look = Look { schedule, progress, now, actions: &mut actions };
        look.retry();
        look.queue();
        look.due();
        let next = look.next();
        wake = wake.into_iter().chain(next).min();
    }
    Decision { actions, wake, state }
}

/// One schedule at one instant.
struct Look<'a> {
    schedule: &'a Schedule,
    progress: &'a mut Progress,
    now: Timestamp,
    actions: &'a mut Vec<Action>,
}

impl Look<'_> {
    /// Another attempt, if it is time.
    fn retry(&mut self) {
        let Some(retry) = &mut self.progress.retry else { return };
        // A clock that was set back does not make the wait longer.
        retry.at = retry.at.min(later(self.now, self.schedule.on_failure.wait));
        let Retry { scheduled_for, attempt, at } = *retry;
        if self.progress.running.is_some() || at > self.now {
            return;
        }
        self.progress.retry = None;
        if self.too_late(at) {
            self.skip(scheduled_for, None, SkipReason::TooLate);
        } else {
            self.start(scheduled_for, attempt);
        }
    }

    /// The oldest run that waits, if nothing is in its way.
    fn queue(&mut self) {
        while self.progress.running.is_none() && self.progress.retry.is_none() {
            let Some(scheduled_for) = self.progress.queue.pop_front() else { return };
            if self.too_late(scheduled_for) {
                self.skip(scheduled_for, None, SkipReason::TooLate);
            } else {
                self.start(scheduled_for, 1);
            }
        }
    }

    /// The times that came since the last look.
    fn due(&mut self) {
        let open = self.progress.dealt.open_after(self.now);
        let Some(first) = self.next_until(open, self.now) else {
            if open < self.now {
                self.progress.dealt.add(open, self.now);
            }
            return;
        };
        let latest = self.latest(first, self.now);
        let late = self.now.duration_since(latest).unsigned_abs();
        let missed = self.schedule.missed == Missed::Skip && late > ON_TIME;
        if !missed && first < latest {
            let end = latest.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(first);
            let before = self.latest(first, end);
            self.skip(before, Some(first), SkipReason::Missed);
        }
        if missed || self.too_late(latest) {
            let reason = if missed { SkipReason::Missed } else { SkipReason::TooLate };
            self.skip(latest, missed.then_some(first), reason);
            // If it was the clock that jumped and comes back, these may still run.
            self.progress.dealt.add(latest, self.now);
            return;
        }
        if first < latest {
            self.progress.dealt.add_time(latest, self.now);
        } else {
            self.progress.dealt.add(open, self.now);
        }
        self.admit(latest);
    }

    /// Starts a run whose time is now, or does what `overlap` says.
    fn admit(&mut self, scheduled_for: Timestamp) {
        if !self.progress.is_busy() {
            self.start(scheduled_for, 1);
        } else if self.schedule.overlap == Overlap::Queue && self.progress.queue.len() < MAX_QUEUE {
            self.progress.queue.push_back(scheduled_for);
        } else {
            self.skip(scheduled_for, None, SkipReason::Overlap);
        }
    }

    /// When this schedule has something to do next.
    fn next(&self) -> Option<Timestamp> {
        let mut next = self.schedule.clock.next_after(self.now);
        while let Some(end) = next.and_then(|time| self.progress.dealt.end_of(time)) {
            next = self.schedule.clock.next_after(end);
        }
        let retry = self.progress.retry.filter(|_| self.progress.running.is_none());
        next.into_iter().chain(retry.map(|retry| retry.at)).min()
    }

    fn next_until(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        self.schedule.clock.next_after(after).filter(|time| *time <= until)
    }

    /// The last time until an instant, of which `first` is one. Years of minutes may lie
    /// between, so it is searched by halves.
    fn latest(&self, first: Timestamp, until: Timestamp) -> Timestamp {
        let (mut latest, mut end) = (first, until);
        loop {
            let half = end.duration_since(latest) / 2;
            if half < SignedDuration::from_secs(1) {
                break;
            }
            let middle = latest.checked_add(half).unwrap_or(latest);
            match self.next_until(middle, until) {
                Some(time) => latest = time,
                None => end = middle,
            }
        }
        while let Some(time) = self.next_until(latest, until) {
            latest = time;
        }
        latest
    }

    fn too_late(&self, time: Timestamp) -> bool {
        let within = self.schedule.start_within;
        within.is_some_and(|within| later(time, within) < self.now)
    }

    fn start(&mut self, scheduled_for: Timestamp, attempt: u32) {
        self.progress.running =
            Some(Running { scheduled_for, attempt, since: self.now, job: None });
        self.actions.push(Action::Start {
            schedule: self.schedule.name.clone(),
            scheduled_for: self.zoned(scheduled_for),
            attempt,
        });
    }

    fn skip(&mut self, last: Timestamp, first: Option<Timestamp>, reason: SkipReason) {
        self.actions.push(Action::Skip {
            schedule: self.schedule.name.clone(),
            scheduled_for: self.zoned(last),
            since: first.filter(|first| *first < last).map(|first| self.zoned(first)),
            reason,
        });
    }

    fn zoned(&self, time: Timestamp) -> Zoned {
        time.to_zoned(self.schedule.clock.zone.clone())
    }
}
