//! What was counted when: panes of time that windows are put together from.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reference::Reference;
use super::tally::Tally;

/// Time since the epoch of Unix. Wall time, since panes outlive the process.
pub type Moment = Duration;

/// Panes of the short window, and short windows in the long one.
const SHORT_PANES: u32 = 60;
const LONG_PANES: u32 = 48;

/// The windows that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// The window of the settings.
    Short,
    /// 48 of those: for changes that are slow, and models that are seldom asked.
    Long,
}

impl Span {
    pub const ALL: [Self; 2] = [Self::Short, Self::Long];

    /// Its length, where `window` is that of the settings.
    #[must_use]
    pub fn length(self, window: Duration) -> Duration {
        match self {
            Self::Short => window,
            Self::Long => window * LONG_PANES,
        }
    }
}

/// Everything of the last 48 windows, in panes that grow coarser. About 10 KiB for a number in
/// ten intervals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// When counting began: a window that began before is not full.
    since: Moment,
    /// When something was added for the last time.
    until: Moment,
    fine: Ring,
    coarse: Ring,
}

/// Panes of one length, oldest first, and the one that fills up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ring {
    panes: VecDeque<Pane>,
    open: Tally,
    opened: Moment,
}

/// A stretch of time and what was counted in it. Half of the memory of a [`Tally`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pane {
    ended: Moment,
    rows: u64,
    counted: u64,
    counts: Box<[u32]>,
    /// Of the bins that are not empty.
    sums: Box<[f32]>,
    outside: Box<[u32]>,
}

impl History {
    #[must_use]
    pub fn new(reference: &Reference, now: Moment) -> Self {
        let ring = || Ring { panes: VecDeque::new(), open: Tally::new(reference), opened: now };
        Self { since: now, until: now, fine: ring(), coarse: ring() }
    }

    /// Adds what was counted until `now`, and closes the panes that are full.
    pub fn add(&mut self, counted: &Tally, window: Duration, now: Moment) {
        // A clock that was ahead once must not keep windows from ever being full.
        self.since = self.since.min(now);
        let until = std::mem::replace(&mut self.until, now).min(now);
        for (ring, span) in [(&mut self.fine, Span::Short), (&mut self.coarse, Span::Long)] {
            let (length, panes) = (span.length(window), span.panes());
            // The server may have been away for longer than a pane. What it counted before must
            // not look as if it were of today.
            if now.saturating_sub(until) >= length / panes {
                ring.close(until);
            }
            ring.open.add(counted);
            ring.advance(length, panes, now);
        }
    }

    /// All that was counted in the window that ends now.
    #[must_use]
    pub fn window(&self, span: Span, window: Duration, now: Moment) -> Tally {
        let ring = match span {
            Span::Short => &self.fine,
            Span::Long => &self.coarse,
        };
        let begin = now.saturating_sub(span.length(window));
        let mut sum = if self.until > begin { ring.open.clone() } else { ring.open.empty() };
        ring.panes.iter().filter(|pane| pane.ended > begin).for_each(|pane| pane.add_to(&mut sum));
        sum
    }

    /// Whether a window's time has passed since counting began.
    #[must_use]
    pub fn covers(&self, span: Span, window: Duration, now: Moment) -> bool {
        now.saturating_sub(self.since) >= span.length(window)
    }

    /// Whether it was counted in the bins of this reference.
    #[must_use]
    pub fn fits(&self, reference: &Reference) -> bool {
        [&self.fine, &self.coarse].into_iter().all(|ring| {
            ring.open.fits(reference) && ring.panes.iter().all(|pane| pane.fits(reference))
        })
    }
}

impl Span {
    fn panes(self) -> u32 {
        match self {
            Self::Short => SHORT_PANES,
            Self::Long => LONG_PANES,
        }
    }
}

impl Ring {
    /// Closes the open pane if its time is over, and forgets what left the window.
    fn advance(&mut self, length: Duration, panes: u32, now: Moment) {
        // A clock that was set back must not keep a pane open until it has caught up.
        self.opened = self.opened.min(now);
        if now.saturating_sub(self.opened) >= length / panes {
            self.close(now);
        }
        let begin = now.saturating_sub(length);
        self.panes.retain(|pane| pane.ended > begin && pane.ended <= now);
    }

    /// Ends the open pane at this time, and opens the next one there.
    fn close(&mut self, ended: Moment) {
        let empty = self.open.empty();
        let closed = std::mem::replace(&mut self.open, empty);
        // A pane of nothing takes as much memory as any other.
        if !closed.is_empty() {
            self.panes.push_back(Pane::new(&closed, ended));
        }
        self.opened = ended;
    }
}

impl Pane {
    fn new(tally: &Tally, ended: Moment) -> Self {
        let small = |count: &u64| u32::try_from(*count).unwrap_or(u32::MAX);
        let sums = tally.counts.iter().zip(&tally.sums).filter(|(count, _)| **count > 0);
        Self {
            ended,
            rows: tally.rows,
            counted: tally.counted,
            counts: tally.counts.iter().map(small).collect(),
            sums: sums.map(|(_, sum)| single(*sum)).collect(),
            outside: tally.outside.iter().map(small).collect(),
        }
    }

    fn add_to(&self, tally: &mut Tally) {
        tally.rows += self.rows;
        tally.counted += self.counted;
        for (count, own) in tally.counts.iter_mut().zip(&self.counts) {
            *count += u64::from(*own);
        }
        for (count, own) in tally.outside.iter_mut().zip(&self.outside) {
            *count += u64::from(*own);
        }
        let filled = tally.sums.iter_mut().zip(&self.counts).filter(|(_, count)| **count > 0);
        for ((sum, _), own) in filled.zip(&self.sums) {
            *sum += f64::from(*own);
        }
    }

    fn fits(&self, reference: &Reference) -> bool {
        let filled = self.counts.iter().filter(|count| **count > 0).count();
        let lengths = (self.counts.len(), self.sums.len(), self.outside.len());
        lengths == (reference.bins, filled, reference.watched.len())
    }
}

/// As near as single precision comes, and finite.
#[expect(clippy::cast_possible_truncation, reason = "seven digits of a sum are enough")]
fn single(sum: f64) -> f32 {
    let sum = sum.clamp(f64::from(f32::MIN), f64::from(f32::MAX));
    if sum.is_nan() { 0.0 } else { sum as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::sample::reference;

    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);
    const START: Moment = Duration::from_hours(100);

    fn rows(reference: &Reference, rows: u64) -> Tally {
        Tally { rows, ..Tally::new(reference) }
    }

    /// Rows of the short window and of the long one, which are an hour and two days.
    fn seen(history: &History, now: Moment) -> [u64; 2] {
        Span::ALL.map(|span| history.window(span, HOUR, now).rows)
    }

    #[test]
    fn what_was_counted_before_a_stop_keeps_its_time() {
        let reference = reference(300);
        let mut history = History::new(&reference, START);
        // Half a minute and then nothing: both panes are open.
        let stopped = START + MINUTE / 2;
        history.add(&rows(&reference, 5), HOUR, stopped);
        let saved = serde_json::to_vec(&history).unwrap();
        for (away, expected) in [
            (MINUTE / 2, [5, 5]),
            (59 * MINUTE, [5, 5]),
            (HOUR, [0, 5]),
            (47 * HOUR, [0, 5]),
            (48 * HOUR, [0, 0]),
        ] {
            let mut history: History = serde_json::from_slice(&saved).unwrap();
            let back = stopped + away;
            assert_eq!(seen(&history, back), expected, "before the first look, after {away:?}");
            history.add(&rows(&reference, 2), HOUR, back);
            assert_eq!(seen(&history, back), expected.map(|rows| rows + 2), "after {away:?}");
            let later = back + HOUR / 2;
            history.add(&rows(&reference, 0), HOUR, later);
            let left = if away + HOUR / 2 < HOUR { 7 } else { 2 };
            assert_eq!(seen(&history, later)[0], left, "half an hour later, after {away:?}");
        }
    }

    #[test]
    fn looks_closer_and_farther_apart_than_a_pane_lose_nothing() {
        let reference = reference(300);
        for apart in [MINUTE / 6, MINUTE, 3 * MINUTE] {
            let mut history = History::new(&reference, START);
            let looks = 9;
            for look in 1..=looks {
                history.add(&rows(&reference, 1), HOUR, START + apart * look);
            }
            let all = [u64::from(looks); 2];
            assert_eq!(seen(&history, START + apart * looks), all, "{apart:?}");
        }
    }
}
