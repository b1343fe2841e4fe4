//! The deadlines of a connection.
//!
//! hyper asks for a timer with each head that it waits for, and nearly all heads come in time. A
//! timer of the runtime costs two visits to a list that all threads share, so the deadlines of
//! a connection have one between them, which goes off once in a while and looks.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time::sleep;

/// For one connection, whose task alone touches it. All waits are equally long, so a later
/// one ends later.
#[derive(Debug, Clone)]
pub(super) struct Deadlines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    wait: Duration,
    /// Times are nanoseconds since then.
    start: Instant,
    /// The deadline that somebody waits for; [`NONE`] if nobody does.
    next: AtomicU64,
    /// When the timer last went off.
    looked: AtomicU64,
}

const NONE: u64 = u64::MAX;

impl Deadlines {
    pub(super) fn new(wait: Duration) -> Self {
        let (next, looked) = (AtomicU64::new(NONE), AtomicU64::new(0));
        Self(Arc::new(Shared { wait, start: Instant::now(), next, looked }))
    }

    /// Does the work of the connection, and sees to its deadlines.
    pub(super) async fn during<T>(self, connection: impl Future<Output = T>) -> T {
        let mut connection = pin!(connection);
        let mut timer = pin!(sleep(self.0.wait));
        poll_fn(|context| {
            while timer.as_mut().poll(context).is_ready() {
                timer.as_mut().reset(self.look(Instant::now()).into());
            }
            connection.as_mut().poll(context)
        })
        .await
    }

    /// The timer went off; when it shall again. No deadline can come to be before that.
    fn look(&self, now: Instant) -> Instant {
        let shared = &self.0;
        let looked = shared.since_start(now);
        shared.looked.store(looked, Ordering::Relaxed);
        match shared.next.load(Ordering::Relaxed) {
            next if next != NONE && next > looked => shared.start + Duration::from_nanos(next),
            _ => now + shared.wait,
        }
    }
}

impl Shared {
    fn since_start(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.start).as_nanos();
        u64::try_from(nanos).unwrap_or(NONE - 1)
    }
}

impl Timer for Deadlines {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let shared = Arc::clone(&self.0);
        let at = shared.since_start(deadline);
        shared.next.store(at, Ordering::Relaxed);
        Box::pin(Deadline { at, shared })
    }
}

struct Deadline {
    at: u64,
    shared: Arc<Shared>,
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    /// The timer wakes the task of the connection, which polls this.
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.shared.looked.load(Ordering::Relaxed) >= self.at {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let next = &self.shared.next;
        // Not one that came to be meanwhile.
        let _ = next.compare_exchange(self.at, NONE, Ordering::Relaxed, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    const WAIT: Duration = Duration::from_millis(80);

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn the_timer_goes_off_when_the_deadline_passes_that_is_waited_for() {
        let deadlines = Deadlines::new(WAIT);
        let start = deadlines.0.start;
        // Nobody waits.
        assert_eq!(deadlines.look(start + WAIT), start + 2 * WAIT);
        let met = deadlines.sleep_until(start + 2 * WAIT);
        let missed = deadlines.sleep_until(start + 3 * WAIT);
        // Not that of the next head.
        drop(met);
        assert_eq!(deadlines.look(start + 2 * WAIT), start + 3 * WAIT);
        drop(missed);
        assert_eq!(deadlines.look(start + 3 * WAIT), start + 4 * WAIT);
    }

    #[test]
    fn a_deadline_that_passes_ends_its_wait_and_not_before() {
        let deadlines = Deadlines::new(WAIT);
        let waited = block_on(deadlines.clone().during(async move {
            drop(deadlines.sleep(WAIT));
            let started = Instant::now();
            deadlines.sleep(WAIT).await;
            started.elapsed()
        }));
        assert!(waited >= WAIT, "{waited:?}");
    }

    #[test]
    fn work_without_deadlines_goes_on_past_the_timer() {
        let deadlines = Deadlines::new(WAIT);
        block_on(async { deadlines.during(sleep(3 * WAIT)).await });
    }
}
