//! What a whole job of predictions looks like beside the reference: a verdict at once, without
//! windows.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::diff::{Compared, Current, Diff, Side};
use super::reference::Reference;
use super::tally::Tally;
use super::verdict::State;
use crate::features::Role;

/// Features that the table lists.
const MOST_LISTED: usize = 10;

/// Features that are kept of a verdict.
const MOST_KEPT: usize = 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileVerdict {
    /// Eight hexadecimal digits of the reference's profile.
    pub reference: String,
    pub rows: u64,
    /// Features that were compared.
    pub compared: usize,
    /// Those of them that have drifted.
    pub drifted: usize,
    /// Share of the inputs that have drifted, by their importance.
    pub drifted_inputs: f64,
    /// What drifted most comes first.
    pub features: Vec<Compared>,
}

impl FileVerdict {
    /// `tally` counted all rows of the job in the bins of this reference; `name` says of what.
    #[must_use]
    pub fn new(name: &str, reference: &Reference, tally: Tally) -> Self {
        let side = |name: &str, rows| Side { name: name.to_owned(), rows, sha256: None };
        let rows = tally.rows;
        let current = Current::counted(side(name, rows), tally, Vec::new());
        let diff = Diff::new(side(&reference.id, reference.rows), reference, None, current);
        let weights: HashMap<(Role, &str), f64> = reference
            .watched
            .iter()
            .map(|of| ((of.profile.role, of.feature.name.as_str()), of.weight))
            .collect();
        let weight = |of: &&Compared| weights.get(&(of.role, of.name.as_str())).copied();
        let drifted = diff.features.iter().filter(|of| of.state == State::Drifted);
        let drifted_inputs = drifted.filter_map(|of| weight(&of)).sum::<f64>();
        Self {
            reference: reference.id.clone(),
            rows,
            compared: diff.features.len(),
            drifted: diff.drifted,
            // Nothing at all sums up to -0.
            drifted_inputs: drifted_inputs + 0.0,
            features: diff.features,
        }
    }
}

impl FileVerdict {
    /// Only what drifted, and of that what drifted most. Without bins: their categories may be
    /// personal data, and those who may see a job may be others than those who may see its data.
    #[must_use]
    pub fn brief(mut self) -> Self {
        self.features.retain(|of| of.state == State::Drifted);
        self.features.truncate(MOST_KEPT);
        self.features.iter_mut().for_each(|of| of.bins = Vec::new());
        self
    }

    /// # Errors
    /// How many features have drifted.
    pub fn check(&self) -> Result<(), String> {
        let (drifted, compared) = (self.drifted, self.compared);
        if drifted == 0 { Ok(()) } else { Err(format!("{drifted} of {compared} features drifted")) }
    }
}

/// A short table of what drifted.
impl fmt::Display for FileVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (drifted, all) = (self.drifted, self.compared);
        let share = 100.0 * self.drifted_inputs;
        write!(f, "{drifted} of {all} features drifted, {share:.0}% of the inputs by importance")?;
        let listed = self.features.iter().filter(|of| of.state == State::Drifted);
        for of in listed.take(MOST_LISTED) {
            let psi = of.scores.map_or(f64::NAN, |scores| scores.psi);
            let missing = [of.reference.missing, of.current.missing].map(|it| 100.0 * it);
            write!(f, "\n  {:<32} psi {psi:>7.3}", of.name)?;
            write!(f, "  missing {:.1}% -> {:.1}%", missing[0], missing[1])?;
            if let (Some(before), Some(now)) = (of.reference.mean, of.current.mean) {
                write!(f, "  mean {before:.4} -> {now:.4}")?;
            }
        }
        let more = drifted.saturating_sub(MOST_LISTED);
        if more > 0 { write!(f, "\n  and {more} more") } else { Ok(()) }
    }
}
