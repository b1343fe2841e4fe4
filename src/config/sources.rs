//! Where the text of a setting comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::Errors;
use super::settings::{self, Setting};

const SCHEDULE: &str = "schedule";

/// Texts by setting name, from each source.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    pub flags: BTreeMap<String, String>,
    pub environment: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    file_name: String,
    /// `[[schedule]]`, which only the file can have.
    schedules: Option<toml::Value>,
}

/// A text and the source that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    pub text: String,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Environment,
    File(String),
    Default,
}

impl Sources {
    /// Settings from the command line and from the environment.
    #[must_use]
    pub fn new(flags: BTreeMap<String, String>, environment: BTreeMap<String, String>) -> Self {
        Self { flags, environment, ..Self::default() }
    }

    /// Adds the settings of a TOML file.
    ///
    /// # Errors
    /// [`Errors`] if the file cannot be read, is no TOML, or names settings that do not
    /// exist.
    pub fn with_file(mut self, path: &Path) -> Result<Self, Errors> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Errors(vec![format!("cannot read {name}: {error}")]))?;
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| Errors(vec![format!("{name}: {error}")]))?;
        let mut errors = Vec::new();
        for (key, value) in table {
            if key == SCHEDULE {
                self.schedules = Some(value);
                continue;
            }
            if !settings::ALL.iter().any(|setting| setting.name == key) {
                errors.push(format!("{name}: unknown setting '{key}'"));
                continue;
            }
            match value {
                toml::Value::String(text) => drop(self.file.insert(key, text)),
                toml::Value::Integer(number) => drop(self.file.insert(key, number.to_string())),
                toml::Value::Float(number) => drop(self.file.insert(key, number.to_string())),
                toml::Value::Boolean(truth) => drop(self.file.insert(key, truth.to_string())),
                other => errors.push(format!(
                    "{name}: '{key}' is {}, expected a string, a number or a boolean",
                    other.type_str()
                )),
            }
        }
        self.file_name = name;
        if errors.is_empty() { Ok(self) } else { Err(Errors(errors)) }
    }

    /// The schedules as they were written, and in which file.
    #[must_use]
    pub fn schedules(&self) -> Option<(&toml::Value, &str)> {
        self.schedules.as_ref().map(|value| (value, self.file_name.as_str()))
    }

    /// The text that counts for this setting: flag, environment, file, a variable that other
    /// programs have in common, default.
    #[must_use]
    pub fn effective(&self, setting: &Setting) -> Effective {
        let flag = self.flags.get(setting.name).map(|text| (text, Origin::Flag));
        let environment =
            || self.environment.get(setting.environment).map(|text| (text, Origin::Environment));
        let file =
            || self.file.get(setting.name).map(|text| (text, Origin::File(self.file_name.clone())));
        let standard = || {
            let text = self.environment.get(settings::standard_variable(setting)?)?;
            Some((text, Origin::Environment))
        };
        match flag.or_else(environment).or_else(file).or_else(standard) {
            Some((text, origin)) => Effective { text: text.clone(), origin },
            None => Effective { text: setting.default.to_owned(), origin: Origin::Default },
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment => f.write_str("environment"),
            Self::File(name) => f.write_str(name),
            Self::Default => f.write_str("default"),
        }
    }
}
