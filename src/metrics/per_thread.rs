//! What many threads add to without getting in each other's way.
//!
//! An atomic counter that two cores write is a cache line that travels between them with
//! every request; a request adds to dozens. Here each thread adds to a part of its own, and
//! who wants to know puts the parts together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// One `T` for each thread. More threads than parts share some.
#[derive(Debug)]
pub struct PerThread<T> {
    parts: Box<[Part<T>]>,
}

/// Two cache lines: cores fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Part<T>(Mutex<T>);

impl<T> Part<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads that ever asked for a part, in the order in which they first did.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

impl<T> PerThread<T> {
    /// `make` is called for each part.
    pub fn new(make: impl FnMut() -> T) -> Self {
        // Of the threads that serve requests, some do I/O and some run models.
        let cores = available_parallelism().map_or(1, usize::from);
        let parts = (cores * 2 + 1).next_power_of_two();
        Self {
            parts: std::iter::repeat_with(make).map(|t| Part(Mutex::new(t))).take(parts).collect(),
        }
    }

    /// Works on the part of this thread; nobody else is likely to hold it.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let thread = THREAD.with(|thread| *thread);
        work(&mut self.parts[thread % self.parts.len()].lock())
    }

    /// Works on all parts, one after the other.
    pub fn each(&self, mut work: impl FnMut(&mut T)) {
        for part in &self.parts {
            work(&mut part.lock());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_threads_added_is_there() {
        let counts = PerThread::new(|| 0u64);
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| (0..1000).for_each(|_| counts.with(|count| *count += 1)));
            }
        });
        let mut sum = 0;
        counts.each(|count| sum += *count);
        assert_eq!(sum, 100_000);
    }
}
