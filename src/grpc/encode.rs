//! The answer to a request for a prediction: outputs with raw contents.

use super::generated::ModelInferResponse;
use super::generated::model_infer_response::InferOutputTensor;
use crate::away;
use crate::predict::{Malformed, Output};
use crate::registry::LiveModel;
use crate::tensor::{Tensor, binary};

/// Encodes the wanted outputs of a run.
pub(super) fn encode(
    live: &LiveModel,
    id: String,
    wanted: &[Output],
    outputs: &[Tensor],
) -> Result<ModelInferResponse, Malformed> {
    let mut response = ModelInferResponse {
        model_name: live.name.clone(),
        model_version: live.version_text.clone(),
        id,
        outputs: Vec::with_capacity(wanted.len()),
        raw_output_contents: Vec::with_capacity(wanted.len()),
        ..ModelInferResponse::default()
    };
    for output in wanted {
        let tensor = output.of(live, outputs)?;
        let dims = tensor.shape().dims().iter();
        response.outputs.push(InferOutputTensor {
            name: live.signature().outputs[output.position].name.clone(),
            datatype: tensor.data_type().as_str().to_owned(),
            shape: dims.map(|dim| i64::try_from(*dim).unwrap_or(i64::MAX)).collect(),
            ..InferOutputTensor::default()
        });
        let mut raw = Vec::with_capacity(binary::encoded_len(tensor.data()));
        binary::encode(tensor.data(), &mut raw);
        response.raw_output_contents.push(raw.into());
    }
    Ok(response)
}

/// About as many bytes as encoding has to look at, as for decoding.
pub(super) fn work(wanted: &[Output], outputs: &[Tensor]) -> usize {
    let work = |output: &Output| {
        let data = outputs[output.position].data();
        let bytes = binary::encoded_len(data);
        let is_copied = output.classes.is_none() && data.data_type().size().is_some();
        if is_copied { bytes / away::COPYING } else { bytes }
    };
    wanted.iter().map(work).sum()
}
