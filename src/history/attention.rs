//! What of a model needs somebody's attention, and how much: a pure function of what is known.
//!
//! Bad is what callers suffer from now. What they do not notice, or not yet, is a warning.

use serde::Serialize;

use super::step::Step;
use crate::drift;
use crate::registry::{ROLLED_BACK, SUPERSEDED};
use crate::repository::Version;

/// Shares of requests that fail: from here on somebody should know, or must.
const WARNING_ERRORS: f64 = 0.01;
const BAD_ERRORS: f64 = 0.05;

/// Fewer requests in a queue that grows are a crowd that comes and goes.
const FEW_WAIT: usize = 8;

/// Fewer truths say nothing of the quality.
const FEW_TRUTHS: u64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Bad,
    Warning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    Version,
    Drift,
    Errors,
    Queue,
    Contract,
    Quality,
    /// Where the model comes from.
    Source,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attention {
    pub level: Level,
    pub about: Topic,
    pub message: String,
}

/// What is known of a model.
#[derive(Debug, Clone, Default)]
pub struct Condition<'a> {
    pub serves: bool,
    /// Something is loading that may yet serve.
    pub loading: bool,
    /// Nothing serves and that is meant: it sleeps, or leaves.
    pub rests: bool,
    /// Why the model as a whole cannot be loaded.
    pub problem: Option<&'a str>,
    /// Versions that have a reason to show, those that serve among them: new files of them failed.
    pub reasons: Vec<(Version, &'a str)>,
    /// What happened in the last seconds.
    pub now: Option<&'a Step>,
    pub queue: Queue,
    /// Of the version that is farthest from its reference, of those that are asked.
    pub drift: Option<Drifted<'a>>,
    /// Of each version that is asked.
    pub quality: Vec<Quality>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Queue {
    /// Requests that wait.
    pub depth: usize,
    /// So many may.
    pub limit: usize,
    /// It was longer at each of the last looks.
    pub grows: bool,
}

#[derive(Debug, Clone)]
pub struct Drifted<'a> {
    pub state: drift::State,
    /// Shares by importance.
    pub inputs: f64,
    pub predictions: f64,
    /// Those that have drifted, the worst first.
    pub features: Vec<&'a str>,
}

/// What came true of predictions, and what the owner demands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quality {
    pub truths: u64,
    pub accuracy: Option<f64>,
    pub min_accuracy: Option<f64>,
    pub absolute_error: Option<f64>,
    pub max_absolute_error: Option<f64>,
}

/// What needs attention, the worst first.
#[must_use]
pub fn attention(of: &Condition) -> Vec<Attention> {
    let mut all = Vec::new();
    source(of, &mut all);
    versions(of, &mut all);
    if let Some(now) = of.now {
        errors(now, &mut all);
    }
    queue(of, &mut all);
    if let Some(now) = of.now.filter(|now| now.violations > 0) {
        let (count, values) = (now.violations, plural(now.violations, "value", "values"));
        let message = format!("{count} {values} broke the contract in {}", seconds(now));
        all.push(warning(Topic::Contract, message));
    }
    if let Some(drift) = &of.drift {
        all.extend(drifted(drift));
    }
    all.extend(of.quality.iter().find_map(poor));
    // Among equals the order is that of the topics.
    all.sort_by_key(|attention| attention.level);
    all
}

fn source(of: &Condition, all: &mut Vec<Attention>) {
    if let Some(problem) = of.problem {
        let level = if of.serves { Level::Warning } else { Level::Bad };
        let message = format!("the model cannot be loaded: {problem}");
        all.push(Attention { level, about: Topic::Source, message });
    }
}

fn versions(of: &Condition, all: &mut Vec<Attention>) {
    let failed = of.reasons.iter().filter(|(_, reason)| !reason.is_empty());
    let failed = failed.filter(|(_, reason)| *reason != SUPERSEDED);
    let level = if of.serves || of.loading { Level::Warning } else { Level::Bad };
    let mut said = false;
    // The newest matters most.
    for (version, reason) in failed.rev() {
        let message = if reason.starts_with(ROLLED_BACK) {
            format!("version {version} was {reason}")
        } else {
            format!("version {version} failed: {reason}")
        };
        all.push(Attention { level, about: Topic::Version, message });
        said = true;
    }
    if of.serves || of.rests || of.problem.is_some() {
        return;
    }
    if of.loading {
        all.push(warning(Topic::Version, "nothing serves yet, a version is loading".to_owned()));
    } else if !said {
        all.push(bad(Topic::Version, "no version serves".to_owned()));
    }
}

fn errors(now: &Step, all: &mut Vec<Attention>) {
    let Some(share) = now.error_share().filter(|share| *share > WARNING_ERRORS) else { return };
    let (failed, requests) = (now.failed, now.requests);
    let message = format!(
        "{:.1} % of requests failed in {}: {failed} of {requests}",
        100.0 * share,
        seconds(now)
    );
    let level = if share > BAD_ERRORS { Level::Bad } else { Level::Warning };
    all.push(Attention { level, about: Topic::Errors, message });
}

fn queue(of: &Condition, all: &mut Vec<Attention>) {
    let Queue { depth, limit, grows } = of.queue;
    if let Some(now) = of.now.filter(|now| now.turned_away > 0) {
        let count = now.turned_away;
        let (requests, were) = (plural(count, "request", "requests"), plural(count, "was", "were"));
        let message = format!("{count} {requests} {were} turned away in {}", seconds(now));
        all.push(bad(Topic::Queue, message));
    } else if limit > 0 && depth * 2 >= limit {
        all.push(warning(Topic::Queue, format!("{depth} requests wait, {limit} may")));
    } else if grows && depth >= FEW_WAIT {
        all.push(warning(Topic::Queue, format!("the queue grows: {depth} requests wait")));
    }
}

fn drifted(drift: &Drifted) -> Option<Attention> {
    if drift.state != drift::State::Drifted {
        return None;
    }
    let mut parts = Vec::new();
    for (share, what) in [(drift.inputs, "inputs"), (drift.predictions, "predictions")] {
        if share > 0.0 {
            parts.push(format!("{:.0} % of the {what}", 100.0 * share));
        }
    }
    let features = match drift.features.as_slice() {
        [] => String::new(),
        [one] => format!(": {one}"),
        [first, second] => format!(": {first}, {second}"),
        [first, second, more @ ..] => format!(": {first}, {second} and {} more", more.len()),
    };
    let what = if parts.is_empty() { "the data".to_owned() } else { parts.join(" and ") };
    let have = if parts.is_empty() { "has" } else { "have" };
    Some(warning(Topic::Drift, format!("{what} {have} drifted{features}")))
}

fn poor(quality: &Quality) -> Option<Attention> {
    if quality.truths < FEW_TRUTHS {
        return None;
    }
    let below = quality.accuracy.zip(quality.min_accuracy).filter(|(is, least)| is < least);
    let above =
        quality.absolute_error.zip(quality.max_absolute_error).filter(|(is, most)| is > most);
    let message = match (below, above) {
        (Some((is, least)), _) => format!("accuracy is {is:.3}, {least} is demanded"),
        (None, Some((is, most))) => format!("the mean error is {is:.3}, {most} is allowed"),
        (None, None) => return None,
    };
    Some(bad(Topic::Quality, message))
}

fn bad(about: Topic, message: String) -> Attention {
    Attention { level: Level::Bad, about, message }
}

fn warning(about: Topic, message: String) -> Attention {
    Attention { level: Level::Warning, about, message }
}

fn seconds(now: &Step) -> String {
    format!("{:.0} s", now.seconds)
}

fn plural(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests;
