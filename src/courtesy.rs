//! How long work gives way to short: loading to serving, long runs to requests that take
//! next to no time.
//!
//! The system lets a thread that computes keep its core for some milliseconds although
//! others wait for it. So whoever begins long work says how it gives way ([`with`]), and the
//! work passes a [`point`] now and then, where that is done.

mod ledger;
mod loading;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

pub use loading::{Loading, step_back};

/// What happens at the points of long work.
pub trait GiveWay {
    /// May sleep. Called often, so it must find out quickly that it is not time yet. It must
    /// not begin work that gives way in another manner.
    fn pass(&self);
}

thread_local! {
    static NOW: RefCell<Option<Rc<dyn GiveWay>>> = const { RefCell::new(None) };
}

/// Puts back what was before, also if the work panics.
struct Before(Option<Rc<dyn GiveWay>>);

impl Drop for Before {
    fn drop(&mut self) {
        drop(NOW.replace(self.0.take()));
    }
}

/// Does the work, which gives way in this manner.
pub fn with<R>(manner: Rc<dyn GiveWay>, work: impl FnOnce() -> R) -> R {
    let _before = Before(NOW.replace(Some(manner)));
    work()
}

/// A point at which long work may stand still: between operators, and between blocks of long
/// ones. Elsewhere it costs as much as a function that does nothing. Threads that help with an
/// operator have no manner of giving way, so theirs do nothing.
pub fn point() {
    NOW.with_borrow(|manner| {
        if let Some(manner) = manner {
            manner.pass();
        }
    });
}

/// Measures processor time of this thread: what work takes, whoever else runs.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Duration);

impl Stopwatch {
    #[must_use]
    pub fn start() -> Self {
        Self(time_of(ClockId::ThreadCPUTime))
    }

    #[must_use]
    pub fn elapsed(self) -> Duration {
        time_of(ClockId::ThreadCPUTime).saturating_sub(self.0)
    }
}

fn time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The points that the work passes.
#[cfg(test)]
pub(crate) fn points_of(work: impl FnOnce()) -> u32 {
    let counts = Rc::new(tests::Counts::default());
    with(Rc::clone(&counts) as Rc<dyn GiveWay>, work);
    counts.0.get()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[derive(Default)]
    pub(super) struct Counts(pub(super) Cell<u32>);

    impl GiveWay for Counts {
        fn pass(&self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn points_are_those_of_the_innermost_work_also_after_a_panic() {
        let [outer, inner] = [Rc::new(Counts::default()), Rc::new(Counts::default())];
        point();
        with(Rc::clone(&outer) as Rc<dyn GiveWay>, || {
            let panics = AssertUnwindSafe(|| {
                with(Rc::clone(&inner) as Rc<dyn GiveWay>, || {
                    point();
                    panic!("as operators do");
                })
            });
            assert!(catch_unwind(panics).is_err());
            point();
            point();
        });
        point();
        assert_eq!([outer.0.get(), inner.0.get()], [2, 1]);
    }
}
