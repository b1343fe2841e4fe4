//! What a new version must show before it serves: the checks of `[gate]` in `model.toml`.
//!
//! The server runs them between loading a version and switching to it, and `onnxd check`
//! runs the very same ones. Nothing here loads a model or decides what serves.

mod contract;
mod evaluation;
mod example;
mod golden;
mod latency;
mod profile;
mod quality;
pub mod runner;
mod signature;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use crate::contract::Document;
use crate::drift::Reference;
use crate::engine::{LoadedModel, guard};
use crate::quality::Target;
use crate::repository::{Settings, Version, VersionFiles};

pub use example::{NoExample, of_noughts};

/// A version that was loaded and warmed up, and what it is measured against.
pub struct Candidate<'a> {
    pub model: &'a str,
    pub version: Version,
    pub loaded: &'a dyn LoadedModel,
    pub files: &'a VersionFiles,
    /// Of the model file, in hexadecimal.
    pub sha256: &'a str,
    pub settings: &'a Settings,
    /// The version that serves now, if one does.
    pub live: Option<(Version, &'a dyn LoadedModel)>,
    /// Asked between runs: whether nobody waits for the answer any more.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// What the checks found, in the order in which they ran.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub checks: Vec<Check>,
    /// What its data is watched against.
    #[serde(skip)]
    pub reference: Option<Reference>,
    /// What is demanded of its data.
    #[serde(skip)]
    pub contract: Option<Document>,
    /// Which prediction's quality is watched.
    #[serde(skip)]
    pub target: Option<Target>,
    /// The first golden example as a request, if it is not large.
    #[serde(skip)]
    pub example: Option<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    pub kind: Kind,
    pub outcome: Outcome,
    /// One line for people, with the figures.
    pub detail: String,
    /// What was measured, as far as the check came.
    pub figures: Vec<Figure>,
    #[serde(rename = "took_ms", serialize_with = "millis")]
    pub took: Duration,
}

/// A figure, and the bar that it is held against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// `p99_seconds`, the part of the `tolerance` that is used, or the name of a metric.
    pub name: &'static str,
    pub measured: f64,
    /// None if the figure is only told.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub bar: Option<Bar>,
    /// The version that serves, where its own figure makes the bar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_version: Option<Version>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Bar {
    fn holds(self, measured: f64) -> bool {
        match self {
            Self::AtLeast(bar) => measured >= bar,
            Self::AtMost(bar) => measured <= bar,
        }
    }
}

impl Figure {
    fn of(name: &'static str, measured: f64, bar: Option<Bar>) -> Self {
        Self { name, measured, bar, live_version: None }
    }
}

fn millis<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64() * 1e3)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Signature,
    Contract,
    Profile,
    Quality,
    Golden,
    Latency,
    Evaluation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Passed,
    /// There was nothing to check, or an earlier check has failed.
    Skipped,
    Failed,
}

/// What a check says if it does not fail; the texts become details.
enum Verdict {
    Passed(String),
    Skipped(String),
}

/// The detail of a check that nobody waits for any more. It counts as failed, so that whoever
/// still looks at the report does not switch.
const CANCELLED: &str = "cancelled";

/// The reason of a failure, which becomes the detail.
type Checked = Result<Verdict, String>;

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Signature,
        Self::Contract,
        Self::Profile,
        Self::Quality,
        Self::Golden,
        Self::Latency,
        Self::Evaluation,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Contract => "contract",
            Self::Profile => "profile",
            Self::Quality => "quality",
            Self::Golden => "golden",
            Self::Latency => "latency",
            Self::Evaluation => "evaluation",
        }
    }

    fn check(
        self,
        candidate: &Candidate,
        report: &mut Report,
        figures: &mut Vec<Figure>,
    ) -> Checked {
        if (candidate.cancelled)() {
            return Err(CANCELLED.to_owned());
        }
        match self {
            Self::Signature => signature::check(candidate),
            Self::Contract => contract::check(candidate, &mut report.contract),
            Self::Profile => profile::check(candidate, &mut report.reference),
            Self::Quality => quality::check(candidate, &mut report.target),
            Self::Golden => golden::check(candidate, &mut report.example, figures),
            Self::Latency => latency::check(candidate, figures),
            Self::Evaluation => evaluation::check(candidate, figures),
        }
    }
}

impl Outcome {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl Report {
    /// The check that keeps the version from serving.
    #[must_use]
    pub fn failed(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.outcome == Outcome::Failed)
    }
}

/// Runs the checks, cheap ones first; what comes after a failure is skipped. Blocks, possibly
/// for minutes, so it must not run on a thread that drives futures.
#[must_use]
pub fn run(candidate: &Candidate) -> Report {
    let mut report = Report::default();
    for kind in Kind::ALL {
        let (started, mut figures) = (Instant::now(), Vec::new());
        let checked = match report.failed() {
            Some(failed) => {
                Ok(Verdict::Skipped(format!("the check '{}' has failed", failed.kind.as_str())))
            }
            // Reading foreign files, too, must cost the version and not the process.
            None => guard::catch(|| kind.check(candidate, &mut report, &mut figures))
                .unwrap_or_else(|caught| Err(format!("the check panicked: {}", caught.0))),
        };
        let (outcome, detail) = match checked {
            Ok(Verdict::Passed(detail)) => (Outcome::Passed, detail),
            Ok(Verdict::Skipped(detail)) => (Outcome::Skipped, detail),
            Err(detail) => (Outcome::Failed, detail),
        };
        let took = started.elapsed();
        report.checks.push(Check { kind, outcome, detail, figures, took });
    }
    report
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::PathBuf;

    use super::*;
    use crate::engine::fake::FakeModel;

    fn report(settings: &str, cancelled: &dyn Fn() -> bool) -> Report {
        let settings = Settings::parse(settings).unwrap();
        let (loaded, live) = (FakeModel::default().load(), FakeModel::default().load());
        let files =
            VersionFiles { model_file: PathBuf::from("m/2/model.onnx"), ..VersionFiles::default() };
        run(&Candidate {
            model: "m",
            version: 2,
            loaded: &loaded,
            files: &files,
            sha256: "",
            settings: &settings,
            live: Some((1, &live)),
            cancelled,
        })
    }

    fn outcomes(report: &Report) -> Vec<Outcome> {
        report.checks.iter().map(|check| check.outcome).collect()
    }

    #[test]
    fn every_check_is_in_the_report_and_without_settings_little_is_asked() {
        let report = report("", &|| false);
        let kinds: Vec<Kind> = report.checks.iter().map(|check| check.kind).collect();
        assert_eq!(kinds, Kind::ALL);
        let skipped = Outcome::Skipped;
        assert_eq!(
            outcomes(&report),
            [Outcome::Passed, skipped, skipped, skipped, skipped, skipped, skipped]
        );
        assert_eq!(report.failed(), None);
    }

    #[test]
    fn what_comes_after_a_failure_is_skipped() {
        let report = report("[gate]\ngolden = \"required\"\nmax_latency_p99 = \"1s\"", &|| false);
        let skipped = Outcome::Skipped;
        let expected =
            [Outcome::Passed, skipped, skipped, skipped, Outcome::Failed, skipped, skipped];
        assert_eq!(outcomes(&report), expected);
        assert_eq!(report.failed().map(|check| check.kind), Some(Kind::Golden));
        assert_eq!(report.checks[5].detail, "the check 'golden' has failed");
    }

    #[test]
    fn a_version_that_nobody_waits_for_is_not_measured_to_the_end() {
        let asked = Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > 100
        };
        let report = report("[gate]\nmax_latency_p99 = \"1s\"", &cancelled);
        let failed = report.failed().map(|check| (check.kind, check.detail.as_str()));
        assert_eq!(failed, Some((Kind::Latency, CANCELLED)));
    }
}
