//! `[[schedule]]` of the configuration file. Every mistake is told, with the schedule and the
//! key, and not only the first.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::cron::Pattern;
use super::wall::WallClock;
use super::{Job, Missed, OnFailure, Overlap, Schedule, Template};

/// The keys of a schedule; all others are the job's.
pub const KEYS: [&str; 11] = [
    "name",
    "cron",
    "time_zone",
    "model",
    "version",
    "input",
    "output",
    "on_failure",
    "missed",
    "overlap",
    "start_within",
];

const MAX_RETRIES: u32 = 100;

const LONGEST: Duration = Duration::from_hours(24 * 366);

/// Every mistake in the schedules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Mistakes(pub Vec<String>);

/// Reads the value of the key `schedule`. `job_keys` are the keys that a job may have.
///
/// # Errors
/// [`Mistakes`] with all of them.
pub fn read(list: &toml::Value, job_keys: &[&str]) -> Result<Vec<Schedule>, Mistakes> {
    let Some(items) = list.as_array() else {
        let came = describe(list);
        return Err(Mistakes(vec![format!("schedule: {came} is no list, expected [[schedule]]")]));
    };
    let mut mistakes = Vec::new();
    let mut schedules = Vec::new();
    let mut names = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let Some(table) = item.as_table() else {
            mistakes.push(format!("schedule {}: {} is no table", index + 1, describe(item)));
            continue;
        };
        let mut reader = Reader { table, mistakes: Vec::new() };
        let schedule = reader.schedule(job_keys);
        let written = table.get("name").and_then(toml::Value::as_str);
        if let Some(name) = written
            && !names.insert(name)
        {
            reader.mistakes.push("name: another schedule has it too".to_owned());
        }
        let called = written.map_or_else(|| (index + 1).to_string(), |name| format!("'{name}'"));
        mistakes.extend(reader.mistakes.iter().map(|text| format!("schedule {called}: {text}")));
        schedules.extend(schedule);
    }
    if mistakes.is_empty() { Ok(schedules) } else { Err(Mistakes(mistakes)) }
}

struct Reader<'a> {
    table: &'a toml::Table,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    fn schedule(&mut self, job_keys: &[&str]) -> Option<Schedule> {
        self.refuse_unknown(job_keys);
        let name = self.required("name", name);
        let cron = self.required("cron", text);
        let pattern = self.required("cron", |value| Pattern::parse(&text(value)?));
        let zone = self.optional("time_zone", zone);
        let model = self.required("model", model);
        let version = self.optional("version", version);
        let input = self.required("input", templates);
        let output = self.required("output", template);
        let on_failure = self.on_failure();
        let missed =
            self.optional("missed", one_of(&[("skip", Missed::Skip), ("run", Missed::Run)]));
        let overlap =
            self.optional("overlap", one_of(&[("skip", Overlap::Skip), ("queue", Overlap::Queue)]));
        let start_within = self.optional("start_within", duration);
        let entries = self.table.iter().filter(|(key, _)| job_keys.contains(&key.as_str()));
        let job = Job::read(entries, "", &mut self.mistakes);
        if !self.mistakes.is_empty() {
            return None;
        }
        let zone = zone.unwrap_or(TimeZone::UTC);
        Some(Schedule {
            name: name?,
            cron: cron?,
            model: model?,
            version,
            input: input?,
            output: output?,
            job,
            on_failure,
            missed: missed.unwrap_or_default(),
            overlap: overlap.unwrap_or_default(),
            start_within,
            clock: WallClock { pattern: pattern?, zone },
        })
    }

    fn refuse_unknown(&mut self, job_keys: &[&str]) {
        let known: Vec<&str> = KEYS.iter().chain(job_keys).copied().collect();
        for key in self.table.keys().filter(|key| !known.contains(&key.as_str())) {
            self.mistakes.push(format!("unknown key '{key}', keys are: {}", known.join(", ")));
        }
    }

    fn optional<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&toml::Value) -> Result<T, String>,
    ) -> Option<T> {
        match read(self.table.get(key)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                let mistake = format!("{key}: {reason}");
                if !self.mistakes.contains(&mistake) {
                    self.mistakes.push(mistake);
                }
                None
            }
        }
    }

    fn required<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&toml::Value) -> Result<T, String>,
    ) -> Option<T> {
        let missing = format!("{key} is missing");
        if !self.table.contains_key(key) && !self.mistakes.contains(&missing) {
            self.mistakes.push(missing);
        }
        self.optional(key, read)
    }

    fn on_failure(&mut self) -> OnFailure {
        let Some(value) = self.table.get("on_failure") else { return OnFailure::default() };
        let Some(table) = value.as_table() else {
            let came = describe(value);
            let expected = "expected { retries = 3, wait = \"5m\" }";
            self.mistakes.push(format!("on_failure: {came} is no table, {expected}"));
            return OnFailure::default();
        };
        let mut inner = Reader { table, mistakes: Vec::new() };
        for key in table.keys().filter(|key| !["retries", "wait"].contains(&key.as_str())) {
            inner.mistakes.push(format!("unknown key '{key}', keys are: retries, wait"));
        }
        let retries = inner.required("retries", retries);
        let wait = inner.optional("wait", duration);
        self.mistakes.extend(inner.mistakes.iter().map(|text| format!("on_failure: {text}")));
        OnFailure { retries: retries.unwrap_or(0), wait: wait.unwrap_or(Duration::from_mins(1)) }
    }
}

/// A value as it is repeated in messages.
fn describe(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => format!("'{text}'"),
        toml::Value::Array(_) => "a list".to_owned(),
        toml::Value::Table(_) => "a table".to_owned(),
        other => other.to_string(),
    }
}

fn text(value: &toml::Value) -> Result<String, String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("{} is no text", describe(value)))
}

fn name(value: &toml::Value) -> Result<String, String> {
    let text = text(value)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if text.chars().all(fits) && text.len() <= 128 {
        return Ok(text);
    }
    Err(format!("'{text}' is no name, expected up to 128 letters, digits, '.', '_' and '-'"))
}

fn model(value: &toml::Value) -> Result<String, String> {
    let text = text(value)?;
    if text.contains(['/', ':']) || text.chars().any(char::is_control) {
        return Err(format!("'{text}' is no model name: it must not hold / or :"));
    }
    Ok(text)
}

fn version(value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::Integer(number) if *number > 0 => Ok(number.to_string()),
        toml::Value::String(text) if !text.is_empty() => Ok(text.clone()),
        other => Err(format!("{} is no version and no label", describe(other))),
    }
}

fn zone(value: &toml::Value) -> Result<TimeZone, String> {
    let text = text(value)?;
    TimeZone::get(&text)
        .map_err(|_| format!("'{text}' is no time zone, expected for example Europe/Berlin"))
}

fn template(value: &toml::Value) -> Result<Template, String> {
    Template::parse(&text(value)?).map_err(|error| error.to_string())
}

fn templates(value: &toml::Value) -> Result<Vec<Template>, String> {
    match value {
        toml::Value::Array(items) if items.is_empty() => {
            Err("the list is empty, expected at least one text".to_owned())
        }
        toml::Value::Array(items) => items.iter().map(template).collect(),
        single => Ok(vec![template(single)?]),
    }
}

fn retries(value: &toml::Value) -> Result<u32, String> {
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| *number <= MAX_RETRIES).ok_or_else(|| {
        format!("{} is no number of retries, expected 0 to {MAX_RETRIES}", describe(value))
    })
}

fn duration(value: &toml::Value) -> Result<Duration, String> {
    let came = describe(value);
    let error = || format!("{came} is no duration, expected a number above 0 with s, m, h or d");
    let text = value.as_str().ok_or_else(error)?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
    let number: u64 = text[..digits].parse().map_err(|_| error())?;
    let unit = match &text[digits..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(error()),
    };
    let duration = number.checked_mul(unit).map(Duration::from_secs);
    match duration.filter(|duration| *duration <= LONGEST) {
        Some(Duration::ZERO) => Err(error()),
        Some(duration) => Ok(duration),
        None => Err(format!("{came} is longer than a year")),
    }
}

fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(&toml::Value) -> Result<T, String> {
    move |value| {
        let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!("{} is none of: {}", describe(value), known.join(", "))
        })
    }
}
