//! Makes a node of tract out of an [`Operator`].

use std::fmt::Debug;
use std::sync::Arc;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_hir::infer::InferenceModel;
use tract_onnx::tract_hir::internal::{
    Datum, DatumType, DatumTypeExt, EvalContext, EvalOp, Expansion, InferenceResult, Op, OutletId,
    Solver, SpecialOps, StaticName, Symbol, TDim, TValue, TVec, TensorProxy, ToDim,
    TractErrorContext, TractResult, TypedFact, TypedModel, TypedOp, as_op, bail,
    check_output_arity, expand, op_as_typed_op, op_out_of_plan,
};

use super::Built;
use crate::engine::tract::refusal;

/// An operator with its attributes.
pub(super) trait Operator: Debug + Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// Types and shapes of all outputs of the specification, from those of the inputs.
    /// Integers that tract keeps as symbols count as [`DatumType::I64`].
    ///
    /// # Errors
    /// If the operator does not take such inputs.
    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>>;

    /// The outputs, in the order of the specification.
    ///
    /// # Errors
    /// If the operator refuses the values.
    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>>;

    /// Bytes of large tables that the operator holds, beside the graph's constants.
    fn bytes(&self) -> usize {
        0
    }
}

/// An input as far as it is known before a run.
pub(super) struct Given {
    pub(super) datum_type: DatumType,
    pub(super) dims: TVec<TDim>,
}

/// An output as far as it is known before a run.
pub(super) struct Promise {
    pub(super) datum_type: DatumType,
    /// `None` where the values of the inputs decide.
    pub(super) dims: Vec<Option<TDim>>,
}

impl Promise {
    pub(super) fn new(datum_type: DatumType, dims: impl IntoIterator<Item = TDim>) -> Self {
        Self { datum_type, dims: dims.into_iter().map(Some).collect() }
    }
}

/// # Errors
/// Always: the node does not have the number of inputs that it should have.
pub(super) fn arity<T>(found: usize, expected: usize) -> TractResult<T> {
    bail!("expected {expected} inputs, came {found}")
}

/// A node for the operator; it has the outputs that the graph gives names to.
#[expect(clippy::unnecessary_wraps, reason = "builders end with it, and they may fail")]
pub(super) fn node(proto: &NodeProto, operator: impl Operator) -> Built {
    let kept = (0..proto.output.len()).filter(|&output| !proto.output[output].is_empty());
    let bridge = Bridge { operator: Arc::new(operator), kept: kept.collect() };
    Ok((expand(bridge), Vec::new()))
}

/// Bytes that operators of ours hold in this graph.
pub(in crate::engine::tract) fn bytes(model: &InferenceModel) -> u64 {
    let bridges = model
        .nodes()
        .iter()
        .filter_map(|node| node.op_as::<Box<dyn Expansion>>()?.as_any().downcast_ref::<Bridge>());
    bridges.map(|bridge| bridge.operator.bytes() as u64).sum()
}

/// The operator before shapes are known.
#[derive(Debug, Clone)]
struct Bridge {
    operator: Arc<dyn Operator>,
    /// Which of the operator's outputs the graph names.
    kept: Vec<usize>,
}

impl Bridge {
    fn promise(&self, given: &[Given]) -> TractResult<Vec<Promise>> {
        let mut all: Vec<Option<Promise>> =
            self.operator.promise(given)?.into_iter().map(Some).collect();
        let kept = self.kept.iter().map(|&output| all.get_mut(output).and_then(Option::take));
        kept.collect::<Option<_>>()
            .with_context(|| format!("{} has no such output", self.operator.name()))
    }
}

impl Expansion for Bridge {
    fn name(&self) -> StaticName {
        self.operator.name().into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.kept.len())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_output_arity(outputs, self.kept.len())?;
        s.given_all(inputs.iter().map(|input| &input.datum_type), move |s, types| {
            s.given_all(inputs.iter().map(|input| &input.shape), move |s, shapes| {
                let given: Vec<Given> =
                    types.iter().zip(shapes).map(|(&each, dims)| given(each, dims)).collect();
                for (output, promise) in outputs.iter().zip(self.promise(&given)?) {
                    s.equals(&output.datum_type, promise.datum_type)?;
                    s.equals(&output.rank, i64::try_from(promise.dims.len())?)?;
                    for (axis, dim) in promise.dims.into_iter().enumerate() {
                        if let Some(dim) = dim {
                            s.equals(&output.shape[axis], dim)?;
                        }
                    }
                }
                Ok(())
            })
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let mut wires: TVec<OutletId> = inputs.into();
        for (number, wire) in wires.iter_mut().enumerate() {
            if model.outlet_fact(*wire)?.datum_type == TDim::datum_type() {
                let name = format!("{prefix}.integer_{number}");
                *wire = model.wire_node(name, cast(DatumType::I64), &[*wire])?[0];
            }
        }
        let given = wires.iter().map(|wire| Ok(known(model.outlet_fact(*wire)?)));
        let promises = self.promise(&given.collect::<TractResult<Vec<Given>>>()?)?;
        let open = promises.iter().flat_map(|promise| &promise.dims).filter(|dim| dim.is_none());
        let decided = open.map(|_| model.symbols.new_with_prefix("decided")).collect();
        model.wire_node(prefix, Wired { bridge: self.clone(), decided }, &wires)
    }
}

fn given(datum_type: DatumType, dims: TVec<TDim>) -> Given {
    let symbolic = datum_type == TDim::datum_type();
    Given { datum_type: if symbolic { DatumType::I64 } else { datum_type }, dims }
}

fn known(fact: &TypedFact) -> Given {
    given(fact.datum_type, fact.shape.to_tvec())
}

/// The operator in a graph with shapes.
#[derive(Debug, Clone)]
struct Wired {
    bridge: Bridge,
    /// Sizes that only a run decides, in the order of the outputs' dimensions.
    decided: Vec<Symbol>,
}

impl PartialEq for Wired {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bridge.operator, &other.bridge.operator)
            && self.bridge.kept == other.bridge.kept
            && self.decided == other.decided
    }
}

impl Eq for Wired {}

impl Op for Wired {
    fn name(&self) -> StaticName {
        self.bridge.operator.name().into()
    }

    fn mints_runtime_symbols(&self) -> bool {
        !self.decided.is_empty()
    }

    op_as_typed_op!();
}

impl EvalOp for Wired {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let outputs = refusal::of_values(self.bridge.operator.run(&inputs))?;
        // The common case: every output has a name.
        if self.bridge.kept.len() == outputs.len() {
            return Ok(outputs);
        }
        Ok(self.bridge.kept.iter().map(|&output| outputs[output].clone()).collect())
    }
}

impl TypedOp for Wired {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let given: Vec<Given> = inputs.iter().map(|fact| known(fact)).collect();
        let mut decided = self.decided.iter();
        let mut fact = |promise: Promise| {
            let dims = promise.dims.into_iter();
            let dims: Option<TVec<TDim>> =
                dims.map(|dim| dim.or_else(|| Some(decided.next()?.to_dim()))).collect();
            Some(promise.datum_type.fact(dims?))
        };
        let facts = self.bridge.promise(&given)?.into_iter().map(&mut fact);
        facts.collect::<Option<_>>().context("an output has more open dimensions than it had")
    }

    as_op!();
}
