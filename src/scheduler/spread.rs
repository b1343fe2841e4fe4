//! Whether long runs of one queue gain from further cores while these stand idle: found out
//! by trying both.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Shorter runs are not worth waking threads for.
const WORTH_HELP: Duration = Duration::from_millis(2);

/// Runs of each kind before one is chosen.
const TRIES: u32 = 5;

/// A run with help must take at most this share of one without.
const GAINED: f64 = 0.9;

/// Runs after which both are tried again: what else the machine does changes.
const AGAIN: u32 = 1000;

#[derive(Default)]
pub(super) struct Spread(Mutex<Trial>);

#[derive(Default)]
struct Trial {
    alone: Best,
    helped: Best,
    runs: u32,
}

/// The best of some runs, in multiples of what they were estimated to take alone.
#[derive(Default, Clone, Copy)]
struct Best {
    count: u32,
    ratio: Option<f64>,
}

impl Best {
    fn add(&mut self, ratio: f64) {
        self.count += 1;
        self.ratio = Some(self.ratio.map_or(ratio, |best| best.min(ratio)));
    }
}

impl Spread {
    fn lock(&self) -> MutexGuard<'_, Trial> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a run that is estimated to take so long should have help if there is any.
    pub(super) fn wants_help(&self, estimated: Duration) -> bool {
        if estimated < WORTH_HELP {
            return false;
        }
        let trial = self.lock();
        match (trial.alone, trial.helped) {
            (alone, helped) if alone.count.min(helped.count) < TRIES => helped.count <= alone.count,
            (Best { ratio: Some(alone), .. }, Best { ratio: Some(helped), .. }) => {
                helped <= alone * GAINED
            }
            _ => false,
        }
    }

    /// A run took so long, with help for all of it or with none.
    pub(super) fn ran(&self, helped: bool, estimated: Duration, took: Duration) {
        if estimated < WORTH_HELP {
            return;
        }
        let mut trial = self.lock();
        trial.runs += 1;
        if trial.runs >= AGAIN {
            *trial = Trial::default();
        }
        let ratio = took.as_secs_f64() / estimated.as_secs_f64();
        if helped {
            trial.helped.add(ratio);
        } else {
            trial.alone.add(ratio);
        }
    }

    /// What was found, if both were tried: time with help as a share of the time without.
    pub(super) fn gain(&self) -> Option<f64> {
        let trial = self.lock();
        Some(trial.helped.ratio? / trial.alone.ratio?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(10);

    fn after_runs(helped_takes: Duration) -> Spread {
        let spread = Spread::default();
        for _ in 0..2 * TRIES {
            let helped = spread.wants_help(LONG);
            spread.ran(helped, LONG, if helped { helped_takes } else { LONG });
        }
        spread
    }

    #[test]
    fn help_is_kept_where_it_gains_and_given_up_where_it_does_not() {
        assert!(after_runs(LONG.mul_f64(0.6)).wants_help(LONG));
        assert!(!after_runs(LONG.mul_f64(1.1)).wants_help(LONG));
    }

    #[test]
    fn short_runs_go_without_help() {
        assert!(!after_runs(LONG / 2).wants_help(Duration::from_millis(1)));
    }

    #[test]
    fn both_are_tried_again_after_a_while() {
        let spread = after_runs(LONG * 2);
        (0..AGAIN).for_each(|_| spread.ran(false, LONG, LONG));
        let tried = (0..2 * TRIES).filter(|_| {
            let helped = spread.wants_help(LONG);
            spread.ran(helped, LONG, LONG);
            helped
        });
        assert!(tried.count() > 0);
    }
}
