//! The contract, if the model has one: its rules must be of features that the model has.

use std::fs;

use super::{Candidate, Checked, Verdict};
use crate::contract::{CONTRACT_FILE, Contract, Document};
use crate::repository::Settings;

pub(super) fn check(candidate: &Candidate, found: &mut Option<Document>) -> Checked {
    let Some(document) = document(candidate)? else {
        return Ok(Verdict::Skipped("there is no contract".to_owned()));
    };
    let contract = Contract::new(&document, candidate.loaded.signature())?;
    let (features, id) = (document.features.len(), contract.id());
    let detail = format!("{features} features, mode {}, contract {id}", document.mode.as_str());
    *found = Some(document);
    Ok(Verdict::Passed(detail))
}

/// The file of the version goes before that of the model.
fn document(candidate: &Candidate) -> Result<Option<Document>, String> {
    let of_model = candidate.settings.contract.clone();
    let Some(file) = candidate.files.file(CONTRACT_FILE) else { return Ok(of_model) };
    if file.parent() == Some(candidate.files.model_directory()) {
        // Read with the settings.
        return Ok(of_model);
    }
    if candidate.settings.contract_in_settings {
        return Err(format!(
            "there are two: [contract] in model.toml and {CONTRACT_FILE} of the version; keep one"
        ));
    }
    if of_model.is_some() {
        tracing::warn!(
            model.name = candidate.model,
            model.version = candidate.version,
            used = %file.display(),
            ignored = %candidate.files.model_directory().join(CONTRACT_FILE).display(),
            "the model and the version have a contract each; that of the version is in force"
        );
    }
    let text = fs::read_to_string(file).map_err(|error| format!("{CONTRACT_FILE}: {error}"))?;
    let document = Settings::parse_contract(&text);
    document.map(Some).map_err(|error| format!("{CONTRACT_FILE}: {error}"))
}
