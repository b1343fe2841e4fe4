//! What a model's owner may say about drift: `[drift]` in `model.toml`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::history::Span;
use super::reference::Reference;
use crate::stats::counts::Alpha;

/// The name of a reference profile in a version's directory.
pub const PROFILE_FILE: &str = "profile.json";

/// Shorter windows are no windows: their panes would be shorter than a look.
pub const LEAST_WINDOW: Duration = Duration::from_secs(1);

/// The long window of longer ones would outlive every model.
pub const LONGEST_WINDOW: Duration = Duration::from_hours(24 * 30);

#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub mode: Mode,
    /// In the version's directory; it must be there. By default `profile.json`, if there is one.
    pub reference: Option<PathBuf>,
    /// The window that is judged; 48 of them are the long one.
    pub window: Duration,
    /// Of all features of a version together, where nothing has drifted.
    pub false_alarms_per_30_days: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    On,
    /// Nothing is counted.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::On,
            reference: None,
            window: Duration::from_hours(1),
            false_alarms_per_30_days: 1.0,
        }
    }
}

impl Settings {
    /// The name of the reference profile.
    #[must_use]
    pub fn profile(&self) -> &Path {
        self.reference.as_deref().unwrap_or(Path::new(PROFILE_FILE))
    }

    /// The share of looks at one feature that may be alarms by chance: windows that do not
    /// overlap are independent, and every feature has some in a month.
    #[must_use]
    pub(super) fn alpha(&self, reference: &Reference) -> Alpha {
        const MONTH: Duration = Duration::from_hours(24 * 30);
        let windows = MONTH.as_secs_f64() / self.window.as_secs_f64().max(1.0);
        #[expect(clippy::cast_precision_loss, reason = "thousands of features at most")]
        let looks = windows * (reference.watched.len() * Span::ALL.len()) as f64;
        Alpha::nearest(self.false_alarms_per_30_days / looks)
    }

    /// How often the windows are looked at.
    #[must_use]
    pub(super) fn pause(&self) -> Duration {
        (self.window / 60).clamp(LEAST_WINDOW / 10, Duration::from_secs(10))
    }
}
