//! What is asked for: a model, and a job of files for it.

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::batch::Job;
use crate::schedule::Schedule;

/// The keys of a job besides model, version, input and output.
pub const KEYS: [&str; 8] = [
    "input_format",
    "output_format",
    "keep",
    "on_bad_row",
    "rejects",
    "max_bad_rows",
    "fail_on_drift",
    "shard",
];

/// A job for a model of the server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    pub model: String,
    /// A version, or the label of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(flatten)]
    pub job: Job,
}

impl Request {
    /// Reads a body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("malformed job: {error}"))
    }
}

impl Request {
    /// The job of a schedule's run.
    ///
    /// # Errors
    /// A template has no value, or a key has none that a job can have.
    pub(super) fn of_schedule(schedule: &Schedule, run: Timestamp) -> Result<Self, String> {
        let rendered = schedule.request(run).map_err(|error| error.to_string())?;
        let mut keys = rendered.job;
        keys.insert("input".to_owned(), rendered.input.into());
        keys.insert("output".to_owned(), rendered.output.into());
        let job = Job::deserialize(toml::Value::Table(keys)).map_err(|error| error.to_string())?;
        Ok(Self { model: schedule.model.clone(), version: schedule.version.clone(), job })
    }
}

// By hand: what is flattened cannot refuse keys that nobody knows.
impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut rest = Map::deserialize(deserializer)?;
        let model = match rest.remove("model") {
            Some(Value::String(model)) => model,
            Some(_) => return Err(D::Error::custom("`model` must be a text")),
            None => return Err(D::Error::custom("missing field `model`")),
        };
        let version = match rest.remove("version") {
            None | Some(Value::Null) => None,
            Some(Value::String(label)) => Some(label),
            Some(Value::Number(number)) if number.is_u64() => Some(number.to_string()),
            Some(_) => return Err(D::Error::custom("`version` must be a number or a label")),
        };
        let job = Job::deserialize(Value::Object(rest)).map_err(D::Error::custom)?;
        Ok(Self { model, version, job })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_back_as_it_was_written_down() {
        let text = r#"{"model": "m", "version": 2, "input": ["a.csv"], "output": "b.csv", "on_bad_row": "null", "max_bad_rows": "1%"}"#;
        let request = Request::parse(text.as_bytes()).unwrap();
        assert_eq!((request.model.as_str(), request.version.as_deref()), ("m", Some("2")));
        let written = serde_json::to_vec(&request).unwrap();
        assert_eq!(Request::parse(&written), Ok(request));
    }

    #[test]
    fn schedules_can_have_all_keys_of_a_job() {
        let wrong = serde_json::from_str::<Job>(r#"{"none": 0}"#).unwrap_err().to_string();
        let known = ["input", "output"].iter().chain(&KEYS);
        assert!(known.clone().all(|key| wrong.contains(&format!("`{key}`"))), "{wrong}");
        assert_eq!(wrong.matches('`').count() / 2 - 1, known.count(), "{wrong}");
    }

    #[test]
    fn keys_that_nobody_knows_are_refused_by_name() {
        let refused = |text: &str| Request::parse(text.as_bytes()).unwrap_err();
        let wrong = refused(r#"{"model": "m", "input": "a", "output": "b", "keeps": []}"#);
        assert!(wrong.contains("unknown field `keeps`"), "{wrong}");
        assert!(refused(r#"{"input": "a", "output": "b"}"#).contains("missing field `model`"));
        assert!(refused(r#"{"model": "m", "output": "b"}"#).contains("missing field `input`"));
        assert!(
            refused(r#"{"model": "m", "version": [], "input": "a", "output": "b"}"#)
                .contains("`version`")
        );
    }
}
