//! A monitor that lives in simulated time.

use std::collections::BTreeMap;
use std::time::Duration;

use onnxd::drift::{Monitor, Order, Profile, Reference, Settings, Source, State, Survey};
use onnxd::engine::Signature;
use onnxd::tensor::{Tensor, batch};

use crate::data::Batch;

/// Stands for the digest of a model file.
const DIGEST: &str = "none";

/// The reference that `onnxd profile` would make of these rows.
pub fn reference(signature: &Signature, batches: &[Batch], order: Order) -> Reference {
    against(signature, &profile(signature, batches, order))
}

pub fn profile(signature: &Signature, batches: &[Batch], order: Order) -> Profile {
    let mut survey = Survey::new(signature).expect("it has features");
    for batch in batches {
        survey.add(&batch.inputs, &[], batch.rows);
    }
    let mut census = survey.finish(order).expect("it has enough rows");
    for batch in batches {
        let (mut inputs, mut rows) = (batch.inputs.clone(), batch.rows);
        while rows > 0 {
            let first = rows.min(census.room());
            let (now, later) = cut(&inputs, first, rows);
            census.add(&now, &[], first);
            (inputs, rows) = (later, rows - first);
        }
    }
    census.finish(DIGEST).expect("both passes saw the same")
}

/// As the server reads it.
pub fn against(signature: &Signature, profile: &Profile) -> Reference {
    let bytes = serde_json::to_vec(profile).expect("it is plain data");
    Reference::parse(&bytes, DIGEST, signature).expect("it was made for it")
}

fn cut(inputs: &[Tensor], first: usize, rows: usize) -> (Vec<Tensor>, Vec<Tensor>) {
    if first == rows {
        return (inputs.to_vec(), Vec::new());
    }
    let parts = inputs.iter().map(|input| {
        let mut parts = batch::split(input, &[first, rows - first]).expect("so many rows");
        let later = parts.pop().expect("there are two");
        (parts.pop().expect("there are two"), later)
    });
    parts.unzip()
}

/// One version under watch.
pub struct Watch {
    monitor: Monitor,
}

impl Watch {
    /// From this second on.
    pub fn new(reference: Reference, window: Duration, start: u64) -> Self {
        let settings = Settings { window, ..Settings::default() };
        Self { monitor: Monitor::new(reference, settings, None, Duration::from_secs(start)) }
    }

    pub fn add(&self, batch: &Batch) {
        self.monitor.inputs(&batch.inputs);
    }

    /// Whether it was time to look.
    pub fn look(&self, second: u64) -> bool {
        self.monitor.tick(Duration::from_secs(second))
    }

    /// The state of every feature at the last look.
    pub fn states(&self) -> BTreeMap<String, State> {
        let report = self.monitor.report(Source::Request).expect("requests are always watched");
        report.features.iter().map(|feature| (feature.name.clone(), feature.state)).collect()
    }

    /// Features that have drifted.
    pub fn drifted(&self) -> Vec<String> {
        let states = self.states().into_iter();
        states.filter(|(_, state)| *state == State::Drifted).map(|(name, _)| name).collect()
    }
}
