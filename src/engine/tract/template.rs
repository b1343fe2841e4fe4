//! The parsed graph from which every plan of a model is compiled.

use std::collections::HashMap;
use std::path::Path;

use tract_onnx::Onnx;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{DimFact, InferenceFact, ShapeFactoid, Symbol};

use super::compile::{self, CompileError};
use super::convert;
use crate::engine::guard;
use crate::engine::{Dim, Signature};
use crate::tensor::Shape;

/// A graph whose input shapes are still to be chosen. Compiling clones it; the weights are
/// shared.
pub(super) struct Template {
    model: InferenceModel,
    signature: Signature,
}

impl Template {
    /// Parses the graph. Declared inner shapes (`value_info`) and output shapes are not
    /// trusted: exporters get them wrong, and tract finds them itself.
    pub(super) fn parse(
        onnx: &Onnx,
        proto: &ModelProto,
        directory: &Path,
        signature: Signature,
    ) -> Result<Self, CompileError> {
        let parsed = guard::catch(|| onnx.parse(proto, directory.to_str()))
            .map_err(|caught| CompileError(caught.0))?
            .map_err(|error| CompileError::from_tract(&error))?;
        if let Some(name) = parsed.unresolved_inputs.first() {
            return Err(CompileError(format!("value '{name}' is used but nothing produces it")));
        }
        Ok(Self { model: parsed.model, signature })
    }

    /// One plan for every shape that the signature allows; every open dimension becomes a
    /// symbol. `None` where an input has no rank.
    pub(super) fn compile_symbolic(&self) -> Option<Result<compile::Compiled, CompileError>> {
        let mut symbols: HashMap<&str, Symbol> = HashMap::new();
        let scope = &self.model.symbols;
        let mut shapes = Vec::new();
        for (input, spec) in self.signature.inputs.iter().enumerate() {
            let mut dims: TVec<DimFact> = tvec![];
            for (axis, dim) in spec.dims.as_ref()?.iter().enumerate() {
                dims.push(match dim {
                    Dim::Fixed(size) => DimFact::from(size.to_dim()),
                    Dim::Unknown => {
                        DimFact::from(scope.sym(&format!("open_{input}_{axis}")).to_dim())
                    }
                    Dim::Symbol(name) => {
                        // The file's names may be anything; tract's must be identifiers.
                        let next = symbols.len();
                        let symbol = symbols
                            .entry(name)
                            .or_insert_with(|| scope.sym(&format!("dim_{next}")));
                        DimFact::from(symbol.to_dim())
                    }
                });
            }
            shapes.push(ShapeFactoid::closed(dims));
        }
        Some(self.compile(shapes))
    }

    /// A plan for exactly these shapes.
    pub(super) fn compile_concrete(
        &self,
        shapes: &[Shape],
    ) -> Result<compile::Compiled, CompileError> {
        let shapes = shapes
            .iter()
            .map(|shape| {
                ShapeFactoid::closed(
                    shape.dims().iter().map(|d| DimFact::from(d.to_dim())).collect(),
                )
            })
            .collect();
        self.compile(shapes)
    }

    fn compile(&self, shapes: Vec<ShapeFactoid>) -> Result<compile::Compiled, CompileError> {
        compile::compile(&self.signature, || {
            let mut model = self.model.clone();
            for (input, (spec, shape)) in self.signature.inputs.iter().zip(&shapes).enumerate() {
                let datum_type = convert::datum_type(spec.data_type);
                model.set_input_fact(input, InferenceFact::dt_shape(datum_type, shape.clone()))?;
            }
            Ok(model)
        })
    }
}
