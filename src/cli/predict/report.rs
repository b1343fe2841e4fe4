//! What a person is told while files are predicted, and at the end.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::batch::{Mapped, Outcome, Progress, Summary, Totals, Watcher};
use crate::cli::progress::Line;
use crate::drift::{FileVerdict, Reference};

pub(super) struct Reporter {
    line: Mutex<Option<Line>>,
    started: Instant,
    /// Somebody wants the command to end.
    interrupted: Arc<AtomicBool>,
    /// There is work to go on with.
    begun: AtomicBool,
}

impl Reporter {
    pub(super) fn new(interrupted: Arc<AtomicBool>) -> Self {
        let line = Mutex::new(Some(Line::new("predicting")));
        Self { line, started: Instant::now(), interrupted, begun: AtomicBool::new(false) }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// What comes next stands on a line of its own.
    pub(super) fn end(&self) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Watcher for Reporter {
    fn mapped(&self, mapped: &Mapped) {
        eprint!("{mapped}");
    }

    fn resumed(&self, rows: u64) {
        self.begun.store(true, Ordering::Relaxed);
        if rows > 0 {
            eprintln!("{rows} rows were done before");
        }
    }

    fn is_cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn at(&self, progress: &Progress) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = line.as_mut() {
            let rows = usize::try_from(progress.rows).unwrap_or(usize::MAX);
            line.at(rows, progress.fraction);
        }
    }
}

/// What was done, and what the data was like.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    summary: Summary,
    /// Of all rows that ran; absent without a reference, or if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<FileVerdict>,
}

impl Report {
    pub(super) fn new(reference: Option<&Reference>, outcome: Outcome, elapsed: Duration) -> Self {
        let drift = reference.and_then(|reference| verdict(reference, &outcome.totals));
        Self { summary: Summary::new(outcome, elapsed.as_secs_f64(), str::to_owned), drift }
    }

    /// # Errors
    /// Why the data must not pass for that of the reference.
    pub(super) fn check_drift(&self) -> Result<(), String> {
        match &self.drift {
            Some(verdict) if verdict.drifted == 0 => Ok(()),
            Some(verdict) => {
                let (drifted, all) = (verdict.drifted, verdict.features.len());
                Err(format!("{drifted} of {all} features drifted; the output is complete"))
            }
            None => Err("drift cannot be judged: expected rows that ran and were counted in the \
                         bins of the profile as it is now, there are none; the output is complete"
                .to_owned()),
        }
    }
}

/// A profile that changed since a job began has other bins than those that were counted.
fn verdict(reference: &Reference, totals: &Totals) -> Option<FileVerdict> {
    let tally = totals.tally.as_ref().filter(|tally| tally.fits(reference))?;
    Some(FileVerdict::new("input", reference, tally.clone()))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = &self.summary;
        match done.outputs.as_slice() {
            [only] => writeln!(f, "{}: {} rows, {} bytes", only.name, done.written, only.bytes)?,
            many => writeln!(f, "{} files: {} rows", many.len(), done.written)?,
        }
        if done.bad > 0 {
            writeln!(f, "{} of {} rows are bad:", done.bad, done.rows)?;
            for (code, count) in &done.codes {
                writeln!(f, "  {code}: {count}")?;
            }
        }
        if let Some(rejects) = &done.rejects {
            writeln!(f, "{rejects}: what is wrong with them")?;
        }
        if done.warned > 0 {
            writeln!(f, "{} values break a rule that only warns", done.warned)?;
        }
        if done.repaired > 0 {
            writeln!(f, "{} values were repaired", done.repaired)?;
        }
        if let Some(drift) = &self.drift {
            writeln!(f, "{drift}")?;
        }
        #[expect(clippy::cast_precision_loss, reason = "rates are shown to people")]
        let rate = done.rows as f64 / done.seconds.max(1e-9);
        writeln!(f, "{:.1} s, {rate:.0} rows/s", done.seconds)
    }
}
