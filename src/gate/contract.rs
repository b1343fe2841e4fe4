//! The contract, if the model has one: its rules must be of features that the model has.

use super::{Candidate, Checked, Verdict};
use crate::contract::{Contract, Document};
use crate::repository::FoundContract;

pub(super) fn check(candidate: &Candidate, found: &mut Option<Document>) -> Checked {
    let contract = candidate.files.contract(candidate.settings)?;
    let Some(FoundContract { document, file, hidden, .. }) = contract else {
        return Ok(Verdict::Skipped("there is no contract".to_owned()));
    };
    if let Some(hidden) = hidden {
        tracing::warn!(
            model.name = candidate.model,
            model.version = candidate.version,
            used = %file.display(),
            ignored = %hidden.display(),
            "the model and the version have a contract each; that of the version is in force"
        );
    }
    let contract = Contract::new(&document, candidate.loaded.signature())?;
    let (features, id) = (document.features.len(), contract.id());
    let detail = format!("{features} features, mode {}, contract {id}", document.mode.as_str());
    *found = Some(document);
    Ok(Verdict::Passed(detail))
}
