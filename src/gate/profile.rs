//! The reference profile, if the version has one: it must be that of this model file, or drift
//! would be measured against the data of another model.

use super::{Candidate, Checked, Verdict};
use crate::drift::{Mode, Reference};

pub(super) fn check(candidate: &Candidate, found: &mut Option<Reference>) -> Checked {
    let drift = &candidate.settings.drift;
    if drift.mode == Mode::Off {
        return Ok(Verdict::Skipped("drift is off".to_owned()));
    }
    let name = drift.profile();
    let Some(file) = candidate.files.profile(drift) else {
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
