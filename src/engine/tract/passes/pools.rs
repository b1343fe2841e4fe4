//! Pools over floats whose channels come before their pixels slide by whole vectors. tract folds
//! places one by one, and means by a walk over every place of every window.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::slid::{Kind, Slid};

pub(super) fn run(model: &mut TypedModel) -> TractResult<()> {
    for id in model.eval_order()? {
        let Some(slid) = pool(model.node(id)) else { continue };
        let [input] = *model.node(id).inputs else { continue };
        if model.outlet_fact(input)?.datum_type == DatumType::F32 {
            model.node_mut(id).op = Box::new(slid);
        }
    }
    Ok(())
}

fn pool(node: &TypedNode) -> Option<Slid> {
    let (spec, kind) = if let Some(pool) = node.op_as::<MaxPool>() {
        (&pool.pool_spec, pool.with_index_outputs.is_none().then_some(Kind::Largest)?)
    } else {
        let pool = node.op_as::<SumPool>()?;
        let (normalize, count_margins) = (pool.normalize, pool.count_include_pad);
        (&pool.pool_spec, Kind::Sum { normalize, count_margins })
    };
    takes(spec).then(|| Slid { spec: spec.clone(), kind })
}

/// Whether channels come before one or two axes of pixels.
pub(super) fn takes(spec: &PoolSpec) -> bool {
    matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW) && (1..=2).contains(&spec.rank())
}
