//! What a person is told while files are predicted, and at the end.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::{Mapped, Progress, Summary, Watcher};
use crate::cli::progress::Line;

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

/// What a person reads at the end.
pub(super) struct Report<'a>(pub(super) &'a Summary);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.0;
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
        if let Some(drift) = &done.drift {
            writeln!(f, "{drift}")?;
        }
        #[expect(clippy::cast_precision_loss, reason = "rates are shown to people")]
        let rate = done.rows as f64 / done.seconds.max(1e-9);
        writeln!(f, "{:.1} s, {rate:.0} rows/s", done.seconds)
    }
}
