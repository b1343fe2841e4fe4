//! Triton's model configuration: what of it means something here. It lies beside a model as
//! `config.pbtxt`, or comes with a request to load it as JSON.

pub(super) mod labels;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::settings::{Settings, VersionPolicy};
use labels::LabelFile;

/// Where a Triton repository has it, in the directory of a model.
pub(super) const FILE: &str = "config.pbtxt";

/// The configuration of one model, as far as it is understood.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    max_batch_size: Option<usize>,
    version_policy: Option<Policy>,
    dynamic_batching: Option<Batching>,
    /// What lies below this name in each version.
    default_model_filename: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    Latest { num_versions: Option<Number> },
    All {},
    Specific { versions: OneOrMany },
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Batching {
    preferred_batch_size: Option<OneOrMany>,
    max_queue_delay_microseconds: Option<Number>,
    default_queue_policy: Option<QueuePolicy>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct QueuePolicy {
    max_queue_size: Option<Number>,
    default_timeout_microseconds: Option<Number>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Protobuf writes numbers of 64 bits as texts in JSON.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

/// A list of one value is written as that value in the text form.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Number>),
    One(Number),
}

impl Number {
    fn value(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }

    /// At least 1.
    fn positive(&self) -> Option<u64> {
        self.value().filter(|number| *number > 0)
    }
}

impl OneOrMany {
    fn iter(&self) -> impl Iterator<Item = &Number> {
        match self {
            Self::Many(numbers) => numbers.iter(),
            Self::One(number) => std::slice::from_ref(number).iter(),
        }
    }
}

/// Names that describe the model, which the model does itself, or that say how onnxruntime runs
/// it: nothing is lost without them.
const SILENT: [&str; 11] = [
    "name",
    "platform",
    "backend",
    "runtime",
    "input",
    "output",
    "instance_group",
    "optimization",
    "model_warmup",
    "metric_tags",
    "response_cache",
];

/// What the file of this text says of a model, and which files have labels of its classes.
///
/// # Errors
/// What is wrong in it.
pub(super) fn settings(text: &str) -> Result<(Settings, Vec<LabelFile>), String> {
    let read = Configuration::of_text(text)?;
    let mut settings = Settings::default();
    read.change(&mut settings);
    settings.model_file = read.model_file()?;
    let ignored = read.ignored();
    if !ignored.is_empty() {
        settings.notes.push(format!("{FILE}: nothing comes of {}", ignored.join(", ")));
    }
    Ok((settings, read.label_files()?))
}

impl Configuration {
    /// Reads the form of JSON, with the names of fields written either way.
    ///
    /// # Errors
    /// What is wrong, without the name of the whole.
    pub(super) fn of_json(json: &[u8]) -> Result<Self, String> {
        let value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        Self::of(value)
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// As [`Configuration::of_json`].
    pub(super) fn of_text(text: &str) -> Result<Self, String> {
        Self::of(Value::Object(text::read(text)?))
    }

    fn of(value: Value) -> Result<Self, String> {
        let read: Self =
            serde_json::from_value(snake_case(value)).map_err(|error| error.to_string())?;
        read.policy()?;
        read.label_files()?;
        Ok(read)
    }

    fn policy(&self) -> Result<Option<VersionPolicy>, String> {
        let wrong = || "version_policy holds no numbers from 1".to_owned();
        let number = |number: &Number| number.positive().ok_or_else(wrong);
        Ok(match &self.version_policy {
            None => None,
            Some(Policy::All {}) => Some(VersionPolicy::All),
            Some(Policy::Latest { num_versions }) => {
                let count = num_versions.as_ref().map_or(Ok(1), number)?;
                Some(VersionPolicy::Latest(usize::try_from(count).map_err(|_| wrong())?))
            }
            Some(Policy::Specific { versions }) => {
                let versions = versions.iter().map(number).collect::<Result<BTreeSet<_>, _>>()?;
                Some(VersionPolicy::These(versions))
            }
        })
    }

    /// Changes what it speaks of.
    pub(super) fn change(&self, settings: &mut Settings) {
        if let Some(rows) = self.max_batch_size {
            settings.batching.max_rows = rows.max(1);
        }
        // Checked when it came.
        if let Ok(Some(policy)) = self.policy() {
            settings.versions = policy;
        }
        let Some(batching) = &self.dynamic_batching else { return };
        let sizes = batching.preferred_batch_size.iter().flat_map(OneOrMany::iter);
        let preferred = sizes.filter_map(Number::positive).max();
        let most = settings.batching.max_rows;
        let preferred = preferred.and_then(|rows| usize::try_from(rows).ok());
        settings.batching.preferred_rows = preferred.map(|rows| rows.min(most));
        if let Some(micros) = value(batching.max_queue_delay_microseconds.as_ref()) {
            settings.batching.max_delay = Duration::from_micros(micros);
        }
        let Some(queue) = &batching.default_queue_policy else { return };
        // Nought is "no limit of its own".
        let of = |number: &Option<Number>| value(number.as_ref()).filter(|number| *number > 0);
        if let Some(size) = of(&queue.max_queue_size) {
            settings.limits.queue = Some(usize::try_from(size).unwrap_or(usize::MAX));
        }
        if let Some(micros) = of(&queue.default_timeout_microseconds) {
            settings.limits.deadline = Some(Duration::from_micros(micros));
        }
    }

    /// The name of the model's file in the directory of a version.
    fn model_file(&self) -> Result<Option<String>, String> {
        let Some(name) = self.default_model_filename.as_deref().filter(|name| !name.is_empty())
        else {
            return Ok(None);
        };
        let mut parts = Path::new(name).components();
        let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !is_plain {
            return Err(format!("default_model_filename is '{name}', expected the name of a file"));
        }
        Ok(Some(name.to_owned()))
    }

    /// Files with labels of the classes of outputs.
    ///
    /// # Errors
    /// One is named that cannot be meant.
    pub(super) fn label_files(&self) -> Result<Vec<LabelFile>, String> {
        self.others.get("output").map_or(Ok(Vec::new()), labels::of)
    }

    /// Fields that change nothing here, although their owner may expect it.
    pub(super) fn ignored(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let top = self.others.keys().filter(|name| !SILENT.contains(&name.as_str()));
        names.extend(top.cloned());
        if let Some(batching) = &self.dynamic_batching {
            names.extend(batching.others.keys().map(|name| format!("dynamic_batching.{name}")));
            let queue = batching.default_queue_policy.iter().flat_map(|queue| queue.others.keys());
            names.extend(queue.map(|name| format!("dynamic_batching.default_queue_policy.{name}")));
        }
        names
    }
}

fn value(number: Option<&Number>) -> Option<u64> {
    number?.value()
}

/// Names of fields as the protocol has them: its form in JSON also knows `maxBatchSize`.
fn snake_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| (snake(&name), snake_case(value));
            Value::Object(fields.into_iter().map(field).collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(snake_case).collect()),
        other => other,
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    for char in name.chars() {
        if char.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(char.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        let mut settings = Settings::default();
        Configuration::of_text(text).unwrap().change(&mut settings);
        settings
    }

    #[test]
    fn what_means_something_here_becomes_settings() {
        let settings = settings(
            r#"
            name: "digits"
            backend: "onnxruntime"
            max_batch_size: 16
            input [ { name: "pixels" data_type: TYPE_FP32 dims: [ 64 ] } ]
            version_policy: { latest { num_versions: 2 } }
            dynamic_batching {
              preferred_batch_size: [ 4, 8 ]
              max_queue_delay_microseconds: 500
              default_queue_policy { max_queue_size: 100 default_timeout_microseconds: 2000000 }
            }
            "#,
        );
        assert_eq!(settings.batching.max_rows, 16);
        assert_eq!(settings.batching.preferred_rows, Some(8));
        assert_eq!(settings.batching.max_delay, Duration::from_micros(500));
        assert_eq!(settings.versions, VersionPolicy::Latest(2));
        assert_eq!(settings.limits.queue, Some(100));
        assert_eq!(settings.limits.deadline, Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_list_of_one_may_be_written_without_brackets() {
        let one = settings("version_policy { specific { versions: 3 } }");
        assert_eq!(one.versions, VersionPolicy::These(BTreeSet::from([3])));
        let two = settings("version_policy { specific { versions: 3 versions: 5 } }");
        assert_eq!(two.versions, VersionPolicy::These(BTreeSet::from([3, 5])));
    }

    #[test]
    fn what_changes_nothing_is_named_unless_nothing_is_lost() {
        let read = Configuration::of_text(
            r#"name: "x" instance_group [ { count: 2 } ] sequence_batching { }
               dynamic_batching { preserve_ordering: true default_queue_policy { timeout_action: DELAY } }
               parameters { key: "a" value { string_value: "b" } }"#,
        );
        let expected = [
            "parameters",
            "sequence_batching",
            "dynamic_batching.preserve_ordering",
            "dynamic_batching.default_queue_policy.timeout_action",
        ];
        assert_eq!(read.unwrap().ignored(), expected);
    }

    #[test]
    fn both_spellings_of_json_and_numbers_as_texts_are_read() {
        let mut settings = Settings::default();
        let json = br#"{"maxBatchSize": 8, "versionPolicy": {"specific": {"versions": ["1", 3]}}}"#;
        Configuration::of_json(json).unwrap().change(&mut settings);
        assert_eq!(settings.batching.max_rows, 8);
        assert_eq!(settings.versions, VersionPolicy::These(BTreeSet::from([1, 3])));
        assert!(Configuration::of_json(br#"{"max_batch_size": "lots"}"#).is_err());
        let none = br#"{"version_policy": {"specific": {"versions": [0]}}}"#;
        assert!(Configuration::of_json(none).is_err());
    }
}
