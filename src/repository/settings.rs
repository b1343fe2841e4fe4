//! `model.toml`: what a model's owner may say about it.

mod contract;
mod document;
mod drift;
mod quality;
mod reader;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ContractPlace, Version, triton};
use crate::contract::{Promotion, Suggested};
use crate::engine::Label;

/// The settings of one model; the defaults need no file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    pub versions: VersionPolicy,
    /// Names for versions; requests may ask for a name.
    pub labels: BTreeMap<String, Version>,
    /// Shares of the requests that name no version. Empty: all go to the highest version.
    pub traffic: BTreeMap<Target, u32>,
    /// Gets a copy of the traffic; its answers are compared and thrown away.
    pub shadow: Option<Target>,
    /// What a new version must show before it serves.
    pub gate: Gate,
    /// When a fresh version is taken back.
    pub rollback: Rollback,
    /// A model that nobody asked for so long leaves memory until somebody does.
    pub unload_after: Option<Duration>,
    /// Names for the columns of a model's only input.
    pub features: Option<Vec<String>>,
    pub batching: Batching,
    pub limits: Limits,
    /// How its data is watched.
    pub drift: crate::drift::Settings,
    /// What is demanded of its data: `[contract]`, or `contract.toml` beside the settings.
    pub contract: Option<crate::contract::Document>,
    /// The contract is not in a file of its own.
    pub contract_in_settings: bool,
    /// Whether its predictions are compared with the truth, and which.
    pub quality: Option<crate::quality::Settings>,
    /// Where a version's model lies, if not in `model.onnx`: what a configuration of Triton says.
    pub model_file: Option<String>,
    /// Labels of the classes of outputs, from files that a configuration of Triton names.
    pub class_labels: BTreeMap<String, Arc<[Label]>>,
    /// What its owner should know of how this was read.
    pub notes: Vec<String>,
}

/// A version, or the label of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    Version(Version),
    Label(String),
}

impl Target {
    /// A number is a version, anything else a label.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Label(text.to_owned()), Self::Version)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Version(Version),
            Text(String),
        }
        // Keys of objects are texts even where they are numbers.
        Ok(match Written::deserialize(deserializer)? {
            Written::Version(version) => Self::Version(version),
            Written::Text(text) => Self::from_text(&text),
        })
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Version(version) => serializer.serialize_u64(*version),
            Self::Label(label) => serializer.serialize_str(label),
        }
    }
}

/// What a new version must show before it serves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gate {
    pub golden: GoldenPolicy,
    pub signature: SignaturePolicy,
    /// Of one request at a time, one row each, measured after the warm-up.
    pub max_latency_p99: Option<Duration>,
    pub evaluation: Option<Evaluation>,
}

/// Whether a version must have golden examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GoldenPolicy {
    Required,
    /// They must hold if they are there.
    #[default]
    IfPresent,
    Off,
}

/// What a version may change of the signature that callers know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignaturePolicy {
    /// Requests that the live version accepts must be accepted, and find their outputs.
    #[default]
    Compatible,
    Any,
}

/// Data that a version is scored on, and the score that it must reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// CSV or Parquet; relative to the model's directory.
    pub data: PathBuf,
    /// The column of the truth.
    pub target: String,
    pub metric: Metric,
    /// The class that scores are about; by default the second.
    pub positive: Option<String>,
    /// For metrics that are better when larger.
    pub min: Option<f64>,
    /// For errors.
    pub max: Option<f64>,
    /// How much worse than the live version it may be, on the same data.
    pub not_worse_than_live_by: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    Auc,
    Accuracy,
    F1,
    Rmse,
    Mae,
    LogLoss,
}

/// Limits that a fresh version must keep, or the one before it comes back.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollback {
    /// A version is fresh so long after its switch; the one before stays in memory meanwhile.
    pub window: Duration,
    /// Fewer requests prove nothing.
    pub min_requests: u64,
    /// Share of requests that may fail, from 0 to 1.
    pub max_error_rate: Option<f64>,
    pub max_latency_p99: Option<Duration>,
}

impl Default for Rollback {
    fn default() -> Self {
        Self {
            window: Duration::from_mins(5),
            min_requests: 100,
            max_error_rate: None,
            max_latency_p99: None,
        }
    }
}

/// Which of the versions on disk are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionPolicy {
    /// The highest ones.
    Latest(usize),
    All,
    These(BTreeSet<Version>),
}

/// How requests are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batching {
    /// Rows that may run together; with 1, requests are neither joined nor taken apart.
    pub max_rows: usize,
    /// Rows to run together, whatever the cost curve says.
    pub preferred_rows: Option<usize>,
    /// Time that a batch which is not full waits for more rows.
    pub max_delay: Duration,
}

/// Bounds for one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests that may wait; the server's default if absent.
    pub queue: Option<usize>,
    /// Time for one request; the server's default if absent.
    pub deadline: Option<Duration>,
    /// One long run may use cores that stand idle.
    pub idle_cores: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: None, deadline: None, idle_cores: true }
    }
}

impl Default for VersionPolicy {
    fn default() -> Self {
        Self::Latest(1)
    }
}

impl Default for Batching {
    fn default() -> Self {
        Self { max_rows: 256, preferred_rows: None, max_delay: Duration::ZERO }
    }
}

impl Settings {
    /// # Errors
    /// Every mistake in the text, each with its line, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        document::read(text)
    }

    /// Reads `config.pbtxt`, a configuration of Triton, but for the files that it names.
    ///
    /// # Errors
    /// What is wrong in it.
    pub fn parse_triton(text: &str) -> Result<Self, String> {
        triton::settings(text).map(|(settings, _)| settings)
    }

    /// Reads a contract that is in a file of its own.
    ///
    /// # Errors
    /// Every mistake, with its line.
    pub fn parse_contract(text: &str) -> Result<crate::contract::Document, String> {
        contract::parse(text)
    }

    /// The text of a suggested contract, which [`Settings::parse_contract`] reads.
    #[must_use]
    pub fn write_contract(suggested: &Suggested) -> String {
        contract::write::suggested(suggested)
    }

    /// A file that holds a contract, with the modes of a promotion and unchanged otherwise.
    ///
    /// # Errors
    /// If the text is no TOML, or not the contract that was promoted.
    pub fn promote_contract(
        text: &str,
        promotion: &Promotion,
        place: ContractPlace,
    ) -> Result<String, String> {
        contract::write::promoted(text, promotion, place == ContractPlace::Settings)
    }
}

impl Metric {
    /// As the settings name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auc => "auc",
            Self::Accuracy => "accuracy",
            Self::F1 => "f1",
            Self::Rmse => "rmse",
            Self::Mae => "mae",
            Self::LogLoss => "log_loss",
        }
    }

    /// Errors and losses are better when smaller.
    #[must_use]
    pub fn larger_is_better(self) -> bool {
        matches!(self, Self::Auc | Self::Accuracy | Self::F1)
    }
}

impl VersionPolicy {
    /// The versions to serve out of those that exist.
    #[must_use]
    pub fn select(&self, existing: &BTreeSet<Version>) -> BTreeSet<Version> {
        match self {
            Self::Latest(count) => existing.iter().rev().take(*count).copied().collect(),
            Self::All => existing.clone(),
            Self::These(wanted) => existing.intersection(wanted).copied().collect(),
        }
    }
}

impl VersionPolicy {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "all" => Some(Self::All),
            "latest" => Some(Self::Latest(1)),
            other => {
                let count = other.strip_prefix("latest:")?.parse().ok()?;
                (count > 0).then_some(Self::Latest(count))
            }
        }
    }
}

/// Longer than any wait that makes sense; clocks cannot be added to without bounds.
const MAX_DURATION: Duration = Duration::from_hours(24 * 365);

/// A duration as people write it: `250us`, `20ms`, `2s`, `5m`.
///
/// # Errors
/// The text of what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let error = || format!("'{text}' is no duration, expected a number with us, ms, s, m or h");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
    let number: u64 = text[..digits].parse().map_err(|_| error())?;
    let micros = match &text[digits..] {
        "us" => Some(1),
        "ms" => Some(1_000),
        "s" => Some(1_000_000),
        "m" => Some(60_000_000),
        "h" => Some(3_600_000_000u64),
        _ => None,
    };
    let unit = micros.ok_or_else(error)?;
    let duration = number.checked_mul(unit).map(Duration::from_micros);
    let bounded = duration.filter(|duration| *duration <= MAX_DURATION);
    bounded.ok_or_else(|| format!("'{text}' is longer than a year"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(policy: &str, existing: &[Version]) -> Vec<Version> {
        let settings = Settings::parse(&format!("versions = {policy}")).unwrap();
        settings.versions.select(&existing.iter().copied().collect()).into_iter().collect()
    }

    #[test]
    fn policies_select_what_they_say() {
        assert_eq!(select(r#""latest""#, &[1, 2, 10]), [10]);
        assert_eq!(select(r#""latest:2""#, &[1, 2, 10]), [2, 10]);
        assert_eq!(select(r#""all""#, &[1, 2]), [1, 2]);
        assert_eq!(select("[2, 5]", &[1, 2, 3]), [2]);
    }

    #[test]
    fn a_mistake_is_reported_with_its_line() {
        let error = Settings::parse("versions = \"all\"\n[limits]\nqueu = 5\n").unwrap_err();
        assert_eq!(
            error,
            "line 3: unknown key 'limits.queu', keys are: queue, deadline, idle_cores"
        );
        let error = Settings::parse("versions = \"newest\"").unwrap_err();
        assert!(error.contains("latest:N"), "{error}");
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        assert!(parse_duration("2").is_err() && parse_duration("-1s").is_err());
        assert!(parse_duration("99999999999999999999h").is_err());
        assert_eq!(parse_duration("9000h"), Err("'9000h' is longer than a year".to_owned()));
    }
}
