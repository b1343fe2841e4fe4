//! The engine without a server: what a model answers, and how many rows a second its plan
//! runs when nothing else is done. Both are the measure for what the server does with it.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use onnxd::engine::tract::{Config, TractEngine};
use onnxd::engine::{Engine, LoadedModel, ModelSource, Plan, PlanLookup};
use onnxd::tensor::{Shape, Tensor};

pub struct Raw {
    model: Arc<dyn LoadedModel>,
    // Compiles plans for popular shapes as long as it lives.
    _engine: TractEngine,
}

impl Raw {
    /// Loads `model.onnx` in the directory of a version.
    pub fn load(version: &Path) -> Self {
        let engine = TractEngine::new(Config::default());
        let source = ModelSource { path: version.join("model.onnx"), ..ModelSource::default() };
        let model = engine.load(&source).expect("the model loads");
        Self { model, _engine: engine }
    }

    pub fn input_names(&self) -> Vec<String> {
        self.model.signature().inputs.iter().map(|input| input.name.clone()).collect()
    }

    pub fn run(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        self.plan(inputs).run(inputs).expect("the model runs")
    }

    /// Asked for anew before each run, as the server does: the engine may have found a
    /// faster one meanwhile.
    fn plan(&self, inputs: &[Tensor]) -> Arc<dyn Plan> {
        let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
        match self.model.plan(&shapes) {
            PlanLookup::Ready(plan) => plan,
            PlanLookup::Compiling(ticket) => {
                ticket.blocking_recv().expect("the compiler lives").expect("it compiles")
            }
            PlanLookup::Busy => unreachable!("nobody else asks"),
        }
    }

    /// Runs a second that so many threads do, each these inputs over and over.
    pub fn rate(&self, inputs: &[Tensor], threads: usize, duration: Duration) -> f64 {
        let until = Instant::now() + duration;
        let count = || {
            let mut runs = 0u32;
            while Instant::now() < until {
                self.plan(inputs).run(inputs).expect("the model runs");
                runs += 1;
            }
            runs
        };
        let started = Instant::now();
        let runs: u32 = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().expect("it runs")).sum()
        });
        f64::from(runs) / started.elapsed().as_secs_f64()
    }
}
