//! Makes recurrent operators start from their initial state in every run.
//!
//! tract is built for streams: a recurrence keeps its hidden state in the running state
//! and goes on from there in the next run. For a server the next run is another request,
//! and ONNX says that every run starts afresh.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::gru_seq::GruSeq;
use tract_onnx::tract_core::ops::logic::IfThenElse;
use tract_onnx::tract_core::ops::scan::Scan;

/// Must come before the optimiser: what it makes of these operators cannot be changed any more.
pub(super) fn forget_between_runs(model: &mut TypedModel) {
    for node in model.nodes_mut() {
        if let Some(scan) = node.op_as_mut::<Scan>() {
            scan.reset_every_turn = true;
            forget_between_runs(&mut scan.body);
        } else if let Some(gru) = node.op_as_mut::<GruSeq>() {
            gru.reset_every_turn = true;
        } else if let Some(branches) = node.op_as_mut::<IfThenElse>() {
            forget_between_runs(&mut branches.then_body);
            forget_between_runs(&mut branches.else_body);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn a_recurrence_starts_afresh_in_every_run() {
        answers::match_onnxruntime("lstm_states.onnx");
        answers::match_onnxruntime("gru_bidirectional.onnx");
        answers::match_onnxruntime("recurrence_in_a_branch.onnx");
    }
}
