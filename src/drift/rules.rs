//! Rules for Prometheus, which adds up the counts of all replicas and judges their sum.
//!
//! Nothing here reads or writes a file: a reference becomes text. `recording.rs` has the
//! expressions, `alerts.rs` who is told of what, `rehearsal.rs` a test of exactly these rules for
//! promtool; `promql.rs` and `yaml.rs` write names that somebody else chose so that they stay
//! names.

mod alerts;
mod promql;
mod quality;
mod recording;
mod rehearsal;
mod yaml;

use std::time::Duration;

use super::reference::{Reference, Watched};
use super::score::least_values;
use super::settings::Settings;
use super::weights::is_input;
use crate::stats::counts::critical_factor;
use crate::stats::float;
use promql::Selector;
use yaml::Rule;

/// Shorter windows are no windows: Prometheus cannot look often enough.
pub const LEAST_RULES_WINDOW: Duration = Duration::from_secs(10);

/// A smaller share counts as this one, on both sides: an empty bin has no logarithm.
const LEAST_SHARE: f64 = 1e-4;

/// Prometheus forgets a series after five minutes, and drift is slow.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);

/// What rules are made of.
pub struct Rules<'a> {
    /// As the server calls it.
    pub model: &'a str,
    pub reference: &'a Reference,
    /// The window, and how many false alarms are accepted.
    pub settings: &'a Settings,
    /// Time without requests that somebody must look into.
    pub stale_after: Duration,
    /// If truths are awaited.
    pub quality: Option<Awaited>,
}

/// What the truth is compared with, and what the owner demands of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Awaited {
    /// Probabilities of one of two classes.
    Scores { least_accuracy: Option<f64> },
    /// Classes.
    Labels { least_accuracy: Option<f64> },
    /// Numbers, by their mean absolute error.
    Values { most_error: Option<f64> },
}

/// Two files for one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFiles {
    pub rules_name: String,
    pub rules: String,
    pub test_name: String,
    pub test: String,
}

impl Rules<'_> {
    /// The rules, and the test of them that names their file.
    #[must_use]
    pub fn files(&self) -> RuleFiles {
        let stem = file_stem(self.model);
        let rules_name = format!("{stem}-drift.rules.yml");
        let test = rehearsal::text(self, &rules_name);
        RuleFiles {
            rules: self.text(),
            rules_name,
            test,
            test_name: format!("{stem}-drift.test.yml"),
        }
    }

    fn text(&self) -> String {
        let name =
            format!("onnxd drift of {}, {}, {}", self.model, self.reference.id, self.window());
        let rules: Vec<Rule> =
            recording::rules(self).into_iter().chain(alerts::rules(self)).collect();
        yaml::group(&name, &promql::duration(self.interval()), &rules)
    }

    /// The window as a label: rules for several windows may be loaded together.
    fn window(&self) -> String {
        promql::duration(self.settings.window)
    }

    /// A part of the window.
    fn part(&self, of: u32) -> Duration {
        self.settings.window / of
    }

    /// How often the rules are evaluated.
    fn interval(&self) -> Duration {
        self.part(60).clamp(Duration::from_secs(1), LONGEST_INTERVAL)
    }

    /// How long a feature must look drifted.
    fn hold(&self) -> Duration {
        self.part(12)
    }

    /// Selects what the server counts of this model and reference.
    fn counted(&self) -> Selector {
        Selector::default().with("model", self.model).with("reference", &self.reference.id)
    }

    /// Selects what the rules record.
    fn recorded(&self) -> Selector {
        self.counted().with("window", &self.window())
    }

    /// Features that are on the page of bins, with their constants.
    fn features(&self) -> Vec<Feature<'_>> {
        let alpha = self.settings.alpha(self.reference);
        let feature = |place: &usize| {
            let watched = &self.reference.watched[*place];
            Feature::new(watched, self, |bins| critical_factor(bins, alpha))
        };
        self.reference.shown.iter().map(feature).collect()
    }
}

/// One feature and the constants of its rules.
struct Feature<'a> {
    watched: &'a Watched,
    /// Values in the reference.
    values: u64,
    /// Bins that the reference fills, less one.
    freedom: f64,
    /// What the index times the number of values exceeds by chance as seldom as is accepted.
    critical: f64,
    /// What the index of a block of the reference hardly ever exceeds beyond chance.
    usual: Option<f64>,
    /// Fewer values say nothing.
    least: u64,
    /// Of the inputs together 1.
    weight: f64,
}

impl<'a> Feature<'a> {
    fn new(watched: &'a Watched, rules: &Rules, critical: impl Fn(usize) -> Option<f64>) -> Self {
        let profile = &watched.profile;
        // One bin alone has no freedom; what falls beside it makes two.
        let least = least_values(watched.binning.bins());
        let usual = profile.usual(Some(rules.settings.window), least);
        let filled = profile.counts.iter().filter(|count| **count > 0).count().max(2);
        Self {
            watched,
            values: profile.counts.iter().sum(),
            freedom: float(filled as u64 - 1),
            critical: critical(filled).unwrap_or(f64::INFINITY),
            usual: usual.map(|blocks| blocks.psi.limit()),
            least,
            weight: watched.weight,
        }
    }

    fn name(&self) -> &'a str {
        &self.watched.feature.name
    }

    fn role(&self) -> &'static str {
        if is_input(self.watched) { "input" } else { "prediction" }
    }

    /// The name and the reference's share of each bin.
    fn shares(&self) -> impl Iterator<Item = (String, f64)> {
        let share = |count: &u64| (float(*count) / float(self.values)).max(LEAST_SHARE);
        let counts = self.watched.profile.counts.iter().enumerate();
        counts.map(move |(bin, count)| (self.watched.binning.name(bin), share(count)))
    }
}

/// A name of a file that means nothing to a shell, a path or a pattern.
fn file_stem(model: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let stem: String = model.chars().map(safe).collect();
    if stem.is_empty() || stem.starts_with(['.', '-']) { format!("_{stem}") } else { stem }
}

#[cfg(test)]
mod tests;
