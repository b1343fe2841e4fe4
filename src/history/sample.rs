//! What all counts of a model say at one moment.

use std::sync::Arc;
use std::time::Instant;

use crate::registry::{Counts, Model, Sums};
use crate::repository::Version;

/// A model at one moment. What happened between two of them is a [`Step`](super::step::Step).
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub(super) versions: Vec<Total>,
    /// Requests that wait now.
    pub(super) queue_depth: usize,
    /// Of what serves, as it is estimated.
    pub(super) memory_bytes: u64,
}

/// All that one version was asked since it was loaded.
#[derive(Debug, Clone)]
pub(super) struct Total {
    pub(super) version: Version,
    /// When its counts began. The same version with another beginning was loaded again and counts
    /// from zero.
    pub(super) since: Instant,
    pub(super) sums: Sums,
    /// Values that broke its contract.
    pub(super) violations: u64,
}

/// The counts of a version that served at the last sample: it may have left meanwhile, and what it
/// was asked until then belongs to the next step.
#[derive(Clone)]
pub(super) struct Tail {
    version: Version,
    counts: Arc<Counts>,
    violations: u64,
}

impl Sample {
    /// Reads what is counted anyway; `tails` are those of the sample before.
    pub(super) fn of(model: Option<&Model>, tails: &[Tail]) -> Self {
        let mut sample = Self::default();
        for live in model.into_iter().flat_map(Model::live) {
            sample.queue_depth += live.queue.depth();
            sample.memory_bytes += live.model.facts().memory_bytes;
            sample.versions.push(Total {
                version: live.version,
                since: live.counts.since(),
                sums: live.counts.sums(),
                violations: live.contract.as_ref().map_or(0, |contract| contract.violations()),
            });
        }
        for tail in tails {
            let since = tail.counts.since();
            let serves = |total: &Total| total.version == tail.version && total.since == since;
            if !sample.versions.iter().any(serves) {
                let (version, violations) = (tail.version, tail.violations);
                let sums = tail.counts.sums();
                sample.versions.push(Total { version, since, sums, violations });
            }
        }
        sample
    }

    /// Those of the versions that serve.
    pub(super) fn tails(model: Option<&Model>) -> Vec<Tail> {
        let live = model.into_iter().flat_map(Model::live);
        live.map(|live| Tail {
            version: live.version,
            counts: Arc::clone(&live.counts),
            violations: live.contract.as_ref().map_or(0, |contract| contract.violations()),
        })
        .collect()
    }

    pub(super) fn total(&self, version: Version, since: Instant) -> Option<&Total> {
        self.versions.iter().find(|total| total.version == version && total.since == since)
    }
}
