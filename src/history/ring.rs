//! Points of a stretch of time: as many as it holds, and none that are older.

use std::collections::VecDeque;
use std::time::Duration;

use super::{COARSE, FINE, HOUR, WEEK};

/// What stretches of time are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// An hour, in steps of 10 s.
    Hour,
    /// A week, in steps of 10 min.
    Week,
}

impl Span {
    pub const ALL: [Self; 2] = [Self::Hour, Self::Week];

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.as_str() == text)
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Week => "week",
        }
    }

    /// Between two points.
    #[must_use]
    pub fn step(self) -> Duration {
        match self {
            Self::Hour => FINE,
            Self::Week => COARSE,
        }
    }

    #[must_use]
    pub fn length(self) -> Duration {
        match self {
            Self::Hour => HOUR,
            Self::Week => WEEK,
        }
    }

    /// Points that are kept of it.
    pub(super) fn points(self) -> usize {
        usize::try_from(self.length().as_secs() / self.step().as_secs()).unwrap_or(usize::MAX)
    }
}

/// Points with their times since 1970, oldest first. Grows as it fills.
#[derive(Debug)]
pub(super) struct Ring<T> {
    span: Span,
    points: VecDeque<(Duration, T)>,
}

impl<T> Ring<T> {
    pub(super) fn new(span: Span) -> Self {
        Self { span, points: VecDeque::new() }
    }

    /// Adds what happened until `at`. Where the clock was set back, what it said before is taken
    /// for a mistake: times always rise.
    pub(super) fn push(&mut self, at: Duration, point: T) {
        while self.points.back().is_some_and(|(last, _)| *last >= at) {
            self.points.pop_back();
        }
        self.forget(at);
        if self.points.len() >= self.span.points() {
            self.points.pop_front();
        }
        self.points.push_back((at, point));
    }

    /// Lets go of what is too old.
    pub(super) fn forget(&mut self, now: Duration) {
        let oldest = now.saturating_sub(self.span.length());
        while self.points.front().is_some_and(|(at, _)| *at < oldest) {
            self.points.pop_front();
        }
        if self.points.is_empty() {
            self.points = VecDeque::new();
        }
    }

    /// Those that are young enough, oldest first.
    pub(super) fn until(&self, now: Duration) -> impl DoubleEndedIterator<Item = &(Duration, T)> {
        let oldest = now.saturating_sub(self.span.length());
        self.points.iter().filter(move |(at, _)| *at >= oldest)
    }

    /// When something was added for the last time.
    pub(super) fn last(&self) -> Option<Duration> {
        self.points.back().map(|(at, _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.points.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_have_names_and_so_many_points() {
        assert_eq!(Span::ALL.map(Span::points), [360, 1008]);
        for span in Span::ALL {
            assert_eq!(Span::parse(span.as_str()), Some(span));
        }
        assert_eq!(Span::parse("day"), None);
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_times_that_rise() {
        let mut ring = Ring::new(Span::Hour);
        for second in [100, 110, 120, 105, 115] {
            ring.push(Duration::from_secs(second), ());
        }
        let times: Vec<u64> = ring.points.iter().map(|(at, ())| at.as_secs()).collect();
        assert_eq!(times, [100, 105, 115]);
    }

    proptest! {
        #[test]
        fn bounds_hold_whatever_the_clock_does(times in prop::collection::vec(0u64..100_000, 0..900)) {
            let mut ring = Ring::new(Span::Hour);
            for second in times {
                let now = Duration::from_secs(second);
                ring.push(now, ());
                prop_assert!(ring.len() <= Span::Hour.points());
                prop_assert!(ring.points.iter().all(|(at, ())| *at + HOUR >= now));
                let rising = ring.points.iter().zip(ring.points.iter().skip(1));
                prop_assert!(rising.into_iter().all(|((a, ()), (b, ()))| a < b));
            }
        }
    }
}
