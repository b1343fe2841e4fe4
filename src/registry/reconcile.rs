//! What to do so that what is served becomes what is wanted. A pure function from values to
//! a value: no clock, no disk, no model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::desired::{Desired, ModelDesired};
use super::lifecycle::Ticket;
use super::routing::Routing;
use crate::repository::{self, Fingerprint, Listing, Settings, Version, VersionFiles};

/// What was done about each version so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(pub(super) BTreeMap<String, BTreeMap<Version, Attempt>>);

/// The last files of a version that were tried, and what came of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempt {
    pub(super) tried: Fingerprint,
    /// Something serves: these files, or older ones while these are on their way or after
    /// they were refused.
    pub(super) live: bool,
    /// The files that serve, if some do.
    pub(super) serves: Fingerprint,
    /// They are on their way.
    pub(super) loading: Option<Arc<Ticket>>,
    /// They were refused.
    pub(super) refused: bool,
}

/// Who decides which models are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// The repository: all that is in it.
    Poll,
    /// Requests to load and unload.
    Explicit,
}

/// The difference between what is wanted and what is served.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) load: Vec<Load>,
    /// Versions on their way that nobody wants any more, or whose files are older than
    /// those above.
    pub(super) cancel: Vec<(String, Version)>,
    /// Models that cannot be read as a whole, with the reason.
    pub(super) problems: BTreeMap<String, String>,
    pub(super) models: BTreeMap<String, Wanted>,
}

/// The versions of one model.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wanted {
    /// Those that are to serve. Others that serve go once one of these does, or if there
    /// are none.
    pub(super) serve: BTreeSet<Version>,
    /// Those that do not serve and have a reason to show.
    pub(super) show: BTreeMap<Version, Option<String>>,
    /// Files are changing: nothing is let go meanwhile.
    pub(super) unsettled: bool,
    pub(super) routing: Routing,
}

/// A version to load.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Load {
    pub(super) model: String,
    pub(super) version: Version,
    pub(super) files: VersionFiles,
    pub(super) settings: Settings,
}

/// Compares the listing, and what was asked for, with what is known.
pub(super) fn changes(
    listing: &Listing,
    known: &Known,
    desired: &Desired,
    control: Control,
) -> Changes {
    let mut changes = Changes::default();
    let asleep = |name: &String| {
        desired.dormant.contains(name)
            || (control == Control::Explicit && !desired.loaded.contains(name))
    };
    for (name, model) in listing.models.iter().filter(|(name, _)| !asleep(name)) {
        let nothing = ModelDesired::default();
        let view = View {
            name,
            model,
            known: known.0.get(name),
            desired: desired.of(name).unwrap_or(&nothing),
        };
        match view.wanted() {
            Ok((wanted, settings)) => {
                changes.load.extend(view.loads(&wanted, settings));
                changes.models.insert(name.clone(), wanted);
            }
            Err(reason) => {
                changes.problems.insert(name.clone(), reason);
            }
        }
    }
    changes.cancel = superseded(known, &changes);
    changes
}

/// One model from all sides.
struct View<'a> {
    name: &'a str,
    model: &'a repository::Model,
    known: Option<&'a BTreeMap<Version, Attempt>>,
    desired: &'a ModelDesired,
}

impl View<'_> {
    fn attempt(&self, version: Version) -> Option<&Attempt> {
        self.known?.get(&version)
    }

    fn is_live(&self, version: Version) -> bool {
        self.attempt(version).is_some_and(|attempt| attempt.live)
    }

    /// The files that are there now were tried and refused, and nothing older serves.
    fn is_refused(&self, version: Version, files: &VersionFiles) -> bool {
        let attempt = self.attempt(version);
        attempt.is_some_and(|a| a.refused && !a.live && a.tried == files.fingerprint)
    }

    /// # Errors
    /// Why the model as a whole cannot be loaded.
    fn wanted(&self) -> Result<(Wanted, &Settings), String> {
        let settings = self.model.settings.as_ref().map_err(Clone::clone)?;
        let routing = self.desired.routing.clone().unwrap_or_else(|| Routing::of(settings));
        // A version that serves still counts while its files change; otherwise an older one
        // would be loaded in its place.
        let changing = self.model.changing.iter().copied().filter(|&v| self.is_live(v));
        let mut existing: BTreeSet<Version> =
            self.model.versions.keys().copied().chain(changing).collect();
        if settings.versions.select(&existing).is_empty() && !existing.is_empty() {
            let existing: Vec<String> = existing.iter().map(ToString::to_string).collect();
            return Err(format!("versions in model.toml selects none of {}", existing.join(", ")));
        }
        let mut show: BTreeMap<Version, Option<String>> =
            settings.versions.select(&existing).into_iter().map(|v| (v, None)).collect();
        let (mut refused, mut held) = (BTreeSet::new(), BTreeSet::new());
        for (&version, files) in &self.model.versions {
            if let Some(reason) = self.desired.held(version, &files.fingerprint.digest()) {
                existing.remove(&version);
                show.insert(version, Some(reason.to_owned()));
                held.extend(Some(version).filter(|&version| self.is_live(version)));
            } else if self.is_refused(version, files) {
                // The next lower one takes its place.
                existing.remove(&version);
                refused.insert(version);
            }
        }
        // A shadow never serves, so it takes nobody's place.
        let shadow = routing.routes().shadow;
        let beside: BTreeSet<Version> =
            existing.iter().copied().filter(|&version| Some(version) != shadow).collect();
        let mut serve = settings.versions.select(&beside);
        // What is not shown is forgotten, and would be tried again and again: until a version
        // above it serves, it may be its turn.
        let lowest = serve.iter().copied().find(|&v| self.is_live(v)).unwrap_or_default();
        refused.retain(|&v| v > lowest || routing.versions().any(|named| named == v));
        show.extend(refused.iter().map(|&version| (version, None)));
        serve.extend(routing.versions().filter(|version| existing.contains(version)));
        // A version that was taken back is better than none.
        if serve.is_empty() {
            serve = settings.versions.select(&held);
        }
        for &version in &serve {
            show.entry(version).or_insert(None);
        }
        // After a restart what served before comes first: newer versions are measured
        // against it, and may prove to be bad.
        if !serve.iter().any(|&version| self.is_live(version))
            && let Some(good) = self.desired.last_good()
            && beside.contains(&good)
            && !self.any_live()
        {
            serve = BTreeSet::from([good]);
        }
        // Their reasons come with them.
        for &version in self.model.failed.keys() {
            show.entry(version).or_insert(None);
        }
        let unsettled = !self.model.changing.is_empty();
        Ok((Wanted { serve, show, unsettled, routing }, settings))
    }

    fn any_live(&self) -> bool {
        self.known.is_some_and(|versions| versions.values().any(|attempt| attempt.live))
    }

    fn loads(&self, wanted: &Wanted, settings: &Settings) -> Vec<Load> {
        let files = |version: &Version| Some((*version, self.model.versions.get(version)?));
        let untried = |(version, files): &(Version, &VersionFiles)| {
            self.attempt(*version).is_none_or(|attempt| attempt.tried != files.fingerprint)
        };
        let load = |(version, files): (Version, &VersionFiles)| Load {
            model: self.name.to_owned(),
            version,
            files: files.clone(),
            settings: settings.clone(),
        };
        wanted.serve.iter().filter_map(files).filter(untried).map(load).collect()
    }
}

fn superseded(known: &Known, changes: &Changes) -> Vec<(String, Version)> {
    let mut superseded = Vec::new();
    for (name, versions) in &known.0 {
        let wanted = changes.models.get(name);
        for (&version, _) in versions.iter().filter(|(_, attempt)| attempt.loading.is_some()) {
            let is_wanted = wanted.is_some_and(|w| w.serve.contains(&version));
            let again = changes.load.iter().any(|l| l.model == *name && l.version == version);
            if !is_wanted || again {
                superseded.push((name.clone(), version));
            }
        }
    }
    superseded
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
    use crate::registry::desired::Held;
    use crate::repository::{Model, Target};

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

    /// Versions that were tried, and whether they serve.
    fn known(versions: &[(Version, bool)]) -> Known {
        let attempt = |&(version, live): &(Version, bool)| {
            let tried = Fingerprint::default();
            (version, Attempt { tried, live, refused: !live, ..Attempt::default() })
        };
        Known(BTreeMap::from([("m".to_owned(), versions.iter().map(attempt).collect())]))
    }

    fn changes(listing: &Listing, known: &Known) -> Changes {
        super::changes(listing, known, &Desired::default(), Control::Poll)
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
        assert!(changes.load.is_empty() && changes.models.is_empty());
    }

    #[test]
    fn the_next_lower_version_takes_the_place_of_one_that_was_refused() {
        assert_eq!(loads(&changes(&listing(&[1, 2, 3]), &known(&[(3, false)]))), [2]);
        let found = changes(&listing(&[1, 2, 3]), &known(&[(3, false), (2, true)]));
        assert!(found.load.is_empty());
        assert_eq!(found.models["m"].show.keys().copied().collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn every_version_that_was_refused_is_remembered_until_one_above_it_serves() {
        let mut known = known(&[(1, true), (2, false), (3, false), (4, false)]);
        let shown = |found: Changes| found.models["m"].show.keys().copied().collect::<Vec<_>>();
        let found = changes(&listing(&[1, 2, 3, 4]), &known);
        assert!(found.load.is_empty());
        assert_eq!(shown(found), [1, 2, 3, 4]);
        assert_eq!(shown(changes(&listing(&[1, 2, 3, 4, 5]), &known)), [2, 3, 4, 5]);
        let attempt = known.0.get_mut("m").unwrap().get_mut(&3).unwrap();
        (attempt.refused, attempt.live) = (false, true);
        assert_eq!(shown(changes(&listing(&[1, 2, 3, 4]), &known)), [3, 4]);
    }

    #[test]
    fn a_version_that_was_taken_back_stays_away_until_its_files_change() {
        let mut desired = Desired::default();
        let files = Fingerprint::default().digest();
        let held = Held { files, reason: "slow".to_owned() };
        desired.edit("m").held.insert(2, held);
        let found =
            super::changes(&listing(&[1, 2]), &known(&[(2, true)]), &desired, Control::Poll);
        assert_eq!(loads(&found), [1]);
        assert_eq!(found.models["m"].show[&2].as_deref(), Some("slow"));
        desired.edit("m").held.get_mut(&2).unwrap().files = "others".to_owned();
        let found = super::changes(&listing(&[1, 2]), &Known::default(), &desired, Control::Poll);
        assert_eq!(loads(&found), [2]);
    }

    #[test]
    fn what_served_before_a_restart_is_loaded_before_what_is_new() {
        let mut desired = Desired::default();
        desired.edit("m").serves(1);
        let at_start =
            super::changes(&listing(&[1, 2]), &Known::default(), &desired, Control::Poll);
        assert_eq!(loads(&at_start), [1]);
        let then = super::changes(&listing(&[1, 2]), &known(&[(1, true)]), &desired, Control::Poll);
        assert_eq!(loads(&then), [2]);
    }

    #[test]
    fn versions_that_the_routing_names_are_loaded_beside_the_latest() {
        let mut desired = Desired::default();
        let traffic = BTreeMap::from([(Target::Version(1), 90), (Target::Version(2), 10)]);
        let routing = Routing { traffic, shadow: Some(Target::Version(3)), ..Routing::default() };
        desired.edit("m").routing = Some(routing);
        let found =
            super::changes(&listing(&[1, 2, 3, 4]), &Known::default(), &desired, Control::Poll);
        assert_eq!(loads(&found), [1, 2, 3, 4]);
    }

    #[test]
    fn a_version_on_its_way_is_superseded_by_a_newer_one() {
        let mut known = known(&[(1, true), (2, false)]);
        let on_its_way = known.0.get_mut("m").unwrap().get_mut(&2).unwrap();
        (on_its_way.loading, on_its_way.refused) = (Some(Arc::default()), false);
        assert!(changes(&listing(&[1, 2]), &known).cancel.is_empty());
        let found = changes(&listing(&[1, 2, 3]), &known);
        assert_eq!((loads(&found), found.cancel), (vec![3], vec![("m".to_owned(), 2)]));
    }

    #[test]
    fn with_control_by_request_only_what_was_asked_for_is_loaded() {
        let mut desired = Desired::default();
        let of = |desired: &Desired| {
            super::changes(&listing(&[1]), &Known::default(), desired, Control::Explicit)
        };
        assert!(of(&desired).load.is_empty());
        desired.loaded.insert("m".to_owned());
        assert_eq!(loads(&of(&desired)), [1]);
    }
}
