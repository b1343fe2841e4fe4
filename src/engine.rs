//! What runs a model: the traits that the rest of the program sees, and their one real
//! implementation over tract.
//!
//! A [`LoadedModel`] hands out [`Plan`]s. A plan is a compiled graph that can run now, for
//! one set of input shapes or for a family of them; compiling one may take long and never
//! happens on the thread of a caller who could do something else.

mod columns;
mod control;
mod cost;
mod error;
pub mod fake;
pub mod guard;
mod signature;
pub mod tract;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::tensor::{Shape, Tensor};

pub use columns::{Columns, Label, Role};
pub use control::RunControl;
pub use cost::{CostCurve, CostPoint};
pub use error::{LoadError, RunError, UnsupportedOperator};
pub use signature::{Dim, InputMismatch, Signature, TensorSpec};

/// Loads models of one format.
pub trait Engine: Send + Sync {
    /// Loads, compiles and warms up a model. Blocks, possibly for seconds.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong with the file, or what this engine lacks.
    fn load(&self, source: &ModelSource) -> Result<Arc<dyn LoadedModel>, LoadError>;
}

/// Where a model's file is, and what is known about its use.
#[derive(Debug, Clone, Default)]
pub struct ModelSource {
    pub path: PathBuf,
    /// Input shapes that real requests have, by input name; the warm-up tries them first.
    /// Without them it has to guess sizes for the dimensions that the model leaves open.
    pub known_shapes: Vec<Vec<(String, Vec<usize>)>>,
    /// Names for the columns of the only input, where its owner gives them.
    pub features: Option<Vec<String>>,
}

/// A model in memory.
pub trait LoadedModel: Send + Sync {
    fn signature(&self) -> &Signature;

    /// Whether rows of different callers may run together.
    fn batching(&self) -> &Batching;

    /// A plan that runs inputs of these shapes (one per input of the signature).
    fn plan(&self, shapes: &[Shape]) -> PlanLookup;

    /// A plan for rows joined from several requests; `None` if there is none at hand. Never
    /// starts a compilation that somebody would have to wait for.
    fn joined_plan(&self, shapes: &[Shape]) -> Option<Arc<dyn Plan>>;

    /// Whether one plan serves any number of rows.
    fn any_rows(&self) -> bool;

    /// What runs cost, as the warm-up measured them; `None` where it found no shape that
    /// runs. Without rows that stand alone it has one point.
    fn cost(&self) -> Option<&CostCurve>;

    /// What a person wants to know about the loaded model.
    fn facts(&self) -> Facts;

    /// What its file says of itself, which does not change.
    fn file(&self) -> &FileFacts {
        static UNKNOWN: FileFacts =
            FileFacts { operators: Vec::new(), opset: None, producer: None, bytes: 0 };
        &UNKNOWN
    }
}

/// The answer to "can this run now?".
pub enum PlanLookup {
    Ready(Arc<dyn Plan>),
    /// A plan is being compiled and nothing else can run these shapes meanwhile.
    Compiling(PlanTicket),
    /// Too many plans are being compiled already.
    Busy,
}

/// Resolves when the plan is compiled, or with the reason why it cannot be.
pub type PlanTicket = tokio::sync::oneshot::Receiver<Result<Arc<dyn Plan>, RunError>>;

/// A compiled graph.
pub trait Plan: Send + Sync {
    /// Runs the graph on one core, to the end. The inputs fit the signature and the shapes
    /// that the plan was asked for. A panic inside becomes an error of this run.
    ///
    /// # Errors
    /// [`RunError`] if an operator refuses the values, or on an internal fault.
    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        self.run_under(inputs, &RunControl::default())
    }

    /// The same, asking between operators how to go on.
    ///
    /// # Errors
    /// As [`Plan::run`], and [`RunError::Stopped`] if nobody wants the outputs any more.
    fn run_under(&self, inputs: &[Tensor], control: &RunControl) -> Result<Vec<Tensor>, RunError>;

    /// The same plan runs any number of rows.
    fn any_rows(&self) -> bool;
}

/// Whether rows of different callers may be joined into one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batching {
    /// The leading axis of every input and output counts rows, and the warm-up saw that
    /// rows run together equal rows run alone.
    Rows,
    Off {
        reason: String,
    },
}

impl Batching {
    #[must_use]
    pub fn is_on(&self) -> bool {
        *self == Self::Rows
    }

    #[must_use]
    pub fn off(reason: impl Into<String>) -> Self {
        Self::Off { reason: reason.into() }
    }
}

/// A snapshot of what the engine knows about a loaded model.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Which loading strategy serves, in words.
    pub strategy: String,
    /// Why no faster strategy does, where one was tried.
    pub strategy_reason: Option<String>,
    /// Estimated bytes of weights and of the largest working set over all plans.
    pub memory_bytes: u64,
    /// Plans held now.
    pub plans: usize,
    /// Plans compiled since loading.
    pub compiles: u64,
    /// Things a person should know but that do not stop the model from serving.
    pub warnings: Vec<String>,
}

/// What a model's file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFacts {
    /// Kinds of operators, by name.
    pub operators: Vec<OperatorCount>,
    /// Version of the default set of operators.
    pub opset: Option<i64>,
    /// The program that wrote it.
    pub producer: Option<String>,
    /// With weights that lie beside it.
    pub bytes: u64,
}

/// One kind of operator in a file, subgraphs included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorCount {
    pub operator: String,
    pub nodes: usize,
}
