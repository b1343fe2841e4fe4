//! Whether all shards of a job are there and fit together, and what they come to.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use super::error::Error;
use super::job::Shard;
use super::journal::Identity;
use super::manifest::{self, EXTENSION, Manifest, Written};
use super::plan;
use super::totals::Totals;
use crate::drift::{FileVerdict, Reference};
use crate::store::{Found, Place, Stores};

/// A manifest has a few lines for each file; more than this is none.
const MAX_BYTES: u64 = 1 << 30;

/// What manifests say, and what is wrong with it.
#[derive(Debug)]
pub struct Merged {
    /// Shards that are there, and how many should be.
    pub shards: u32,
    pub of: u32,
    pub totals: Totals,
    /// By whose bins rows were counted; the same in all shards.
    reference: Option<String>,
    /// Files that are there.
    pub files: usize,
    pub bytes: u64,
    /// What is missing, twice or damaged, by name; none if all is well.
    pub problems: Vec<String>,
    /// In the order of the shards.
    pub(super) outputs: Vec<(Found, Written)>,
    pub(super) rejects: Vec<(Found, Written)>,
}

/// A manifest and where it lies.
struct Known {
    name: String,
    manifest: Manifest,
}

/// Reads manifests: files, or those in directories. `digests` has outputs read as a whole.
///
/// # Errors
/// There are none, or a store does not answer.
pub fn merge(stores: &Stores, from: &[String], digests: bool) -> Result<Merged, Error> {
    let mut problems = Vec::new();
    let known = all(stores, from, &mut problems)?;
    let known = of_one_job(known, &mut problems);
    let of = known.first().map_or(0, |known| known.manifest.shard.of);
    let reference = known.first().map(|known| known.manifest.identity.reference.clone());
    let shards = by_shard(known, of, &mut problems);
    units(&shards, of, &mut problems);
    let mut merged = Merged {
        shards: u32::try_from(shards.len()).unwrap_or(u32::MAX),
        of,
        totals: Totals::default(),
        reference,
        files: 0,
        bytes: 0,
        problems,
        outputs: Vec::new(),
        rejects: Vec::new(),
    };
    for known in shards.values() {
        merged.totals.add(&known.manifest.totals);
        merged.add(stores, known, digests)?;
    }
    Ok(merged)
}

/// All manifests that can be read.
fn all(stores: &Stores, from: &[String], problems: &mut Vec<String>) -> Result<Vec<Known>, Error> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for text in from {
        let text = if text.ends_with(EXTENSION) {
            text.clone()
        } else {
            format!("{}/*{EXTENSION}", text.trim_end_matches('/'))
        };
        for file in stores.find(&text)? {
            found.insert(file.place.to_string(), file);
        }
    }
    let mut known = Vec::with_capacity(found.len());
    for (name, file) in found {
        let mut text = Vec::new();
        let read = stores.sequential(&file, 0)?.take(MAX_BYTES).read_to_end(&mut text);
        let read = read.map_err(|error| error.to_string());
        let parsed = read.and_then(|_| {
            serde_json::from_slice(&text).map_err(|error| format!("it is no manifest: {error}"))
        });
        match parsed {
            Ok(manifest) => known.push(Known { name, manifest }),
            Err(reason) => problems.push(format!("{name}: {reason}")),
        }
    }
    Ok(known)
}

/// Those of the job that most are of.
fn of_one_job(known: Vec<Known>, problems: &mut Vec<String>) -> Vec<Known> {
    let is_alike = |one: &Manifest, other: &Manifest| difference(one, other).is_none();
    let alike = |one: &Known| known.iter().filter(|k| is_alike(&one.manifest, &k.manifest)).count();
    // The first of several that as many are like.
    let most = (0..known.len()).rev().max_by_key(|at| alike(&known[*at]));
    let Some(usual) = most.map(|at| known[at].manifest.clone()) else { return known };
    let mut kept = Vec::with_capacity(known.len());
    for known in known {
        match difference(&usual, &known.manifest) {
            None => kept.push(known),
            Some(what) => {
                problems.push(format!("{}: it is no shard of the others' job: {what}", known.name));
            }
        }
    }
    kept
}

fn difference(one: &Manifest, other: &Manifest) -> Option<String> {
    let identity: Option<&str> = Identity::difference(&one.identity, &other.identity);
    if let Some(what) = identity {
        return Some(what.to_owned());
    }
    let (ones, others) = (one.shard.of, other.shard.of);
    (ones != others).then(|| format!("it is one of {others} shards, the others of {ones}"))
}

/// Each shard once.
fn by_shard(known: Vec<Known>, of: u32, problems: &mut Vec<String>) -> BTreeMap<u32, Known> {
    let mut shards: BTreeMap<u32, Known> = BTreeMap::new();
    for known in known {
        let index = known.manifest.shard.index;
        if let Some(first) = shards.get(&index) {
            problems.push(format!(
                "shard {} is there twice: {} and {}",
                known.manifest.shard, first.name, known.name
            ));
        } else {
            shards.insert(index, known);
        }
    }
    for index in (0..of).filter(|index| !shards.contains_key(index)) {
        problems.push(format!("shard {} is missing", Shard { index, of }));
    }
    shards
}

/// Each file and row group once.
fn units(shards: &BTreeMap<u32, Known>, of: u32, problems: &mut Vec<String>) {
    let mut read: HashMap<(&str, Option<usize>), Shard> = HashMap::new();
    let mut count = 0;
    for Known { manifest, .. } in shards.values() {
        for input in &manifest.read {
            let groups: Vec<Option<usize>> = match input.row_groups {
                None => vec![None],
                Some(groups) => (groups.first..=groups.last).map(Some).collect(),
            };
            for group in groups {
                count += 1;
                if let Some(other) = read.insert((&input.file, group), manifest.shard) {
                    let group =
                        group.map_or(String::new(), |group| format!("row group {group} of "));
                    let (file, own) = (&input.file, manifest.shard);
                    problems.push(format!("{group}{file} was read by shard {other} and by {own}"));
                }
            }
        }
    }
    let wanted = shards.values().next().map_or(0, |known| known.manifest.units);
    if shards.len() == of as usize && count < wanted {
        problems.push(format!(
            "no shard has read {} of the {wanted} files and row groups",
            wanted - count
        ));
    }
}

impl Merged {
    /// What the rows of all shards look like beside the reference that they were counted by.
    ///
    /// # Errors
    /// It is not this one, or no row ran.
    pub fn verdict(&self, reference: &Reference) -> Result<FileVerdict, String> {
        let counted = self.reference.as_deref().unwrap_or_default();
        if counted != reference.id {
            let counted = if counted.is_empty() { "none" } else { counted };
            let id = &reference.id;
            return Err(format!("shards counted by reference {counted}, the model has {id}"));
        }
        self.totals
            .verdict(reference)
            .ok_or_else(|| "expected rows that ran, there are none".to_owned())
    }

    /// The files of one shard.
    fn add(&mut self, stores: &Stores, known: &Known, digests: bool) -> Result<(), Error> {
        let directory = plan::split(&known.name).0;
        let Manifest { written, rejects, .. } = &known.manifest;
        for (file, is_output) in
            written.iter().map(|file| (file, true)).chain(rejects.iter().map(|file| (file, false)))
        {
            let is_whole = file.name.starts_with('/') || file.name.contains("://");
            let name =
                if is_whole { file.name.clone() } else { format!("{directory}{}", file.name) };
            let place = Place::parse(&name).map_err(Error::Asked)?;
            let found = stores.look(&place)?;
            match found.map(|found| checked(stores, found, file, digests)).transpose()? {
                None => self.problems.push(format!("{name} is missing")),
                Some(Err(what)) => self.problems.push(format!("{name}: {what}")),
                Some(Ok(found)) => {
                    self.files += 1;
                    self.bytes += file.bytes;
                    let files = if is_output { &mut self.outputs } else { &mut self.rejects };
                    files.push((found, file.clone()));
                }
            }
        }
        Ok(())
    }
}

/// A file that is what was written, or what is wrong with it.
fn checked(
    stores: &Stores,
    found: Found,
    file: &Written,
    digests: bool,
) -> Result<Result<Found, String>, Error> {
    if found.bytes != file.bytes {
        let (own, written) = (found.bytes, file.bytes);
        return Ok(Err(format!("it has {own} bytes, and {written} were written")));
    }
    if digests {
        let sha256 = manifest::sha256(stores.sequential(&found, 0)?);
        match sha256 {
            Err(error) => return Ok(Err(error.to_string())),
            Ok(sha256) if sha256 != file.sha256 => {
                let (own, written) = (&sha256[..8], file.sha256.get(..8).unwrap_or_default());
                return Ok(Err(format!("its digest is {own}…, and {written}… was written")));
            }
            Ok(_) => {}
        }
    }
    Ok(Ok(found))
}
