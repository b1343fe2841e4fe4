//! Watches the data of one model version: threads count, a tick judges.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::history::{Moment, Span};
use super::pace::Pace;
use super::reference::Reference;
use super::report::Report;
use super::settings::Settings;
use super::tally::Tally;
use super::windows::{self, Source, Standard, Windows};
use crate::metrics::PerThread;
use crate::stats::counts::Alpha;
use crate::tensor::Tensor;

/// The data of one version against its reference: that of requests, and that of files once there
/// are any.
pub struct Monitor {
    reference: Reference,
    settings: Settings,
    alpha: Alpha,
    parts: PerThread<Part>,
    pace: Pace,
    requests: Windows,
    /// Memory only for those who predict files.
    files: OnceLock<Box<Files>>,
}

/// What a thread counts.
#[derive(Default)]
struct Part {
    /// Requests it had.
    turn: u32,
    /// None of a thread that never served: they may be many.
    tally: Option<Tally>,
}

struct Files {
    total: Mutex<Tally>,
    windows: Windows,
}

/// What outlives the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Memory {
    requests: windows::Memory,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    files: Option<windows::Memory>,
}

impl Monitor {
    /// Goes on with what was remembered, if it is of the same bins.
    #[must_use]
    pub fn new(
        reference: Reference,
        settings: Settings,
        memory: Option<Memory>,
        now: Moment,
    ) -> Self {
        let (requests, files) = memory.map(|memory| (memory.requests, memory.files)).unzip();
        let alpha = settings.alpha(&reference);
        let standard = Standard { reference: &reference, settings: &settings, alpha };
        let requests = Windows::new(Source::Request, standard, requests, now);
        let files = files.flatten().map(|memory| Files::new(standard, Some(memory), now));
        Self {
            alpha,
            parts: PerThread::new(Part::default),
            pace: Pace::new(reference.watched.len()),
            requests,
            files: files.map_or_else(OnceLock::new, |files| OnceLock::from(Box::new(files))),
            reference,
            settings,
        }
    }

    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts the inputs of a request, in the order of the signature, or only their rows: of very
    /// many requests a part is counted. Whether this one's values were.
    pub fn inputs(&self, inputs: &[Tensor]) -> bool {
        self.parts.with(|part| {
            part.turn = part.turn.wrapping_add(1);
            let tally = part.tally.get_or_insert_with(|| Tally::new(&self.reference));
            let taken = self.pace.takes(part.turn);
            if taken {
                tally.observe_inputs(&self.reference, inputs);
            } else {
                tally.pass_over(&self.reference, inputs);
            }
            taken
        })
    }

    /// Counts what the model answered to inputs that were counted.
    pub fn predictions(&self, outputs: &[Tensor]) {
        self.parts.with(|part| {
            let tally = part.tally.get_or_insert_with(|| Tally::new(&self.reference));
            tally.observe_predictions(&self.reference, outputs);
        });
    }

    /// From here on files have counts, at first of nothing: whoever looks now and then learns of
    /// the first file only by what was there before it.
    pub fn expect_files(&self, now: Moment) {
        self.files.get_or_init(|| Box::new(Files::new(self.standard(), None, now)));
    }

    /// Adds a file, or several that are one: all of its rows, in the bins of this reference. One
    /// that broke off half-way is none, and comes again.
    pub fn file(&self, rows: &Tally, now: Moment) {
        if !rows.fits(&self.reference) {
            return;
        }
        self.expect_files(now);
        if let Some(files) = self.files.get() {
            files.total.lock().unwrap_or_else(PoisonError::into_inner).add(rows);
        }
    }

    /// What was found at the last look; `None` of files if none are expected.
    #[must_use]
    pub fn report(&self, source: Source) -> Option<Arc<Report>> {
        match source {
            Source::Request => Some(self.requests.report()),
            Source::Batch => self.files.get().map(|files| files.windows.report()),
        }
    }

    /// All that was counted since this process began.
    #[must_use]
    pub fn total(&self, source: Source) -> Option<Tally> {
        match source {
            Source::Request => Some(self.total_of_requests()),
            Source::Batch => self.files.get().map(|files| files.total()),
        }
    }

    /// Rows that were seen since this process began, and those of them that were counted.
    #[must_use]
    pub fn rows(&self, source: Source) -> Option<[u64; 2]> {
        if source == Source::Batch {
            let total = &self.files.get()?.total;
            let total = total.lock().unwrap_or_else(PoisonError::into_inner);
            return Some([total.rows, total.counted]);
        }
        let mut rows = [0, 0];
        self.parts.each(|part| {
            if let Some(tally) = &part.tally {
                rows[0] += tally.rows;
                rows[1] += tally.counted;
            }
        });
        Some(rows)
    }

    /// Counts of a window that ends now, to be added to those of other replicas.
    #[must_use]
    pub fn window(&self, source: Source, span: Span, now: Moment) -> Option<Tally> {
        let settings = &self.settings;
        match source {
            Source::Request => {
                Some(self.requests.window(|| self.total_of_requests(), settings, span, now))
            }
            Source::Batch => {
                let files = self.files.get()?;
                Some(files.windows.window(|| files.total(), settings, span, now))
            }
        }
    }

    /// What to remember beyond the process.
    #[must_use]
    pub fn memory(&self, now: Moment) -> Memory {
        let settings = &self.settings;
        let files = self.files.get();
        Memory {
            requests: self.requests.memory(|| self.total_of_requests(), settings, now),
            files: files.map(|files| files.windows.memory(|| files.total(), settings, now)),
        }
    }

    /// Looks at the windows if it is time to. Whether it did.
    pub fn tick(&self, now: Moment) -> bool {
        let standard = self.standard();
        let requests = self.requests.look(|| self.total_of_requests(), standard, now);
        if let Some(looked) = &requests {
            self.pace.adjust(looked.counted, looked.elapsed);
        }
        let files = self.files.get();
        let files = files.and_then(|files| files.windows.look(|| files.total(), standard, now));
        requests.is_some() || files.is_some()
    }

    fn total_of_requests(&self) -> Tally {
        let mut total = Tally::new(&self.reference);
        self.parts.each(|part| part.tally.iter().for_each(|tally| total.add(tally)));
        total
    }

    fn standard(&self) -> Standard<'_> {
        let Self { reference, settings, alpha, .. } = self;
        Standard { reference, settings, alpha: *alpha }
    }
}

impl Files {
    fn new(standard: Standard, memory: Option<windows::Memory>, now: Moment) -> Self {
        let total = Mutex::new(Tally::new(standard.reference));
        Self { total, windows: Windows::new(Source::Batch, standard, memory, now) }
    }

    fn total(&self) -> Tally {
        self.total.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
