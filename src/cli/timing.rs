//! The part of `onnxd inspect` that `--profile` adds: where the time of a run goes.

use std::time::Duration;

use serde::Serialize;

use crate::engine::tract::Profile;

/// Nodes that the text shows; JSON has all.
const SHOWN: usize = 10;

/// A measured run.
#[derive(Serialize)]
pub(super) struct ProfileFacts {
    /// Of the inputs that were made up.
    shapes: Vec<String>,
    total_us: f64,
    operators: Vec<OperatorTime>,
    nodes: Vec<NodeTime>,
}

#[derive(Serialize)]
struct OperatorTime {
    operator: String,
    nodes: usize,
    time_us: f64,
    share: f64,
}

/// In the order in which they run.
#[derive(Serialize)]
struct NodeTime {
    name: String,
    operator: String,
    time_us: f64,
    share: f64,
}

impl From<Profile> for ProfileFacts {
    fn from(profile: Profile) -> Self {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let total = profile.total();
        let operators = profile.by_operator().into_iter().map(|(operator, nodes, time)| {
            let share = time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
            OperatorTime { operator, nodes, time_us: micros(time), share }
        });
        Self {
            shapes: profile.shapes.iter().map(ToString::to_string).collect(),
            total_us: micros(total),
            operators: operators.collect(),
            nodes: profile
                .nodes
                .into_iter()
                .map(|node| NodeTime {
                    name: node.node,
                    operator: node.operator,
                    time_us: micros(node.time),
                    share: node.share,
                })
                .collect(),
        }
    }
}

impl ProfileFacts {
    pub(super) fn lines(&self) -> Vec<String> {
        let shapes = self.shapes.join(", ");
        let mut lines =
            vec![format!("  profile    {:.0} µs in all nodes, inputs {shapes}", self.total_us)];
        for OperatorTime { operator, nodes, time_us, share } in &self.operators {
            let share = share * 100.0;
            lines.push(format!("    {time_us:>9.0} µs {share:>5.1} %  {operator} ({nodes})"));
        }
        lines.push("  slowest".to_owned());
        let mut slowest: Vec<&NodeTime> = self.nodes.iter().collect();
        slowest.sort_by(|left, right| right.time_us.total_cmp(&left.time_us));
        for NodeTime { name, operator, time_us, share } in slowest.into_iter().take(SHOWN) {
            let share = share * 100.0;
            lines.push(format!("    {time_us:>9.0} µs {share:>5.1} %  {operator} '{name}'"));
        }
        lines
    }
}
