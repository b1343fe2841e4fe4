//! The reference profile, if the version has one: it must be that of this model file, or drift
//! would be measured against the data of another model.

use std::path::Path;

use super::{Candidate, Checked, Verdict};
use crate::drift::{Mode, PROFILE_FILE, Reference};

pub(super) fn check(candidate: &Candidate, found: &mut Option<Reference>) -> Checked {
    let drift = &candidate.settings.drift;
    if drift.mode == Mode::Off {
        return Ok(Verdict::Skipped("drift is off".to_owned()));
    }
    let name = drift.reference.as_deref().unwrap_or(Path::new(PROFILE_FILE));
    let Some(file) = name.to_str().and_then(|name| candidate.files.file(name)) else {
        let message = format!("there is no {}", name.display());
        return match drift.reference {
            Some(_) => Err(message),
            None => Ok(Verdict::Skipped(message)),
        };
    };
    let reference = Reference::read(&file, candidate.sha256, candidate.loaded.signature())
        .map_err(|error| format!("{}: {error}", name.display()))?;
    let detail = format!(
        "{} features of {} rows, reference {}",
        reference.watched.len(),
        reference.rows,
        reference.id
    );
    *found = Some(reference);
    Ok(Verdict::Passed(detail))
}
