//! Running totals of one model version, as the protocol's statistics extension reports
//! them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// A number of events and the time they took together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub count: u64,
    pub ns: u64,
}

impl Counted {
    fn add(&mut self, duration: Duration) {
        self.count += 1;
        self.ns += u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    }
}

/// The totals at one moment.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Milliseconds since the epoch; 0 if there was none.
    pub last_inference_ms: u64,
    /// Rows answered.
    pub inferences: u64,
    /// Runs of the model; fewer than requests where requests ran together.
    pub executions: u64,
    pub success: Counted,
    pub fail: Counted,
    pub queue: Counted,
    pub compute_input: Counted,
    pub compute_infer: Counted,
    pub compute_output: Counted,
    /// By rows that ran together: the runs of the model.
    pub batches: BTreeMap<usize, Counted>,
    /// Share of an execution that each request accounts for, summed: whole once all
    /// requests of a batch are in.
    partial_executions: f64,
}

/// One answered request.
#[derive(Debug, Clone, Copy)]
pub struct Success {
    pub rows: usize,
    pub batch_rows: usize,
    pub total: Duration,
    pub queue: Duration,
    pub decode: Duration,
    pub infer: Duration,
    pub encode: Duration,
}

/// Different batch sizes that are told apart; larger ones beyond that are not listed.
const MAX_BATCH_SIZES: usize = 128;

/// Totals that requests add to. One lock, held for a few additions.
#[derive(Debug, Default)]
pub struct Statistics(Mutex<Totals>);

impl Statistics {
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn add_failure(&self, total: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fail.add(total);
    }

    pub fn add_success(&self, request: &Success) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        totals.last_inference_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        totals.inferences += request.rows as u64;
        totals.success.add(request.total);
        totals.queue.add(request.queue);
        totals.compute_input.add(request.decode);
        totals.compute_infer.add(request.infer);
        totals.compute_output.add(request.encode);
        #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
        let share = request.rows.max(1) as f64 / request.batch_rows.max(1) as f64;
        totals.partial_executions += share;
        while totals.partial_executions > 1.0 - 1e-6 {
            totals.partial_executions -= 1.0;
            totals.executions += 1;
            if totals.batches.len() < MAX_BATCH_SIZES
                || totals.batches.contains_key(&request.batch_rows)
            {
                totals.batches.entry(request.batch_rows).or_default().add(request.infer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_one_batch_count_as_one_execution() {
        let statistics = Statistics::default();
        let ms = Duration::from_millis(1);
        for rows in [1, 2, 1] {
            statistics.add_success(&Success {
                rows,
                batch_rows: 4,
                total: ms,
                queue: ms,
                decode: ms,
                infer: ms,
                encode: ms,
            });
        }
        let totals = statistics.totals();
        assert_eq!((totals.inferences, totals.executions, totals.success.count), (4, 1, 3));
        assert_eq!(totals.batches[&4], Counted { count: 1, ns: 1_000_000 });
    }
}
