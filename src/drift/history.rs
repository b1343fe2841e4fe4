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
        Self { since: now, fine: ring(), coarse: ring() }
    }

    /// Adds what was counted until `now`, and closes the panes that are full.
    pub fn add(&mut self, counted: &Tally, window: Duration, now: Moment) {
        // A clock that was ahead once must not keep windows from ever being full.
        self.since = self.since.min(now);
        for (ring, span) in [(&mut self.fine, Span::Short), (&mut self.coarse, Span::Long)] {
            ring.open.add(counted);
            ring.advance(span.length(window), span.panes(), now);
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
        let mut sum = ring.open.clone();
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
            let empty = self.open.empty();
            let closed = std::mem::replace(&mut self.open, empty);
            // A pane of nothing takes as much memory as any other.
            if !closed.is_empty() {
                self.panes.push_back(Pane::new(&closed, now));
            }
            self.opened = now;
        }
        let begin = now.saturating_sub(length);
        self.panes.retain(|pane| pane.ended > begin && pane.ended <= now);
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
