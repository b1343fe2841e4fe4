//! The parsed graph from which every plan of a model is compiled.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use tract_onnx::Onnx;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{
    DimFact, InferenceFact, ShapeFactoid, Symbol, SymbolScope, ensure,
};

use super::compile::{self, CompileError, LEVELS, Level};
use super::file::Contents;
use super::passes::{Passes, Shelf};
use super::weights::Weights;
use super::{convert, memory, operators, rewrite};
use crate::engine::guard;
use crate::engine::{Dim, Signature};
use crate::tensor::Shape;

/// How a symbolic plan takes leading dimensions that the file leaves open without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Each input may have its own number.
    Each,
    /// All have the same, as exporters mean it that write one input per column.
    Alike,
}

/// A graph whose input shapes are still to be chosen. Compiling clones it; the weights are
/// shared.
pub(super) struct Template {
    model: InferenceModel,
    signature: Signature,
    /// The first of [`compile::LEVELS`] to try.
    level: AtomicUsize,
    passes: Passes,
    shelf: Shelf,
    /// Bytes that the template itself holds.
    pub(super) weights: u64,
    /// What is needed to parse again, if the graph depends on the shapes.
    branching: Option<Branching>,
}

/// A graph with `If`s that may be decided once the shapes of the inputs are known.
struct Branching {
    onnx: Onnx,
    proto: ModelProto,
    weights: Weights,
    directory: Option<String>,
}

impl Template {
    /// Parses the graph. Declared inner shapes (`value_info`) and output shapes are not
    /// trusted: exporters get them wrong, and tract finds them itself.
    pub(super) fn parse(
        onnx: &Onnx,
        Contents { proto, weights }: Contents,
        directory: &Path,
        signature: Signature,
        passes: Passes,
    ) -> Result<Self, CompileError> {
        let empty = InferenceModel::default();
        let parsed = guard::catch(|| weights.parse(onnx, &proto, directory.to_str(), empty))
            .map_err(|caught| CompileError(caught.0))?
            .map_err(|error| CompileError::from_tract(&error))?;
        if let Some(name) = parsed.unresolved_inputs.first() {
            return Err(CompileError(format!("value '{name}' is used but nothing produces it")));
        }
        let branching = rewrite::holds_if(&proto).then(|| Branching {
            onnx: onnx.clone(),
            proto,
            weights,
            directory: directory.to_str().map(str::to_owned),
        });
        let weights = memory::weights(&parsed.model);
        // The first level is the one with passes.
        let level = AtomicUsize::new(usize::from(passes.are_off()));
        let shelf = Shelf::default();
        Ok(Self { model: parsed.model, signature, level, passes, shelf, weights, branching })
    }

    /// Bytes of what all plans share besides the weights: tables that operators of ours hold,
    /// and packed matrices.
    pub(super) fn shared_bytes(&self) -> u64 {
        operators::bytes(&self.model) + self.shelf.bytes()
    }

    /// One plan for every shape that the signature allows; every open dimension becomes a
    /// symbol. `None` where an input has no rank.
    pub(super) fn compile_symbolic(
        &self,
        rows: Rows,
    ) -> Option<Result<compile::Compiled, CompileError>> {
        let mut symbols: HashMap<&str, Symbol> = HashMap::new();
        let scope = &self.model.symbols;
        let mut shapes = Vec::new();
        for (input, spec) in self.signature.inputs.iter().enumerate() {
            let mut dims: TVec<DimFact> = tvec![];
            for (axis, dim) in spec.dims.as_ref()?.iter().enumerate() {
                dims.push(match dim {
                    Dim::Fixed(size) => DimFact::from(size.to_dim()),
                    Dim::Unknown if axis == 0 && rows == Rows::Alike => {
                        DimFact::from(dimension(scope, "rows").to_dim())
                    }
                    Dim::Unknown => {
                        DimFact::from(dimension(scope, &format!("open_{input}_{axis}")).to_dim())
                    }
                    Dim::Symbol(name) => {
                        // The file's names may be anything; tract's must be identifiers.
                        let next = symbols.len();
                        let symbol = symbols
                            .entry(name)
                            .or_insert_with(|| dimension(scope, &format!("dim_{next}")));
                        DimFact::from(symbol.to_dim())
                    }
                });
            }
            shapes.push(ShapeFactoid::closed(dims));
        }
        Some(self.compile(shapes, self.levels()))
    }

    /// A plan for exactly these shapes.
    pub(super) fn compile_concrete(
        &self,
        shapes: &[Shape],
    ) -> Result<compile::Compiled, CompileError> {
        self.compile(closed(shapes), self.levels())
    }

    /// The most optimised plan that `accept` likes. It becomes the level of all further
    /// plans, for what tract's optimiser breaks it breaks for every shape. `None` if even
    /// the plain graph is not accepted.
    pub(super) fn compile_accepted<T>(
        &self,
        shapes: &[Shape],
        accept: impl Fn(compile::Compiled) -> Option<T>,
    ) -> Option<T> {
        let attempt = |level: usize| {
            let levels = LEVELS.get(level..=level)?;
            accept(self.compile(closed(shapes), levels).ok()?)
        };
        let plain = LEVELS.len() - 1;
        let accepted = attempt(plain)?;
        let better = (self.level.load(Ordering::Relaxed) + 1..plain)
            .find_map(|level| Some((level, attempt(level)?)));
        let (level, accepted) = better.unwrap_or((plain, accepted));
        self.level.store(level, Ordering::Relaxed);
        Some(accepted)
    }

    fn levels(&self) -> &'static [Level] {
        LEVELS.get(self.level.load(Ordering::Relaxed)..).unwrap_or(&LEVELS)
    }

    fn compile(
        &self,
        shapes: Vec<ShapeFactoid>,
        levels: &[Level],
    ) -> Result<compile::Compiled, CompileError> {
        compile::compile(&self.signature, levels, (self.passes, &self.shelf), || {
            let mut model = match &self.branching {
                Some(branching) => branching.parse_for(self, &shapes)?,
                None => self.model.clone(),
            };
            self.set_shapes(&mut model, &shapes)?;
            Ok(model)
        })
    }

    fn set_shapes(&self, model: &mut InferenceModel, shapes: &[ShapeFactoid]) -> TractResult<()> {
        for (input, (spec, shape)) in self.signature.inputs.iter().zip(shapes).enumerate() {
            let datum_type = convert::datum_type(spec.data_type);
            model.set_input_fact(input, InferenceFact::dt_shape(datum_type, shape.clone()))?;
        }
        Ok(())
    }
}

fn closed(shapes: &[Shape]) -> Vec<ShapeFactoid> {
    let dims = |shape: &Shape| shape.dims().iter().map(|d| DimFact::from(d.to_dim())).collect();
    shapes.iter().map(|shape| ShapeFactoid::closed(dims(shape))).collect()
}

/// A symbol for a size. That it is not negative decides comparisons with -1, which
/// exporters write for "any size".
fn dimension(scope: &SymbolScope, name: &str) -> Symbol {
    let symbol = scope.sym(name);
    // A name of letters and digits always parses; without the assertion tract knows less.
    let _ = scope.add_assertion(format!("{name}>=0"));
    symbol
}

impl Branching {
    /// The graph that is left for these shapes.
    fn parse_for(
        &self,
        template: &Template,
        shapes: &[ShapeFactoid],
    ) -> TractResult<InferenceModel> {
        let mut proto = self.proto.clone();
        rewrite::decide(&mut proto, |question| {
            let answer = guard::catch(|| self.answer(template, question, shapes));
            answer.ok()?.ok()?
        });
        self.parse(template, &proto)
    }

    fn parse(&self, template: &Template, proto: &ModelProto) -> TractResult<InferenceModel> {
        // The symbols in the shapes belong to the template's scope.
        let symbols = template.model.symbols.clone();
        let empty = InferenceModel { symbols, ..InferenceModel::default() };
        let parsed = self.weights.parse(&self.onnx, proto, self.directory.as_deref(), empty)?;
        ensure!(parsed.unresolved_inputs.is_empty(), "the graph reads what nothing produces");
        Ok(parsed.model)
    }

    /// The value of the question's only output, if it follows from the shapes.
    fn answer(
        &self,
        template: &Template,
        question: &ModelProto,
        shapes: &[ShapeFactoid],
    ) -> TractResult<Option<bool>> {
        let mut model = self.parse(template, question)?;
        template.set_shapes(&mut model, shapes)?;
        let model = model.into_typed()?.into_decluttered()?;
        let value = &model.output_fact(0)?.konst;
        value.as_ref().map(|value| value.cast_to_scalar::<bool>()).transpose()
    }
}
