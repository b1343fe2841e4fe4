//! Which stretches of time a schedule is done with: their runs were started, or skipped for
//! good.
//!
//! One mark ("everything until then") is not enough where clocks are set: after a jump forward
//! and back it would silence a schedule until the future comes. So there are stretches, and
//! what lies between them may still run. No time that was started is ever outside of them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Each outage that skips runs, and each clock that is set back, makes one; past this many the
/// oldest become one.
const MOST: usize = 8;

/// Stretches in order; no two overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Dealt {
    stretches: Vec<Stretch>,
    looked: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch {
    /// Not itself part of it.
    after: Timestamp,
    until: Timestamp,
}

impl Dealt {
    /// From where on times are open as of `now`. What was before the first look is nobody's, and
    /// so is what was before the time that a clock is set back to.
    pub(super) fn open_after(&mut self, now: Timestamp) -> Timestamp {
        let forward = self.looked.is_some_and(|looked| looked <= now);
        self.looked = Some(now);
        if !forward && self.end_of(now).is_none() {
            self.add(now, now);
        }
        let latest = self.stretches.iter().rev().find(|stretch| stretch.after <= now);
        latest.map_or(now, |stretch| stretch.until)
    }

    /// Where a time that is dealt with lets the search go on.
    pub(super) fn end_of(&self, time: Timestamp) -> Option<Timestamp> {
        let inside = |stretch: &&Stretch| stretch.after < time && time <= stretch.until;
        self.stretches.iter().find(inside).map(|stretch| stretch.until)
    }

    /// Adds the times later than `after`, up to `until`.
    pub(super) fn add(&mut self, after: Timestamp, until: Timestamp) {
        self.stretches.push(Stretch { after, until });
        self.stretches.sort_by_key(|stretch| stretch.after);
        let mut joined: Vec<Stretch> = Vec::with_capacity(self.stretches.len());
        for stretch in self.stretches.drain(..) {
            match joined.last_mut().filter(|last| stretch.after <= last.until) {
                Some(last) => last.until = last.until.max(stretch.until),
                None => joined.push(stretch),
            }
        }
        while joined.len() > MOST {
            let oldest = joined.remove(0);
            if let Some(next) = joined.first_mut() {
                next.after = oldest.after;
            }
        }
        self.stretches = joined;
    }

    /// Adds a time itself, and those up to `until`.
    pub(super) fn add_time(&mut self, time: Timestamp, until: Timestamp) {
        let after = time.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(time);
        self.add(after, until);
    }
}
