//! An engine without models, for tests of everything that stands on an engine: its "file"
//! says how it behaves.
//!
//! The file is JSON: `{"rows": true, "delay_ms": 5}`. The model takes and gives `x`, INT64
//! `[N]` (or several such, `x`, `y`, `z`), and returns the values it gets; the value [`FAILS`] makes the run fail and
//! [`PANICS`] makes it panic.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{
    Batching, CostCurve, CostPoint, Dim, Engine, Facts, LoadError, LoadedModel, ModelSource, Plan,
    PlanLookup, RunControl, RunError, Signature, TensorSpec, guard,
};
use crate::courtesy::{self, Stopwatch};
use crate::tensor::{Data, DataType, Shape, Tensor};

/// A value that makes the run which holds it fail.
pub const FAILS: i64 = -1;
/// A value that makes the run which holds it panic.
pub const PANICS: i64 = -2;

/// The behaviour of one fake model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FakeModel {
    /// Rows of different callers may run together.
    pub rows: bool,
    /// Time of one run, which sleeps.
    pub delay_ms: u64,
    /// Processor time of one run, which computes and may stand still at any time.
    pub computes_ms: u64,
    /// What the warm-up pretends to have measured: rows and microseconds of a run.
    pub costs: Vec<(usize, u64)>,
    /// From 1 to 3.
    pub inputs: usize,
}

impl Default for FakeModel {
    fn default() -> Self {
        let costs = vec![(1, 1000), (64, 1000)];
        Self { rows: true, delay_ms: 0, computes_ms: 0, costs, inputs: 1 }
    }
}

/// Loads [`FakeModel`]s.
#[derive(Debug, Default)]
pub struct FakeEngine;

impl Engine for FakeEngine {
    fn load(&self, source: &ModelSource) -> Result<Arc<dyn LoadedModel>, LoadError> {
        let file = "model.onnx".to_owned();
        let bytes = fs::read(&source.path).map_err(|error| LoadError::Unreadable {
            file: file.clone(),
            reason: error.to_string(),
        })?;
        let model: FakeModel = serde_json::from_slice(&bytes)
            .map_err(|error| LoadError::NotOnnx { file, reason: error.to_string() })?;
        Ok(Arc::new(model.load()))
    }
}

impl FakeModel {
    /// The loaded form.
    #[must_use]
    pub fn load(self) -> FakeLoaded {
        let spec = |name: &&str| TensorSpec {
            columns: None,
            name: (*name).to_owned(),
            data_type: DataType::Int64,
            dims: Some(vec![Dim::Unknown]),
        };
        let specs: Vec<TensorSpec> = ["x", "y", "z"].iter().take(self.inputs).map(spec).collect();
        let batching = if self.rows { Batching::Rows } else { Batching::off("the test says so") };
        let point = |&(rows, micros): &(usize, u64)| CostPoint {
            rows,
            time: Duration::from_micros(micros),
        };
        FakeLoaded {
            cost: CostCurve::new(1, self.costs.iter().map(point).collect()),
            signature: Signature { inputs: specs.clone(), outputs: specs },
            batching,
            plan: Arc::new(FakePlan {
                delay: Duration::from_millis(self.delay_ms),
                computes: Duration::from_millis(self.computes_ms),
                computed: AtomicU64::new(0),
                runs: AtomicUsize::new(0),
            }),
        }
    }
}

pub struct FakeLoaded {
    cost: Option<CostCurve>,
    signature: Signature,
    batching: Batching,
    plan: Arc<FakePlan>,
}

impl FakeLoaded {
    /// Runs made so far.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.plan.runs.load(Ordering::SeqCst)
    }

    /// Processor time that the run under way has computed, or the last one.
    #[must_use]
    pub fn computed(&self) -> Duration {
        Duration::from_nanos(self.plan.computed.load(Ordering::SeqCst))
    }
}

impl LoadedModel for FakeLoaded {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn batching(&self) -> &Batching {
        &self.batching
    }

    fn plan(&self, _shapes: &[Shape]) -> PlanLookup {
        PlanLookup::Ready(Arc::clone(&self.plan) as Arc<dyn Plan>)
    }

    fn joined_plan(&self, _shapes: &[Shape]) -> Option<Arc<dyn Plan>> {
        Some(Arc::clone(&self.plan) as Arc<dyn Plan>)
    }

    fn any_rows(&self) -> bool {
        true
    }

    fn cost(&self) -> Option<&CostCurve> {
        self.cost.as_ref()
    }

    fn facts(&self) -> Facts {
        Facts { strategy: "fake".to_owned(), plans: 1, ..Facts::default() }
    }
}

struct FakePlan {
    delay: Duration,
    computes: Duration,
    /// Nanoseconds of the run under way.
    computed: AtomicU64,
    runs: AtomicUsize,
}

impl Plan for FakePlan {
    fn run_under(&self, inputs: &[Tensor], control: &RunControl) -> Result<Vec<Tensor>, RunError> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let started = Instant::now();
        while started.elapsed() < self.delay {
            if control.is_unwanted() {
                return Err(RunError::Stopped);
            }
            thread::sleep(Duration::from_millis(1));
        }
        let computed = Stopwatch::start();
        while computed.elapsed() < self.computes {
            courtesy::point();
            let nanos = u64::try_from(computed.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.computed.store(nanos, Ordering::SeqCst);
        }
        guard::catch(|| {
            for input in inputs {
                let Data::Int64(values) = input.data() else { continue };
                assert!(!values.contains(&PANICS), "a fake operator panicked");
                if values.contains(&FAILS) {
                    return Err(RunError::Operator { reason: "a fake operator failed".to_owned() });
                }
            }
            Ok(inputs.to_vec())
        })
        .unwrap_or_else(|caught| {
            Err(RunError::Panic { operator: "a fake operator".to_owned(), reason: caught.0 })
        })
    }

    fn any_rows(&self) -> bool {
        true
    }
}
