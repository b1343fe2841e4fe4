//! When the times on the wall that a pattern matches come in a zone.
//!
//! A pattern for times of day runs once for each: a time that the clock skips runs right after
//! the gap, one that it repeats runs the first time. A pattern that covers every hour follows
//! the hours as they pass: it runs in a repeated hour too, and a skipped hour needs no run. Where
//! the clock skips a part of an hour only, what fell into that part runs after it.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::cron::{Pattern, before};

/// A pattern on the clocks of a zone.
#[derive(Debug, Clone)]
pub(super) struct WallClock {
    pub(super) pattern: Pattern,
    pub(super) zone: TimeZone,
}

/// What the clock on the wall does at an instant: it shows `until` and goes on from `onward`.
struct Change {
    at: Timestamp,
    until: DateTime,
    onward: DateTime,
}

impl WallClock {
    /// The first run later than this instant.
    pub(super) fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let mut from = instant;
        let mut after = self.shown(instant);
        if let Some(last) = self.last_change(instant)
            && !self.pattern.every_hour()
        {
            // What was before the clock went back is done.
            after = after.max(before(last.until)?);
        }
        let mut next = self.pattern.next(after)?;
        loop {
            let offset = self.zone.to_offset(from);
            let at = offset.to_timestamp(next).ok();
            let Some(change) = self.next_change(from) else { return at };
            if let Some(at) = at.filter(|at| *at < change.at) {
                return Some(at);
            }
            if self.skipped(&change).is_some() {
                return Some(change.at);
            }
            from = change.at;
            let repeats = change.onward < change.until && self.pattern.every_hour();
            after = before(if repeats { change.onward } else { change.onward.max(change.until) })?;
            if repeats || next <= after {
                next = self.pattern.next(after)?;
            }
        }
    }

    /// The date that a run is for: of a run after a gap, the date of the time that was skipped.
    pub(super) fn date_of(&self, run: Timestamp) -> Date {
        let change = self.last_change(run).filter(|change| change.at == run);
        let skipped = change.and_then(|change| self.skipped(&change));
        skipped.unwrap_or_else(|| self.shown(run)).date()
    }

    /// The first time that this change skips and that must run after it.
    fn skipped(&self, change: &Change) -> Option<DateTime> {
        let hour = change.onward.date().at(change.onward.hour(), 0, 0, 0);
        let from = if self.pattern.every_hour() { change.until.max(hour) } else { change.until };
        self.pattern.next(before(from)?).filter(|time| *time < change.onward)
    }

    fn shown(&self, instant: Timestamp) -> DateTime {
        self.zone.to_offset(instant).to_datetime(instant)
    }

    fn next_change(&self, after: Timestamp) -> Option<Change> {
        let at = self.zone.following(after).next()?.timestamp();
        self.change(at)
    }

    fn last_change(&self, until: Timestamp) -> Option<Change> {
        let later = until.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
        let at = self.zone.preceding(later).next()?.timestamp();
        self.change(at)
    }

    fn change(&self, at: Timestamp) -> Option<Change> {
        let earlier = at.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()?;
        let until = self.zone.to_offset(earlier).to_datetime(at);
        Some(Change { at, until, onward: self.shown(at) })
    }
}
