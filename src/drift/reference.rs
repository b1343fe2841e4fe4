//! A profile that was found to fit a model, ready to count.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::binning::{Binning, BinsError};
use super::outcomes::OutcomesError;
use super::plan::Plan;
use super::profile::{Bins, FORMAT, FeatureProfile, Profile};
use super::weights;
use crate::digest;
use crate::engine::Signature;
use crate::features::{self, Feature, Reading, Role};

/// Of one feature: sums and products of counts must not overflow.
const MOST_VALUES: u64 = 1 << 48;

/// Files larger than this are no profiles.
const MAX_BYTES: u64 = 64 << 20;

/// The reference that a version is watched against. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reference(Arc<Parts>);

/// The insides of [`Reference`].
#[derive(Debug)]
pub struct Parts {
    /// Eight hexadecimal digits of the profile's SHA-256. Counts of different references must
    /// never be added.
    pub id: String,
    pub rows: u64,
    pub watched: Vec<Watched>,
    /// Bins of all features together.
    pub bins: usize,
    /// Of the features, by place: those that have room on the page of bins.
    pub(super) shown: Vec<usize>,
    pub(super) plan: Plan,
}

impl Parts {
    pub(super) fn new(id: String, rows: u64, mut watched: Vec<Watched>) -> Self {
        weights::set(&mut watched);
        let bins = watched.last().map_or(0, |last| last.first + last.binning.bins());
        let plan = Plan::new(&watched);
        let shown = weights::shown(&watched);
        Self { id, rows, watched, bins, shown, plan }
    }
}

/// One feature and what it was in the reference.
#[derive(Debug)]
pub struct Watched {
    pub feature: Feature,
    pub binning: Binning,
    pub profile: FeatureProfile,
    /// Where its bins begin among those of all features.
    pub first: usize,
    /// How much it matters among the inputs, which have 1 together; nought of a prediction.
    pub weight: f64,
}

/// A profile that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("it is no profile: {0}")]
    Malformed(String),
    #[error("its format is {0}, expected {FORMAT}")]
    Format(u32),
    #[error(
        "it was made with another model file (sha256 {found}, expected {expected}); make it again with onnxd profile"
    )]
    OtherModel { found: String, expected: String },
    #[error("target: {0}")]
    Target(#[from] OutcomesError),
    #[error("it has no features")]
    Empty,
    #[error("the model has no feature '{name}', its features are: {known}")]
    UnknownFeature { name: String, known: String },
    #[error("feature '{name}': the model has no such {role:?} to be read as {reading:?}")]
    OtherKind { name: String, role: Role, reading: Reading },
    #[error("feature '{0}' is there twice")]
    Twice(String),
    #[error("feature '{name}': {reason}")]
    Bins { name: String, reason: BinsError },
    #[error("feature '{name}': {what} has {found} entries, expected {expected}")]
    Length { name: String, what: &'static str, found: usize, expected: usize },
    #[error("feature '{name}': {what} is {found}, expected a finite number")]
    NotFinite { name: String, what: &'static str, found: f64 },
    #[error("feature '{name}': {what} is {found}, expected 0 to 1")]
    NoShare { name: String, what: &'static str, found: f64 },
    #[error("feature '{0}' counts more values than there can be")]
    TooManyValues(String),
    #[error("feature '{0}' counts no values")]
    NoValues(String),
    #[error(
        "feature '{name}': quantile {at} is {found}, expected a number of at least the one before it"
    )]
    Quantile { name: String, at: usize, found: f64 },
}

impl std::ops::Deref for Reference {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl From<Parts> for Reference {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Reference {
    /// Reads the profile of a model.
    ///
    /// # Errors
    /// [`ReferenceError`] if the file is no profile, or one of another model.
    pub fn read(file: &Path, sha256: &str, signature: &Signature) -> Result<Self, ReferenceError> {
        Self::parse(&bytes(file)?, sha256, signature)
    }

    /// The same from its bytes.
    ///
    /// # Errors
    /// As [`Reference::read`].
    pub fn parse(
        bytes: &[u8],
        sha256: &str,
        signature: &Signature,
    ) -> Result<Self, ReferenceError> {
        let profile = Profile::parse(bytes)?;
        if profile.sha256 != sha256 {
            let (found, expected) = (profile.sha256, sha256.to_owned());
            return Err(ReferenceError::OtherModel { found, expected });
        }
        let watched = watched(profile.features, &features::of(signature))?;
        Ok(Parts::new(digest::short(bytes), profile.rows, watched).into())
    }

    /// Of a profile without its model: every feature has a tensor for itself, in the order of
    /// the features, those of inputs and those of predictions apart. It has no id.
    ///
    /// # Errors
    /// [`ReferenceError`] if the profile makes no sense.
    pub fn alone(profile: &Profile) -> Result<Self, ReferenceError> {
        let mut tensors = HashMap::new();
        let alone = |of: &FeatureProfile| {
            let next: &mut usize = tensors.entry(of.role).or_default();
            *next += 1;
            let reading = of.reading;
            Feature::alone(of.name.clone(), of.role, reading, *next - 1)
        };
        let known: Vec<Feature> = profile.features.iter().map(alone).collect();
        let watched = watched(profile.features.clone(), &known)?;
        Ok(Parts::new(String::new(), profile.rows, watched).into())
    }
}

impl Profile {
    /// Reads a profile, whatever model it is of. What it says of features is not looked at.
    ///
    /// # Errors
    /// [`ReferenceError`] if the file is no profile.
    pub fn read(file: &Path) -> Result<Self, ReferenceError> {
        Self::parse(&bytes(file)?)
    }

    fn parse(bytes: &[u8]) -> Result<Self, ReferenceError> {
        let profile: Self = serde_json::from_slice(bytes)
            .map_err(|error| ReferenceError::Malformed(error.to_string()))?;
        if profile.format != FORMAT {
            return Err(ReferenceError::Format(profile.format));
        }
        if let Some(target) = &profile.target {
            target.check()?;
        }
        Ok(profile)
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, ReferenceError> {
    let unreadable = |error: std::io::Error| ReferenceError::Unreadable(error.to_string());
    let bytes = fs::metadata(file).map_err(unreadable)?.len();
    if bytes > MAX_BYTES {
        let message = format!("it has {bytes} bytes, expected at most {MAX_BYTES}");
        return Err(ReferenceError::Unreadable(message));
    }
    fs::read(file).map_err(unreadable)
}

fn watched(
    profiles: Vec<FeatureProfile>,
    known: &[Feature],
) -> Result<Vec<Watched>, ReferenceError> {
    if profiles.is_empty() {
        return Err(ReferenceError::Empty);
    }
    let mut unseen: HashMap<&str, &Feature> =
        known.iter().map(|feature| (feature.name.as_str(), feature)).collect();
    let mut first = 0;
    let mut all: Vec<Watched> = Vec::with_capacity(profiles.len());
    for mut profile in profiles {
        let Some(feature) = unseen.remove(profile.name.as_str()) else {
            return Err(unknown(profile.name, known));
        };
        let feature = read_as(feature, &profile)?;
        let name = || profile.name.clone();
        let binning = Binning::new(&profile.bins)
            .map_err(|reason| ReferenceError::Bins { name: name(), reason })?;
        check(&profile, &binning)?;
        // A kilobyte that nobody asks the server for.
        profile.quantiles = Vec::new();
        let bins = binning.bins();
        all.push(Watched { feature, binning, profile, first, weight: 0.0 });
        first += bins;
    }
    Ok(all)
}

/// A name that the model does not have, or that came before.
fn unknown(name: String, known: &[Feature]) -> ReferenceError {
    /// A list of thousands helps nobody.
    const SHOWN: usize = 100;
    if known.iter().any(|feature| feature.name == name) {
        return ReferenceError::Twice(name);
    }
    let names: Vec<&str> = known.iter().take(SHOWN).map(|feature| feature.name.as_str()).collect();
    ReferenceError::UnknownFeature { name, known: names.join(", ") }
}

fn read_as(feature: &Feature, profile: &FeatureProfile) -> Result<Feature, ReferenceError> {
    let (role, reading) = (profile.role, profile.reading);
    let texts = matches!(profile.bins, Bins::Texts(_));
    let fits =
        feature.role == role && feature.allows(reading) && texts == (reading == Reading::Text);
    if fits {
        return Ok(feature.read_as(reading));
    }
    Err(ReferenceError::OtherKind { name: profile.name.clone(), role, reading })
}

fn check(profile: &FeatureProfile, binning: &Binning) -> Result<(), ReferenceError> {
    let length = |what, found, expected| {
        let name = profile.name.clone();
        if found == expected {
            return Ok(());
        }
        Err(ReferenceError::Length { name, what, found, expected })
    };
    length("counts", profile.counts.len(), binning.bins())?;
    let sums = profile.sums.as_deref().unwrap_or_default();
    length("sums", sums.len(), if binning.is_of_numbers() { binning.finite() } else { 0 })?;
    let spreads = profile.blocks.iter().flat_map(|blocks| [Some(blocks.psi), blocks.wasserstein]);
    let spreads = spreads.flatten().flat_map(|spread| [spread.mean, spread.sigma]);
    let lengths = profile.blocks.iter().filter_map(|blocks| blocks.seconds);
    if let Some(found) = profile.importance.filter(|share| !(0.0..=1.0).contains(share)) {
        let (name, what) = (profile.name.clone(), "its importance");
        return Err(ReferenceError::NoShare { name, what, found });
    }
    let moments = profile.moments.iter();
    let moments = moments.flat_map(|of| [of.mean, of.sigma, of.least, of.greatest]);
    let numbers = sums.iter().map(|sum| ("a sum", *sum));
    let numbers =
        numbers.chain(spreads.chain(lengths).map(|number| ("a number of its blocks", number)));
    let mut numbers = numbers.chain(moments.map(|number| ("a moment", number)));
    if let Some((what, found)) = numbers.find(|(_, number)| !number.is_finite()) {
        return Err(ReferenceError::NotFinite { name: profile.name.clone(), what, found });
    }
    let sum = profile.counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count));
    if sum.is_none_or(|sum| sum > MOST_VALUES) {
        return Err(ReferenceError::TooManyValues(profile.name.clone()));
    }
    if profile.counts.iter().all(|count| *count == 0) {
        return Err(ReferenceError::NoValues(profile.name.clone()));
    }
    check_quantiles(profile)
}

fn check_quantiles(profile: &FeatureProfile) -> Result<(), ReferenceError> {
    let mut before = f64::MIN;
    for (at, &found) in profile.quantiles.iter().enumerate() {
        // NaN is not at least anything.
        if !(found >= before && found.is_finite()) {
            return Err(ReferenceError::Quantile { name: profile.name.clone(), at, found });
        }
        before = found;
    }
    Ok(())
}
