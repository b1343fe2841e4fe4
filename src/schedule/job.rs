//! The keys of a job that this module does not know: kept as they are, with templates in their
//! texts.

use super::template::{RenderError, Template, Values};

/// Keys of a job and their values.
#[derive(Debug, Clone, Default)]
pub struct Job(Vec<(String, Value)>);

#[derive(Debug, Clone)]
enum Value {
    Text(Template),
    List(Vec<Value>),
    Table(Job),
    Other(toml::Value),
}

impl Job {
    /// Reads keys; every mistake in a template goes to `mistakes`, with its key.
    pub(super) fn read<'a>(
        entries: impl IntoIterator<Item = (&'a String, &'a toml::Value)>,
        prefix: &str,
        mistakes: &mut Vec<String>,
    ) -> Self {
        let mut read = Vec::new();
        for (key, value) in entries {
            let path = format!("{prefix}{key}");
            if let Some(value) = Value::read(value, &path, mistakes) {
                read.push((key.clone(), value));
            }
        }
        Self(read)
    }

    /// The job of a run.
    ///
    /// # Errors
    /// [`RenderError`] if a template has no value for the run.
    pub fn render(&self, values: &Values) -> Result<toml::Table, RenderError> {
        self.0.iter().map(|(key, value)| Ok((key.clone(), value.render(values)?))).collect()
    }
}

impl Value {
    fn read(value: &toml::Value, path: &str, mistakes: &mut Vec<String>) -> Option<Self> {
        Some(match value {
            toml::Value::String(text) => match Template::parse(text) {
                Ok(template) => Self::Text(template),
                Err(error) => {
                    mistakes.push(format!("{path}: {error}"));
                    return None;
                }
            },
            toml::Value::Array(items) => Self::List(
                items.iter().filter_map(|item| Self::read(item, path, mistakes)).collect(),
            ),
            toml::Value::Table(table) => {
                Self::Table(Job::read(table, &format!("{path}."), mistakes))
            }
            other => Self::Other(other.clone()),
        })
    }

    fn render(&self, values: &Values) -> Result<toml::Value, RenderError> {
        Ok(match self {
            Self::Text(template) => toml::Value::String(template.render(values)?),
            Self::List(items) => {
                let items: Result<Vec<_>, _> =
                    items.iter().map(|item| item.render(values)).collect();
                toml::Value::Array(items?)
            }
            Self::Table(job) => toml::Value::Table(job.render(values)?),
            Self::Other(value) => value.clone(),
        })
    }
}
