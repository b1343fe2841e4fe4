//! What a job is asked to do, as the command line, a request or a schedule says it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::plan;
use crate::table::Kind;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Paths, patterns or URLs of files; `-` is the standard input.
    #[serde(deserialize_with = "one_or_many")]
    pub input: Vec<String>,
    /// A file, or a directory (a text that ends with `/`) that gets one file for each input.
    pub output: String,
    /// As `csv` or `ndjson.gz`; by the names of the files if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_format: Option<String>,
    /// Columns of the input that the output has too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    #[serde(default)]
    pub on_bad_row: OnBadRow,
    /// A file for what is wrong with bad rows; beside the output if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<String>,
    /// Bad rows that a job may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bad_rows: Option<Limit>,
    /// Whether drift of the whole data fails the job.
    #[serde(default)]
    pub fail_on_drift: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// What becomes of a row that the model must not see, or has no answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBadRow {
    /// The job ends.
    #[default]
    Fail,
    /// Its predictions are missing, and the column `error` says why.
    Null,
    /// It is left out.
    Drop,
}

/// One of several machines that share a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    pub of: u32,
}

/// Rows, or a share of all rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    Rows(u64),
    /// From 0 to 1.
    Share(f64),
}

impl Job {
    /// # Errors
    /// The format is none.
    pub fn input_kind(&self, name: &str) -> Result<Kind, String> {
        self.input_format.as_deref().map_or_else(|| Kind::of_name(name), Kind::parse)
    }

    /// Whether each input gets an output of its own.
    #[must_use]
    pub fn is_by_file(&self) -> bool {
        self.output.ends_with('/')
    }

    /// The output, or that of the shard.
    #[must_use]
    pub fn sharded_output(&self) -> String {
        match self.shard {
            Some(shard) if !self.is_by_file() => plan::sharded(&self.output, shard),
            _ => self.output.clone(),
        }
    }

    /// # Errors
    /// The format is none.
    pub fn output_kind(&self) -> Result<Kind, String> {
        match &self.output_format {
            Some(format) => Kind::parse(format),
            None if self.is_by_file() => {
                let first = self.input.first().map_or("", String::as_str);
                self.input_kind(first).map_err(|_| {
                    "the output is a directory: say in which format files are written".to_owned()
                })
            }
            None => Kind::of_name(&self.output),
        }
    }
}

impl Limit {
    #[must_use]
    pub fn is_passed(self, bad: u64, rows: u64) -> bool {
        match self {
            Self::Rows(most) => bad > most,
            #[expect(clippy::cast_precision_loss, reason = "files have fewer than 2^53 rows")]
            Self::Share(most) => bad as f64 > most * rows as f64,
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no limit, expected rows as 100 or a share as 1%");
        if let Some(percent) = text.strip_suffix('%') {
            let percent: f64 = percent.trim().parse().map_err(|_| wrong())?;
            return (0.0..=100.0)
                .contains(&percent)
                .then_some(Self::Share(percent / 100.0))
                .ok_or_else(wrong);
        }
        text.parse().map(Self::Rows).map_err(|_| wrong())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => rows.fmt(f),
            Self::Share(share) => write!(f, "{}%", share * 100.0),
        }
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(index, of)| {
            Some(Self { index: index.parse().ok()?, of: of.parse().ok()? })
        });
        parsed.filter(|shard| shard.index < shard.of).ok_or_else(|| {
            format!("'{text}' is no shard, expected I/N with I from 0 to N - 1, as 0/8")
        })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

macro_rules! as_text {
    ($($type:ty),*) => {
        $(impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = TextOrNumber::deserialize(deserializer)?;
                text.0.parse().map_err(serde::de::Error::custom)
            }
        })*
    };
}

as_text!(Limit, Shard);

/// A person writes `100` as well as `"100"`.
struct TextOrNumber(String);

impl<'de> Deserialize<'de> for TextOrNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a text or a whole number")]
        enum Either {
            Number(u64),
            Text(String),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Number(number) => number.to_string(),
            Either::Text(text) => text,
        }))
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts")]
    enum Either {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::One(one) => vec![one],
        Either::Many(many) => many,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rows_or_shares() {
        let limit = |text: &str| text.parse::<Limit>();
        assert_eq!((limit("100"), limit("1%")), (Ok(Limit::Rows(100)), Ok(Limit::Share(0.01))));
        assert!(limit("101%").is_err() && limit("few").is_err() && limit("-1").is_err());
        assert!(!Limit::Share(0.01).is_passed(1, 100) && Limit::Share(0.01).is_passed(2, 100));
        assert!(Limit::Rows(0).is_passed(1, 1_000_000));
    }

    #[test]
    fn shards_count_from_nought() {
        assert_eq!("3/8".parse::<Shard>().unwrap().to_string(), "3/8");
        assert!("8/8".parse::<Shard>().is_err() && "1".parse::<Shard>().is_err());
    }

    #[test]
    fn a_job_of_a_request_says_what_it_does_not_know() {
        let job: Job = serde_json::from_str(
            r#"{"input": "a.csv", "output": "b.parquet", "max_bad_rows": 5, "on_bad_row": "null"}"#,
        )
        .unwrap();
        assert_eq!((job.input.len(), job.max_bad_rows), (1, Some(Limit::Rows(5))));
        let wrong = serde_json::from_str::<Job>(r#"{"input": "a", "output": "b", "keeps": []}"#);
        assert!(wrong.unwrap_err().to_string().contains("unknown field `keeps`"));
    }
}
