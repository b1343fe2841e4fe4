//! `model.toml`: what a model's owner may say about it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::Version;

/// The settings of one model; the defaults need no file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub versions: VersionPolicy,
    /// Names for the columns of a model's only input.
    pub features: Option<Vec<String>>,
    pub batching: Batching,
    pub limits: Limits,
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Batching {
    /// Rows that may run together; 1 turns batching off.
    pub max_rows: usize,
}

/// Bounds for one model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests that may wait; the server's default if absent.
    pub queue: Option<usize>,
    /// Time for one request; the server's default if absent.
    #[serde(deserialize_with = "optional_duration")]
    pub deadline: Option<Duration>,
}

impl Default for VersionPolicy {
    fn default() -> Self {
        Self::Latest(1)
    }
}

impl Default for Batching {
    fn default() -> Self {
        Self { max_rows: 64 }
    }
}

impl Settings {
    /// # Errors
    /// The text of what is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let settings: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if settings.batching.max_rows == 0 {
            return Err("batching.max_rows is 0, expected at least 1".to_owned());
        }
        if settings.limits.queue == Some(0) {
            return Err("limits.queue is 0, expected at least 1".to_owned());
        }
        Ok(settings)
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

impl<'de> Deserialize<'de> for VersionPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Word(String),
            List(BTreeSet<Version>),
        }
        let expected = r#"expected "latest", "latest:N", "all" or a list of versions"#;
        match Written::deserialize(deserializer).map_err(|_| serde::de::Error::custom(expected))? {
            Written::List(versions) => Ok(Self::These(versions)),
            Written::Word(word) => Self::from_word(&word).ok_or_else(|| {
                serde::de::Error::custom(format!("versions is {word:?}, {expected}"))
            }),
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

fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
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
        assert!(error.contains("line 3") && error.contains("queu"), "{error}");
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
