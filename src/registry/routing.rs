//! Which version answers: labels, shares of the traffic, the shadow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::repository::{Settings, Target, Version};

/// What a model's owner wants, as `model.toml` or a request says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Routing {
    /// Names for versions.
    pub labels: BTreeMap<String, Version>,
    /// Weights of versions or labels, for requests that name neither. Empty: all go to the
    /// highest version.
    pub traffic: BTreeMap<Target, u32>,
    /// Gets a copy of the traffic.
    pub shadow: Option<Target>,
}

impl Routing {
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            labels: settings.labels.clone(),
            traffic: settings.traffic.clone(),
            shadow: settings.shadow.clone(),
        }
    }

    /// # Errors
    /// What contradicts itself, for the one who wrote it.
    pub fn check(&self) -> Result<(), String> {
        if let Some(label) = self.labels.keys().find(|label| !is_label(label)) {
            return Err(format!(
                "labels: '{label}' is no label, expected letters, digits, '-', '_' and '.', and not only digits"
            ));
        }
        for target in self.traffic.keys() {
            self.version(target).map_err(|reason| format!("traffic: {reason}"))?;
        }
        if !self.traffic.is_empty() && self.traffic.values().all(|&weight| weight == 0) {
            return Err("traffic: all weights are 0, expected at least one above".to_owned());
        }
        if let Some(shadow) = &self.shadow {
            self.version(shadow).map_err(|reason| format!("shadow: {reason}"))?;
        }
        Ok(())
    }

    fn version(&self, target: &Target) -> Result<Version, String> {
        match target {
            Target::Version(version) => Ok(*version),
            Target::Label(label) => self.labels.get(label).copied().ok_or_else(|| {
                let known: Vec<&str> = self.labels.keys().map(String::as_str).collect();
                format!("label '{label}' is unknown, labels are: {}", known.join(", "))
            }),
        }
    }

    /// Every version that is named.
    pub(super) fn versions(&self) -> impl Iterator<Item = Version> {
        let named = self.traffic.iter().filter(|(_, weight)| **weight > 0);
        let traffic = named.filter_map(|(target, _)| self.version(target).ok());
        let shadow = self.shadow.iter().filter_map(|target| self.version(target).ok());
        self.labels.values().copied().chain(traffic).chain(shadow)
    }

    /// The same with versions for labels.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let mut shares: BTreeMap<Version, u32> = BTreeMap::new();
        for (target, &weight) in &self.traffic {
            if let Ok(version) = self.version(target)
                && weight > 0
            {
                let share = shares.entry(version).or_default();
                *share = share.saturating_add(weight);
            }
        }
        Routes {
            labels: self.labels.clone(),
            shares: shares.into_iter().collect(),
            shadow: self.shadow.as_ref().and_then(|target| self.version(target).ok()),
            requests: Arc::default(),
        }
    }
}

/// A name that cannot be taken for a version, and needs no escape in a path.
fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(allowed) && !text.bytes().all(|b| b.is_ascii_digit())
}

/// A [`Routing`] ready to be asked for every request.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    pub labels: BTreeMap<String, Version>,
    /// Versions with a weight above 0, lowest first; empty where the highest gets all.
    pub shares: Vec<(Version, u32)>,
    pub shadow: Option<Version>,
    /// Requests without a key, so far.
    requests: Arc<AtomicU64>,
}

impl Routes {
    /// The version for a request among those that serve. One key gives one version as long
    /// as shares stay, and where they change few keys move; without a key shares are kept
    /// as exactly as whole requests allow.
    pub(super) fn choose(
        &self,
        key: Option<&str>,
        serves: impl Fn(Version) -> bool,
    ) -> Option<Version> {
        let shares = self.shares.iter().filter(|(version, _)| serves(*version));
        if let Some(key) = key {
            let places = shares.map(|&(version, weight)| (version, distance(key, version, weight)));
            let nearest = places.min_by(|(_, a), (_, b)| a.total_cmp(b));
            return nearest.map(|(version, _)| version);
        }
        let total: u64 = shares.clone().map(|(_, weight)| u64::from(*weight)).sum();
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut place = spread(number, total);
        for (version, weight) in shares {
            match place.checked_sub(u64::from(*weight)) {
                Some(left) => place = left,
                None => return Some(*version),
            }
        }
        None
    }
}

/// Weighted rendezvous hashing (Schindelhauer and Schomaker, "Weighted distributed hash
/// tables", 2005): every version has a random number for the key, drawn from an exponential
/// distribution with its weight as the rate; the smallest wins. A version wins as often as
/// its weight says, and a changed weight moves keys only to or from that version.
fn distance(key: &str, version: Version, weight: u32) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    // FNV-1a: the same in every build, so that replicas agree.
    for byte in version.to_le_bytes().iter().chain(key.as_bytes()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    -unit(mixed(hash)).ln() / f64::from(weight)
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", 2014): FNV alone leaves the high bits of short keys alike.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// In (0, 1], from the high 32 bits.
fn unit(bits: u64) -> f64 {
    let high = u32::try_from(bits >> 32).unwrap_or(u32::MAX);
    (f64::from(high) + 1.0) / (f64::from(u32::MAX) + 1.0)
}

/// A place in `0..total` for the request of this number, so that all stretches of requests
/// fill the range evenly: multiples of the golden ratio (Weyl's sequence).
fn spread(number: u64, total: u64) -> u64 {
    let fraction = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let place = (u128::from(fraction) * u128::from(total)) >> 64;
    u64::try_from(place).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routing(traffic: &[(Version, u32)]) -> Routing {
        let traffic = traffic.iter().map(|&(v, w)| (Target::Version(v), w)).collect();
        Routing { traffic, ..Routing::default() }
    }

    fn counts(routes: &Routes, key: impl Fn(u32) -> Option<String>) -> BTreeMap<Version, u32> {
        let mut counts = BTreeMap::new();
        for number in 0..10_000 {
            let chosen = routes.choose(key(number).as_deref(), |_| true);
            *counts.entry(chosen.unwrap()).or_default() += 1;
        }
        counts
    }

    #[test]
    fn requests_without_a_key_keep_the_shares_to_the_request() {
        let counts = counts(&routing(&[(1, 90), (2, 10)]).routes(), |_| None);
        assert!(counts[&2].abs_diff(1000) <= 2, "{counts:?}");
    }

    #[test]
    fn keys_keep_the_shares_within_sampling_error() {
        let counts = counts(&routing(&[(1, 90), (2, 10)]).routes(), |n| Some(format!("user-{n}")));
        // Three standard deviations of a binomial count.
        assert!(counts[&2].abs_diff(1000) <= 90, "{counts:?}");
    }

    #[test]
    fn a_larger_share_takes_keys_and_gives_none_away() {
        let (before, after) = (routing(&[(1, 90), (2, 10)]), routing(&[(1, 50), (2, 50)]));
        let (before, after) = (before.routes(), after.routes());
        for number in 0..10_000 {
            let key = format!("user-{number}");
            let version = |routes: &Routes| routes.choose(Some(&key), |_| true).unwrap();
            assert!(version(&before) == 1 || version(&after) == 2, "{key} went back");
        }
    }

    #[test]
    fn the_share_of_a_version_that_does_not_serve_goes_to_the_others() {
        let routes = routing(&[(1, 90), (2, 10)]).routes();
        for key in [None, Some("a")] {
            assert_eq!(routes.choose(key, |version| version == 2), Some(2));
            assert_eq!(routes.choose(key, |_| false), None);
        }
        assert_eq!(Routing::default().routes().choose(None, |_| true), None);
    }

    #[test]
    fn contradictions_are_named() {
        let of = |json: &str| {
            let routing: Routing = serde_json::from_str(json).unwrap();
            routing.check().unwrap_err()
        };
        assert!(of(r#"{"traffic": {"canary": 5}}"#).contains("label 'canary' is unknown"));
        assert!(of(r#"{"traffic": {"1": 0}}"#).contains("all weights are 0"));
        assert!(of(r#"{"shadow": "blue"}"#).contains("shadow: label 'blue'"));
        assert!(of(r#"{"labels": {"7": 1}}"#).contains("'7' is no label"));
    }
}
