//! `RepositoryModelLoad` and `RepositoryModelUnload`.

use std::collections::HashMap;

use super::error::Error;
use super::generated::ModelRepositoryParameter;
use super::generated::model_repository_parameter::ParameterChoice;
use super::{Api, given};
use crate::repository::{Overlay, OverlayError, OverlayValue};

/// The model of a request. KServe's clients name it in the first field, which is that of the
/// repository to Triton's.
pub(super) fn named<'a>(first: &'a str, second: &'a str) -> &'a str {
    given(second).unwrap_or(first)
}

pub(super) async fn load(
    api: &Api,
    model: &str,
    parameters: HashMap<String, ModelRepositoryParameter>,
) -> Result<(), Error> {
    // Files may be large.
    let overlay = if parameters.is_empty() {
        None
    } else {
        let read = move || overlay(parameters);
        tokio::task::spawn_blocking(read).await.map_err(|_| Error::Internal)??
    };
    Ok(api.predictor.registry().load(model, overlay).await?)
}

pub(super) async fn unload(api: &Api, model: &str) -> Result<(), Error> {
    Ok(api.predictor.registry().unload(model).await?)
}

fn overlay(
    parameters: HashMap<String, ModelRepositoryParameter>,
) -> Result<Option<Overlay>, Error> {
    // Parameters that are neither texts nor bytes mean nothing here.
    let value = |parameter: ModelRepositoryParameter| match parameter.parameter_choice? {
        ParameterChoice::StringParam(text) => Some(OverlayValue::Text(text)),
        ParameterChoice::BytesParam(bytes) => Some(OverlayValue::Bytes(bytes)),
        ParameterChoice::BoolParam(_) | ParameterChoice::Int64Param(_) => None,
    };
    let values = parameters.into_iter().filter_map(|(name, of)| Some((name, value(of)?)));
    Overlay::of(values).map_err(|error| match error {
        OverlayError::Invalid(reason) => Error::Malformed(reason),
        OverlayError::Unwritable(reason) => {
            tracing::error!(%reason, "files of a load request cannot be written");
            Error::Internal
        }
    })
}
