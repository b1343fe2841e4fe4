//! Where the time of a run goes, node by node.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::model::TractModel;
use super::{TractEngine, probe};
use crate::engine::{LoadError, ModelSource};
use crate::tensor::Shape;

/// Runs are repeated for about this long; the fastest time of each node counts.
const BUDGET: Duration = Duration::from_secs(1);

/// The nodes of a compiled graph, in the order in which they run.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Of the inputs, in the order of the signature.
    pub shapes: Vec<Shape>,
    pub nodes: Vec<NodeTime>,
}

/// The time of one node.
#[derive(Debug, Clone)]
pub struct NodeTime {
    /// Compiled nodes go by the name of a node of the file that they were made from.
    pub node: String,
    pub operator: String,
    pub time: Duration,
    /// Of the time of all nodes, from 0 to 1.
    pub share: f64,
}

impl TractEngine {
    /// Loads a model and measures its nodes on made-up values, for the first of its known
    /// shapes that runs, or a guessed one.
    ///
    /// # Errors
    /// [`LoadError`] if the model does not load, or no shape runs.
    pub fn profile(&self, source: &ModelSource) -> Result<Profile, LoadError> {
        self.load_model(source)?.profile(&source.known_shapes)
    }
}

impl TractModel {
    fn profile(&self, known: &[Vec<(String, Vec<usize>)>]) -> Result<Profile, LoadError> {
        let failed = |reason: String| LoadError::WarmUp { reason };
        let shared = self.shared();
        let (shapes, plan) = shared.shapes_that_run(known).map_err(failed)?;
        let inputs = probe::values(&shared.signature, &shapes)
            .ok_or_else(|| failed("there are no values to try".to_owned()))?;
        let mut best: HashMap<usize, Duration> = HashMap::new();
        let mut order = Vec::new();
        let started = Instant::now();
        while order.is_empty() || started.elapsed() < BUDGET {
            order.clear();
            let seen = |node: usize, time: Duration| {
                order.push(node);
                best.entry(node).and_modify(|best| *best = time.min(*best)).or_insert(time);
            };
            plan.run_timed(&inputs, seen).map_err(|error| failed(error.to_string()))?;
        }
        let total: Duration = best.values().sum();
        let nodes = order.into_iter().map(|node| {
            let (operator, name) = plan.operator_and_name(node);
            let time = best.get(&node).copied().unwrap_or_default();
            let share = time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
            NodeTime { node: name, operator, time, share }
        });
        Ok(Profile { shapes, nodes: nodes.collect() })
    }
}

impl Profile {
    /// The time of all nodes together.
    pub fn total(&self) -> Duration {
        self.nodes.iter().map(|node| node.time).sum()
    }

    /// Times by operator, the largest first, with the number of nodes.
    pub fn by_operator(&self) -> Vec<(String, usize, Duration)> {
        let mut operators: HashMap<&str, (usize, Duration)> = HashMap::new();
        for node in &self.nodes {
            let (count, time) = operators.entry(&node.operator).or_default();
            *count += 1;
            *time += node.time;
        }
        let mut operators: Vec<_> = operators
            .into_iter()
            .map(|(operator, (count, time))| (operator.to_owned(), count, time))
            .collect();
        operators.sort_by(|left, right| right.2.cmp(&left.2).then_with(|| left.0.cmp(&right.0)));
        operators
    }
}
