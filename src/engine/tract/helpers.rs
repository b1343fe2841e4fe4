//! Threads that take part in single operators while cores stand idle.

use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;

use tract_onnx::tract_core::internal::multithread::{Executor, multithread_tract_scope};

/// Shared by all models. The threads start when they are first wanted.
pub(super) struct Helpers {
    threads: usize,
    executor: OnceLock<Executor>,
}

impl Helpers {
    /// So many threads, the caller's one among them.
    pub(super) fn new(threads: usize) -> Self {
        Self { threads, executor: OnceLock::new() }
    }

    /// Does the work; what of it can be shared out is done by all.
    pub(super) fn spread<R>(&self, work: impl FnOnce() -> R) -> R {
        if self.threads < 2 {
            return work();
        }
        let executor =
            self.executor.get_or_init(|| Executor::multithread_with_name(self.threads, "spread"));
        // A panic must not leave the executor behind on this thread.
        let done = multithread_tract_scope(executor.clone(), || {
            panic::catch_unwind(AssertUnwindSafe(work))
        });
        done.unwrap_or_else(|panic| panic::resume_unwind(panic))
    }
}
