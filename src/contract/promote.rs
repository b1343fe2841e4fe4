//! From counting to refusing: which rules of a contract were kept by so much of what was really
//! sent that they may be enforced.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::document::{Document, FeatureRule, Mode};

/// What a server counted for a contract: the part of its report that matters here. Reports of
/// several servers may be added.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    pub id: String,
    pub rows: u64,
    /// Rows of answers.
    pub answered: u64,
    pub features: Vec<Counted>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Counted {
    pub name: String,
    pub violations: BTreeMap<String, u64>,
}

/// What makes a rule good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// What a rule becomes.
    pub mode: Mode,
    /// Rows that must have been checked.
    pub least_rows: u64,
    /// Of the rows that break the rule.
    pub most_violations: f64,
}

/// The modes that a contract gets, in the order of its rules; a rule without one has that of the
/// contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Promotion {
    pub mode: Mode,
    pub features: Vec<Option<Mode>>,
    pub rows: Vec<Option<Mode>>,
    pub outputs: Vec<Option<Mode>>,
    pub decisions: Vec<Decision>,
}

/// What becomes of a rule, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub rule: String,
    pub from: Mode,
    pub to: Mode,
    /// Of this rule, by code; empty if nothing broke it.
    pub violations: BTreeMap<String, u64>,
    /// Rows that were held against it.
    pub rows: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromotionError {
    #[error(
        "the server observes contract {found}, this one is {expected}: it was changed since, or the server has not loaded it yet"
    )]
    OtherContract { found: String, expected: String },
    #[error("{found} rows were checked, expected at least {expected}")]
    TooFewRows { found: u64, expected: u64 },
    #[error("no rule observes or warns: there is nothing to promote")]
    Nothing,
}

impl Observed {
    /// Adds what another server counted for the same contract.
    ///
    /// # Errors
    /// [`PromotionError::OtherContract`].
    pub fn add(&mut self, other: Self) -> Result<(), PromotionError> {
        if other.id != self.id {
            let (found, expected) = (other.id, self.id.clone());
            return Err(PromotionError::OtherContract { found, expected });
        }
        self.rows = self.rows.saturating_add(other.rows);
        self.answered = self.answered.saturating_add(other.answered);
        self.features.extend(other.features);
        Ok(())
    }

    /// Violations of one rule, by code. What is wrong with an input as a whole is refused anyway,
    /// and an input may be called as its only feature is.
    fn violations(&self, rule: &str) -> BTreeMap<String, u64> {
        const OF_INPUTS: [&str; 4] =
            ["missing_feature", "unexpected_feature", "wrong_dtype", "wrong_shape"];
        let mut found = BTreeMap::new();
        let of_rule = self.features.iter().filter(|counted| counted.name == rule);
        for (code, count) in of_rule.flat_map(|counted| &counted.violations) {
            if *count > 0 && !OF_INPUTS.contains(&code.as_str()) {
                *found.entry(code.clone()).or_insert(0) += count;
            }
        }
        found
    }
}

impl Promotion {
    /// # Errors
    /// [`PromotionError`] if this says nothing about the contract, or too little.
    pub fn new(
        document: &Document,
        observed: &Observed,
        policy: Policy,
    ) -> Result<Self, PromotionError> {
        let (found, expected) = (observed.id.clone(), document.id());
        if found != expected {
            return Err(PromotionError::OtherContract { found, expected });
        }
        if observed.rows < policy.least_rows.max(1) {
            let (found, expected) = (observed.rows, policy.least_rows.max(1));
            return Err(PromotionError::TooFewRows { found, expected });
        }
        let mut judge = Judge { document, observed, policy, decisions: Vec::new() };
        let features = document.features.iter().map(|rule| {
            let to = if can_repair(rule) { policy.mode } else { judge.refusing() };
            judge.rule(&rule.name, rule.mode, to, observed.rows)
        });
        let features = features.collect();
        let refusing = judge.refusing();
        let rows = document
            .rows
            .iter()
            .map(|rule| judge.rule(&rule.relation.to_string(), rule.mode, refusing, observed.rows));
        let rows = rows.collect();
        let outputs = document
            .outputs
            .iter()
            .map(|rule| judge.rule(&rule.name, rule.mode, refusing, observed.answered));
        let outputs = outputs.collect();
        let decisions = judge.decisions;
        if !decisions.iter().any(|decision| is_weak(decision.from)) {
            return Err(PromotionError::Nothing);
        }
        Ok(Self { mode: policy.mode, features, rows, outputs, decisions })
    }
}

struct Judge<'a> {
    document: &'a Document,
    observed: &'a Observed,
    policy: Policy,
    decisions: Vec<Decision>,
}

impl Judge<'_> {
    /// What becomes of a rule that cannot repair: what a repair that fails leads to.
    fn refusing(&self) -> Mode {
        if self.policy.mode == Mode::Repair { Mode::Reject } else { self.policy.mode }
    }

    /// The mode of its own that the rule has in the promoted contract: one where it had one, or
    /// where it is not that of the contract. `to` is what it becomes if so many rows kept it.
    fn rule(&mut self, rule: &str, own: Option<Mode>, to: Mode, rows: u64) -> Option<Mode> {
        let from = own.unwrap_or(self.document.mode);
        let violations = self.observed.violations(rule);
        let count: u64 = violations.values().sum();
        #[expect(clippy::cast_precision_loss, reason = "shares need no more than 53 bits")]
        let share = count as f64 / rows.max(1) as f64;
        let kept = rows >= self.policy.least_rows.max(1) && share <= self.policy.most_violations;
        let to = if is_weak(from) && kept { to } else { from };
        self.decisions.push(Decision { rule: rule.to_owned(), from, to, violations, rows });
        (own.is_some() || to != self.policy.mode).then_some(to)
    }
}

/// Whether the rule says what to put in the place of a value.
fn can_repair(rule: &FeatureRule) -> bool {
    rule.clip || rule.impute.is_some()
}

/// Modes that refuse nothing although they look.
fn is_weak(mode: Mode) -> bool {
    matches!(mode, Mode::Observe | Mode::Warn)
}

#[cfg(test)]
mod tests;
