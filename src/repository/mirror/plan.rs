//! Which objects belong together: those of one version are taken whole or not at all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::store::Object;
use crate::repository::Version;
use crate::repository::layout::version_of;

/// What a path belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// A directory with a number. The model is `None` if the source is that model.
    Version { model: Option<String>, version: Version },
    /// A file `<stem>.onnx` at the root and the files that carry its name.
    File { stem: String },
    /// What all versions of a model share, like `model.toml`.
    Shared { model: Option<String> },
}

/// The objects of a listing, by their parts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) parts: BTreeMap<Part, Vec<usize>>,
    /// The source is the directory of one `.onnx` file; all that lies there belongs to it.
    only_file: Option<String>,
}

impl Plan {
    pub(super) fn of(objects: &[Object]) -> Self {
        let stems: BTreeSet<String> = objects.iter().filter_map(|o| stem(&o.path)).collect();
        let flat = objects.iter().all(|object| !object.path.contains('/'));
        let only_file = (flat && stems.len() == 1).then(|| stems.into_iter().next()).flatten();
        let mut plan = Self { parts: BTreeMap::new(), only_file };
        for (index, object) in objects.iter().enumerate() {
            plan.parts.entry(plan.part(&object.path)).or_default().push(index);
        }
        plan
    }

    pub(super) fn part(&self, path: &str) -> Part {
        if let Some(stem) = self.only_file.as_ref().filter(|_| !path.contains('/')) {
            return Part::File { stem: stem.clone() };
        }
        let parts: Vec<&str> = path.splitn(3, '/').collect();
        match parts[..] {
            [version, _, ..] if version_of(version).is_some() => {
                Part::Version { model: None, version: version_of(version).unwrap_or_default() }
            }
            [model, version, _] if version_of(version).is_some() => Part::Version {
                model: Some(model.to_owned()),
                version: version_of(version).unwrap_or_default(),
            },
            [model, _, ..] => Part::Shared { model: Some(model.to_owned()) },
            _ => match stem(path) {
                Some(stem) => Part::File { stem },
                None => Part::Shared { model: None },
            },
        }
    }

    /// The objects in the order in which they are wanted: what is shared, then the newest
    /// version of each model, then the others.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut parts: Vec<&Part> = self.parts.keys().collect();
        parts.sort_by_key(|part| Reverse(part.version()));
        let newest: BTreeMap<Option<&str>, Option<Version>> =
            parts.iter().rev().map(|part| (part.model(), part.version())).collect();
        parts.sort_by_key(|part| {
            let version = part.version();
            version.is_some() && newest.get(&part.model()) != Some(&version)
        });
        // The sort is stable: nothing shared has a version.
        parts.sort_by_key(|part| part.version().is_some());
        parts.into_iter().flat_map(|part| self.parts[part].iter().copied()).collect()
    }

    /// The versions that share with this part.
    pub(super) fn versions_of<'a>(&'a self, shared: &'a Part) -> impl Iterator<Item = &'a Part> {
        let fits = |part: &&Part| part.version().is_some() && part.model() == shared.model();
        self.parts.keys().filter(fits)
    }

    /// The objects that a version shares with others.
    pub(super) fn shared_by(&self, part: &Part) -> &[usize] {
        let shared = Part::Shared { model: part.model().map(str::to_owned) };
        self.parts.get(&shared).map_or(&[], Vec::as_slice)
    }
}

fn stem(path: &str) -> Option<String> {
    let (stem, rest) = path.split_once(".onnx")?;
    let ends = rest.is_empty() || rest.starts_with(['.', '_']);
    (ends && !stem.is_empty() && !path.contains('/')).then(|| stem.to_owned())
}

impl Part {
    /// The directory that it shares things in; `None` is the root.
    fn model(&self) -> Option<&str> {
        match self {
            Self::Version { model, .. } | Self::Shared { model } => model.as_deref(),
            Self::File { .. } => None,
        }
    }

    pub(super) fn version(&self) -> Option<Version> {
        match self {
            Self::Version { version, .. } => Some(*version),
            Self::File { .. } => Some(1),
            Self::Shared { .. } => None,
        }
    }

    /// The name of the model, given that of a single one.
    pub(super) fn name<'a>(&'a self, names: &'a Names) -> &'a str {
        let own = match self {
            Self::Version { model, .. } | Self::Shared { model } => model.as_deref(),
            Self::File { stem } if stem == "model" => None,
            Self::File { stem } => names.chosen.as_deref().or(Some(stem)),
        };
        own.or(names.chosen.as_deref()).unwrap_or(&names.source)
    }
}

/// What a single model may be called.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// By the settings.
    pub(super) chosen: Option<String>,
    pub(super) source: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::mirror::store::Key;

    fn plan(paths: &[&str]) -> Plan {
        let object = |path: &&str| Object {
            path: (*path).to_owned(),
            key: Key::from(*path),
            bytes: None,
            identity: String::new(),
            etag: None,
            sha256: None,
        };
        Plan::of(&paths.iter().map(object).collect::<Vec<_>>())
    }

    fn names() -> Names {
        Names { chosen: None, source: "source".to_owned() }
    }

    #[test]
    fn files_of_one_version_belong_together_in_every_layout() {
        let plan = plan(&[
            "m/1/model.onnx",
            "m/1/sub/w.bin",
            "m/model.toml",
            "m/2/model.onnx",
            "x.onnx",
            "x.onnx.data",
        ]);
        let sizes: Vec<(String, Option<Version>, usize)> = plan
            .parts
            .iter()
            .map(|(part, files)| (part.name(&names()).to_owned(), part.version(), files.len()))
            .collect();
        let row = |name: &str, version, files| (name.to_owned(), version, files);
        assert_eq!(
            sizes,
            [row("m", Some(1), 2), row("m", Some(2), 1), row("x", Some(1), 2), row("m", None, 1)]
        );
    }

    #[test]
    fn a_source_that_is_one_model_gives_it_its_name() {
        assert_eq!(plan(&["1/model.onnx"]).part("1/model.onnx").name(&names()), "source");
        let plan = plan(&["model.onnx", "weights.bin", "SHA256SUMS"]);
        assert_eq!(plan.parts.len(), 1);
        assert_eq!(plan.part("weights.bin").name(&names()), "source");
    }

    #[test]
    fn a_contract_is_shared_by_all_versions_or_belongs_to_one() {
        let paths = ["m/contract.toml", "m/1/model.onnx", "m/2/contract.toml", "m/2/model.onnx"];
        let plan = plan(&paths);
        let version = |version| Part::Version { model: Some("m".to_owned()), version };
        assert_eq!(
            (plan.shared_by(&version(1)), plan.shared_by(&version(2))),
            (&[0][..], &[0][..])
        );
        assert_eq!(plan.parts[&version(2)], [2, 3]);
        let single = Plan::of(&[]).part("contract.toml");
        assert_eq!(single, Part::Shared { model: None });
    }

    #[test]
    fn newest_versions_come_first_and_what_is_shared_before_them() {
        let paths = ["a/1/m", "a/2/m", "a/model.toml", "b/10/m", "b/9/m"];
        let order: Vec<&str> = plan(&paths).order().into_iter().map(|at| paths[at]).collect();
        assert_eq!(order[0], "a/model.toml");
        assert!(order[1..3].contains(&"b/10/m") && order[1..3].contains(&"a/2/m"), "{order:?}");
    }
}
