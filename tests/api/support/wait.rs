//! Waiting for a state instead of for a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_mins(1);

const PAUSE: Duration = Duration::from_millis(5);

/// Asks again and again until there is something, and fails if that never happens.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        sleep(PAUSE);
    }
}

/// Tells threads in the background to end.
#[derive(Default)]
pub struct Stop(AtomicBool);

/// Tells them when it is dropped: also when the test fails, for a scope waits for its
/// threads before it passes the failure on.
pub struct StopAtEnd<'a>(&'a Stop);

impl Stop {
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub fn at_end(&self) -> StopAtEnd<'_> {
        StopAtEnd(self)
    }
}

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
