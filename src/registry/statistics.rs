//! Running totals of one model version, as the protocol's statistics extension reports
//! them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
        self.ns += nanos(duration);
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.ns += other.ns;
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Sums over requests.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Milliseconds since the epoch; 0 if there was none.
    pub last_inference_ms: u64,
    /// Rows answered.
    pub inferences: u64,
    pub success: Counted,
    pub fail: Counted,
    pub queue: Counted,
    pub compute_input: Counted,
    pub compute_infer: Counted,
    pub compute_output: Counted,
    /// By rows that ran together.
    batches: BTreeMap<usize, Runs>,
    /// Those of further sizes.
    other_batches: Runs,
}

/// Runs of the model. Requests that ran together each account for their share of the run,
/// wherever they are counted, so a run is whole once all of them are.
#[derive(Debug, Clone, Copy, Default)]
struct Runs {
    count: f64,
    ns: f64,
}

impl Runs {
    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.ns += other.ns;
    }

    /// Those that are whole.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sum of positive numbers"
    )]
    fn counted(self) -> Counted {
        // Thirds do not add up to one exactly.
        const ROUNDING: f64 = 1e-3;
        let count = (self.count + ROUNDING).floor();
        if count == 0.0 {
            return Counted::default();
        }
        Counted { count: count as u64, ns: (self.ns * count / self.count) as u64 }
    }
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

impl Totals {
    pub(super) fn add_failure(&mut self, total: Duration) {
        self.fail.add(total);
    }

    pub(super) fn add_success(&mut self, request: &Success) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.last_inference_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.inferences += request.rows as u64;
        self.success.add(request.total);
        self.queue.add(request.queue);
        self.compute_input.add(request.decode);
        self.compute_infer.add(request.infer);
        self.compute_output.add(request.encode);
        #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
        let share = request.rows.max(1) as f64 / request.batch_rows.max(1) as f64;
        // The time of a request in slices is that of all its runs.
        #[expect(clippy::cast_precision_loss, reason = "a time needs no more digits")]
        let ns = share.min(1.0) * nanos(request.infer) as f64;
        self.batch_of(request.batch_rows).merge(Runs { count: share, ns });
    }

    fn batch_of(&mut self, rows: usize) -> &mut Runs {
        let full = self.batches.len() >= MAX_BATCH_SIZES;
        match self.batches.entry(rows) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(_) if full => &mut self.other_batches,
            Entry::Vacant(entry) => entry.insert(Runs::default()),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.last_inference_ms = self.last_inference_ms.max(other.last_inference_ms);
        self.inferences += other.inferences;
        for (mine, other) in [
            (&mut self.success, other.success),
            (&mut self.fail, other.fail),
            (&mut self.queue, other.queue),
            (&mut self.compute_input, other.compute_input),
            (&mut self.compute_infer, other.compute_infer),
            (&mut self.compute_output, other.compute_output),
        ] {
            mine.merge(other);
        }
        for (&rows, &runs) in &other.batches {
            self.batch_of(rows).merge(runs);
        }
        self.other_batches.merge(other.other_batches);
    }

    /// Runs of the model; fewer than requests where requests ran together.
    #[must_use]
    pub fn executions(&self) -> u64 {
        let all = self.batches.values().chain([&self.other_batches]);
        all.map(|runs| runs.counted().count).sum()
    }

    /// The same to the last share of a run, which others may still account for: differences between
    /// two looks are exact.
    #[must_use]
    pub fn runs(&self) -> f64 {
        self.batches.values().chain([&self.other_batches]).map(|runs| runs.count).sum()
    }

    /// The runs of the model, by rows that ran together.
    pub fn batches(&self) -> impl Iterator<Item = (usize, Counted)> {
        let counted = self.batches.iter().map(|(&rows, runs)| (rows, runs.counted()));
        counted.filter(|(_, runs)| runs.count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(rows: usize, batch_rows: usize) -> Success {
        let ms = Duration::from_millis(1);
        Success { rows, batch_rows, total: ms, queue: ms, decode: ms, infer: ms, encode: ms }
    }

    #[test]
    fn requests_of_one_batch_count_as_one_execution_wherever_they_are_counted() {
        let (mut here, mut there) = (Totals::default(), Totals::default());
        here.add_success(&success(1, 4));
        there.add_success(&success(2, 4));
        here.merge(&there);
        assert_eq!(here.executions(), 0);
        here.add_success(&success(1, 4));
        assert_eq!((here.inferences, here.executions(), here.success.count), (4, 1, 3));
        let run = Counted { count: 1, ns: 1_000_000 };
        assert_eq!(here.batches().collect::<Vec<_>>(), [(4, run)]);
    }

    #[test]
    fn shares_that_are_not_exact_add_up_to_whole_executions() {
        let mut totals = Totals::default();
        (0..3 * 10_000).for_each(|_| totals.add_success(&success(1, 3)));
        assert_eq!(totals.executions(), 10_000);
    }

    #[test]
    fn the_time_of_a_request_in_slices_counts_once() {
        let mut totals = Totals::default();
        totals.add_success(&success(8, 4));
        let runs = Counted { count: 2, ns: 1_000_000 };
        assert_eq!(totals.batches().collect::<Vec<_>>(), [(4, runs)]);
    }

    #[test]
    fn sizes_past_the_last_that_is_told_apart_still_count_as_executions() {
        let mut totals = Totals::default();
        (1..=MAX_BATCH_SIZES + 10).for_each(|rows| totals.add_success(&success(rows, rows)));
        assert_eq!(totals.executions(), MAX_BATCH_SIZES as u64 + 10);
        assert_eq!(totals.batches().count(), MAX_BATCH_SIZES);
    }
}
