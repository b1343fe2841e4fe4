//! What to do so that what is served becomes what the repository holds. A pure function
//! from two values to a third: no clock, no disk, no model.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository::{Fingerprint, Listing, Settings, Version, VersionFiles};

/// What was done about each version so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(pub(super) BTreeMap<String, BTreeMap<Version, Attempt>>);

/// The last files of a version that were tried, and whether something serves.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Attempt {
    pub(super) tried: Fingerprint,
    pub(super) live: bool,
}

/// The difference between the repository and what is served.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) load: Vec<Load>,
    /// Models that cannot be read as a whole, with the reason.
    pub(super) problems: BTreeMap<String, String>,
    /// For every model, the versions that its owner wants; those that serve and are not
    /// wanted go once a wanted one serves, or if none is wanted.
    pub(super) wanted: BTreeMap<String, BTreeSet<Version>>,
    /// Models whose files are changing: nothing of them is let go meanwhile.
    pub(super) unsettled: BTreeSet<String>,
}

/// A version to load.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Load {
    pub(super) model: String,
    pub(super) version: Version,
    pub(super) files: VersionFiles,
    pub(super) settings: Settings,
}

/// Compares the listing with what is known.
pub(super) fn changes(listing: &Listing, known: &Known) -> Changes {
    let mut changes = Changes::default();
    for (name, model) in &listing.models {
        if !model.changing.is_empty() {
            changes.unsettled.insert(name.clone());
        }
        let settings = match &model.settings {
            Ok(settings) => settings,
            Err(reason) => {
                changes.problems.insert(name.clone(), reason.clone());
                continue;
            }
        };
        let tried = known.0.get(name);
        let serves = |version: &Version| {
            tried.and_then(|versions| versions.get(version)).is_some_and(|attempt| attempt.live)
        };
        // A version that serves still counts while its files change; otherwise an older one
        // would be loaded in its place.
        let changing = model.changing.iter().copied().filter(serves);
        let existing: BTreeSet<Version> = model.versions.keys().copied().chain(changing).collect();
        let wanted = settings.versions.select(&existing);
        if wanted.is_empty() && !existing.is_empty() {
            let existing: Vec<String> = existing.iter().map(ToString::to_string).collect();
            let reason = format!("versions in model.toml selects none of {}", existing.join(", "));
            changes.problems.insert(name.clone(), reason);
            continue;
        }
        for version in &wanted {
            let Some(files) = model.versions.get(version) else { continue };
            let attempt = tried.and_then(|versions| versions.get(version));
            if attempt.is_none_or(|attempt| attempt.tried != files.fingerprint) {
                changes.load.push(Load {
                    model: name.clone(),
                    version: *version,
                    files: files.clone(),
                    settings: settings.clone(),
                });
            }
        }
        changes.wanted.insert(name.clone(), wanted);
    }
    changes
}

/// The versions of a model that stay live, given those that are.
pub(super) fn stays(
    live: &BTreeSet<Version>,
    wanted: &BTreeSet<Version>,
    unsettled: bool,
) -> BTreeSet<Version> {
    let replaced = wanted.is_empty() || !wanted.is_disjoint(live);
    if replaced && !unsettled { live.intersection(wanted).copied().collect() } else { live.clone() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::repository::Model;

    fn files() -> VersionFiles {
        VersionFiles { model_file: PathBuf::from("model.onnx"), ..VersionFiles::default() }
    }

    fn listing(versions: &[Version]) -> Listing {
        let model = Model {
            versions: versions.iter().map(|&version| (version, files())).collect(),
            ..Model::default()
        };
        Listing { models: BTreeMap::from([("m".to_owned(), model)]), ..Listing::default() }
    }

    fn known(versions: &[(Version, bool)]) -> Known {
        let attempts = versions
            .iter()
            .map(|&(version, live)| (version, Attempt { tried: Fingerprint::default(), live }))
            .collect();
        Known(BTreeMap::from([("m".to_owned(), attempts)]))
    }

    fn loads(changes: &Changes) -> Vec<Version> {
        changes.load.iter().map(|load| load.version).collect()
    }

    #[test]
    fn only_the_latest_version_is_loaded_by_default() {
        assert_eq!(loads(&changes(&listing(&[1, 2]), &Known::default())), [2]);
    }

    #[test]
    fn files_that_were_tried_are_not_tried_again() {
        assert!(loads(&changes(&listing(&[1]), &known(&[(1, false)]))).is_empty());
    }

    #[test]
    fn a_live_version_whose_files_change_is_not_replaced_by_an_older_one() {
        let mut listing = listing(&[1]);
        listing.models.get_mut("m").unwrap().changing.insert(2);
        let found = changes(&listing, &known(&[(2, true)]));
        assert!(found.load.is_empty());
        assert_eq!(loads(&changes(&listing, &Known::default())), [1]);
    }

    #[test]
    fn a_policy_that_selects_nothing_is_a_problem_of_that_model() {
        let mut listing = listing(&[1, 2]);
        let settings = Settings::parse("versions = [5]").unwrap();
        listing.models.get_mut("m").unwrap().settings = Ok(settings);
        let changes = changes(&listing, &Known::default());
        assert_eq!(changes.problems["m"], "versions in model.toml selects none of 1, 2");
    }

    #[test]
    fn the_old_version_stays_until_a_wanted_one_serves() {
        let set = |versions: &[Version]| versions.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(stays(&set(&[1]), &set(&[2]), false), set(&[1]));
        assert_eq!(stays(&set(&[1, 2]), &set(&[2]), false), set(&[2]));
        assert_eq!(stays(&set(&[1]), &set(&[]), false), set(&[]));
        assert_eq!(stays(&set(&[1]), &set(&[]), true), set(&[1]));
    }

    #[test]
    fn unusable_settings_are_a_problem_of_that_model_and_load_nothing() {
        let mut listing = listing(&[1]);
        listing.models.get_mut("m").unwrap().settings = Err("line 1: no".to_owned());
        let changes = changes(&listing, &Known::default());
        assert_eq!(changes.problems["m"], "line 1: no");
        assert!(changes.load.is_empty() && changes.wanted.is_empty());
    }
}
