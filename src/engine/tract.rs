//! The engine over tract: the only folder that names tract's types.
//!
//! Loading tries strategies in order and keeps what reproduces itself (see
//! `model`): one plan for all shapes where tract can analyse the graph symbolically, and
//! plans for concrete shapes, compiled on first use and kept in a bounded cache.

#[cfg(test)]
mod answers;
mod attributes;
mod cache;
mod columns;
mod compile;
mod compiler;
mod convert;
mod doubles;
mod facts;
mod file;
mod helpers;
mod inspect;
mod kernels;
mod memory;
mod model;
mod operators;
mod passes;
mod plan;
mod probe;
mod profile;
mod refusal;
#[cfg(test)]
mod refusals;
mod resting;
mod rewrite;
mod stateless;
mod support;
mod template;
mod text_casts;
mod verify;
mod warm_up;
mod weights;

use std::sync::Arc;

use super::{Engine, LoadError, LoadedModel, ModelSource};

pub use inspect::{Inspection, OperatorUse, inspect};
pub use passes::Passes;
pub use profile::{NodeTime, Profile};

/// Bounds on what one model may hold.
#[derive(Debug, Clone)]
pub struct Config {
    /// Threads that compile plans for shapes seen in requests.
    pub compile_threads: usize,
    /// Plans kept per model; the least recently used goes first.
    pub max_plans: usize,
    /// Bytes of plans kept per model, by the engine's own estimate.
    pub max_plan_bytes: u64,
    /// Cores that one run may use while they stand idle.
    pub run_threads: usize,
    /// Which changes to graphs make them faster.
    pub passes: Passes,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            compile_threads: 1,
            max_plans: 16,
            max_plan_bytes: 1 << 30,
            run_threads: 1,
            passes: Passes::ALL,
        }
    }
}

/// Loads `.onnx` files through tract.
pub struct TractEngine {
    config: Config,
    compiler: Arc<compiler::Compiler>,
    helpers: Arc<helpers::Helpers>,
}

impl TractEngine {
    #[must_use]
    pub fn new(config: Config) -> Self {
        let compiler = Arc::new(compiler::Compiler::start(config.compile_threads));
        let helpers = Arc::new(helpers::Helpers::new(config.run_threads));
        Self { config, compiler, helpers }
    }

    fn load_model(&self, source: &ModelSource) -> Result<model::TractModel, LoadError> {
        let shared = (Arc::clone(&self.compiler), Arc::clone(&self.helpers));
        model::TractModel::load(source, &self.config, shared)
    }
}

impl Engine for TractEngine {
    fn load(&self, source: &ModelSource) -> Result<Arc<dyn LoadedModel>, LoadError> {
        Ok(Arc::new(self.load_model(source)?))
    }
}
