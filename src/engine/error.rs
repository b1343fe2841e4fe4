//! Why a model does not load, and why a run fails.

use crate::tensor::Shape;

/// Why a model does not load. The message is what the repository index shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {file}: {reason}")]
    Unreadable { file: String, reason: String },
    #[error("{file} is not an ONNX model: {reason}")]
    NotOnnx { file: String, reason: String },
    #[error("{}", unsupported(.operators))]
    UnsupportedOperators { operators: Vec<UnsupportedOperator> },
    #[error("{kind} '{name}' is {found}, expected a tensor")]
    NotATensor { kind: &'static str, name: String, found: String },
    #[error("{kind} '{name}' has element type {found}, which the protocol cannot carry")]
    ElementType { kind: &'static str, name: String, found: String },
    #[error("{count} features are named, but {problem}")]
    Features { count: usize, problem: String },
    #[error("the model cannot be compiled: {reason}")]
    Compile { reason: String },
    #[error("the model loads but does not run: {reason}")]
    WarmUp { reason: String },
}

/// An operator that the engine does not have, and the first node that uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedOperator {
    /// With its domain, for example `com.example::FancyAttention`.
    pub operator: String,
    pub node: String,
    pub uses: usize,
}

fn unsupported(operators: &[UnsupportedOperator]) -> String {
    let list: Vec<String> = operators
        .iter()
        .map(|o| match o.uses {
            1 => format!("{} (node '{}')", o.operator, o.node),
            uses => format!("{} (node '{}', {uses} nodes)", o.operator, o.node),
        })
        .collect();
    let noun = if list.len() == 1 { "operator" } else { "operators" };
    format!("unsupported {noun}: {}", list.join(", "))
}

/// Why a run fails. The message may be shown to the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// No plan exists for these shapes: the graph does not accept them.
    #[error("the model does not accept inputs of shapes {}: {reason}", list(.shapes))]
    Shapes { shapes: Vec<Shape>, reason: String },
    /// An operator refused the values, and says why.
    #[error("the model does not accept these values: {operator}: {reason}")]
    Values { operator: String, reason: String },
    /// An operator failed.
    #[error("inference failed: {reason}")]
    Operator { reason: String },
    /// Too many plans are being compiled for one more; later it may be done.
    #[error("too many plans are being compiled")]
    Busy,
    /// An operator panicked; its state was thrown away. The reason is for the log only: it
    /// speaks of the operator's insides.
    #[error("inference failed: {operator} cannot work with these values")]
    Panic { operator: String, reason: String },
    /// Nobody wanted the outputs any more.
    #[error("the run was given up")]
    Stopped,
    /// The graph produced something that its signature does not promise.
    #[error("inference failed: output '{output}' {reason}")]
    Output { output: String, reason: String },
}

fn list(shapes: &[Shape]) -> String {
    let shapes: Vec<String> = shapes.iter().map(ToString::to_string).collect();
    shapes.join(", ")
}
