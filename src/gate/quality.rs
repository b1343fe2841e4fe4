//! Whether the model has the prediction whose quality shall be watched.

use super::{Candidate, Checked, Verdict};
use crate::quality::Target;

pub(super) fn check(candidate: &Candidate, found: &mut Option<Target>) -> Checked {
    let Some(settings) = &candidate.settings.quality else {
        return Ok(Verdict::Skipped("no quality is set".to_owned()));
    };
    let target = Target::new(&settings.about, candidate.loaded.signature())
        .map_err(|error| error.to_string())?;
    let detail = format!("about {}", target.describe());
    *found = Some(target);
    Ok(Verdict::Passed(detail))
}
