//! The keys that are known, by their digests.

use std::sync::Arc;

use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::Roles;
use super::bucket::{Bucket, Rate};

/// A key, without the key.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Arc<str>,
    /// SHA-256 of the key.
    pub(super) digest: [u8; 32],
    pub(super) roles: Roles,
    pub(super) rate: Option<Rate>,
    pub(super) bucket: Option<Arc<Bucket>>,
}

#[derive(Debug)]
pub(super) struct List(pub(super) Vec<Entry>);

impl List {
    /// The entry of this digest. How long it takes says nothing of how alike digests are, nor
    /// of which entry it was.
    pub(super) fn find(&self, digest: &[u8; 32]) -> Option<&Entry> {
        const NONE: u32 = u32::MAX;
        let mut place = NONE;
        for (index, entry) in (0u32..).zip(&self.0) {
            place.conditional_assign(&index, entry.digest.ct_eq(digest));
        }
        self.0.get(usize::try_from(place).ok().filter(|_| place != NONE)?)
    }

    /// A key whose rate stays has used up what it has used up.
    pub(super) fn keep_buckets_of(&mut self, before: &Self) {
        for entry in &mut self.0 {
            let same = |old: &&Entry| old.name == entry.name && old.rate == entry.rate;
            if let Some(old) = before.0.iter().find(same) {
                entry.bucket.clone_from(&old.bucket);
            }
        }
    }
}
