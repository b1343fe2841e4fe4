//! The contract, if the model has one: its rules must be of features that the model has.

use super::{Candidate, Checked, Verdict};
use crate::contract::{Contract, Document};
use crate::repository::FoundContract;

pub(super) fn check(candidate: &Candidate, found: &mut Option<Document>) -> Checked {
    let contract = candidate.files.contract(candidate.settings)?;
    let Some(FoundContract { document, .. }) = contract else {
        return Ok(Verdict::Skipped("there is no contract".to_owned()));
    };
    let contract = Contract::new(&document, candidate.loaded.signature())?;
    let (features, id) = (document.features.len(), contract.id());
    let detail = format!("{features} features, mode {}, contract {id}", document.mode.as_str());
    *found = Some(document);
    Ok(Verdict::Passed(detail))
}
