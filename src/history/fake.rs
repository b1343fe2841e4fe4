//! Samples for tests: counts of versions without requests.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::models::Now;
use super::sample::{Sample, Total};
use crate::registry::Sums;
use crate::repository::Version;

static BORN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Everything that was ever asked of files that were loaded at `born`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    pub(super) version: Version,
    pub(super) born: u64,
    pub(super) requests: u64,
    pub(super) failed: u64,
    /// Milliseconds of each request.
    pub(super) took: u64,
}

impl Asked {
    pub(super) fn total(self) -> Total {
        let answered = self.requests - self.failed;
        let mut sums = Sums {
            ended: self.requests,
            failed: self.failed,
            rows: 2 * answered,
            ..Sums::default()
        };
        for _ in 0..answered {
            sums.latencies.add(Duration::from_millis(self.took));
        }
        let totals = &mut sums.totals;
        totals.inferences = 2 * answered;
        totals.success.count = answered;
        totals.compute_infer.ns = answered * self.took * 1_000_000;
        let since = *BORN + Duration::from_secs(self.born);
        Total { version: self.version, since, sums, violations: self.failed }
    }
}

pub(super) fn sample(all: &[Asked]) -> Sample {
    Sample { versions: all.iter().map(|asked| asked.total()).collect(), ..Sample::default() }
}

/// So many seconds after both clocks began.
pub(super) fn after(seconds: u64) -> Now {
    let steady = Duration::from_secs(seconds);
    Now { at: Duration::from_mins(28_333_340) + steady, steady }
}
