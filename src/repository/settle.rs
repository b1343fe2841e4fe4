//! Keeps versions out of the listing until their files stand still.
//!
//! Someone who copies a model into the directory does not tell us when he is done; size,
//! time and inode that no longer change do. A directory that was renamed into place whole
//! looks the same on two looks in a row and passes at once when its files are old.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use super::{Fingerprint, Listing, Version};

#[derive(Debug)]
pub(super) struct Settling {
    settle: Duration,
    seen: HashMap<(String, Version), Seen>,
}

#[derive(Debug)]
struct Seen {
    fingerprint: Fingerprint,
    since: Instant,
    settled: bool,
}

impl Settling {
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, seen: HashMap::new() }
    }

    /// Takes versions that may still be changing out of a fresh listing.
    pub(super) fn settled(&mut self, listing: Listing) -> Listing {
        self.settled_at(listing, Instant::now(), SystemTime::now())
    }

    fn settled_at(&mut self, mut listing: Listing, now: Instant, wall: SystemTime) -> Listing {
        let mut still_there = HashMap::new();
        for (name, model) in &mut listing.models {
            model.versions.retain(|version, files| {
                let key = (name.clone(), *version);
                let mut seen = match self.seen.remove(&key) {
                    Some(seen) if seen.fingerprint == files.fingerprint => seen,
                    _ => Seen {
                        fingerprint: files.fingerprint.clone(),
                        since: now,
                        settled: files.fingerprint.is_older_than(self.settle, wall),
                    },
                };
                seen.settled |= now.duration_since(seen.since) >= self.settle;
                let settled = seen.settled;
                still_there.insert(key, seen);
                if !settled {
                    model.changing.insert(*version);
                }
                settled
            });
            listing.unsettled |= !model.changing.is_empty();
        }
        self.seen = still_there;
        listing
    }
}

impl Fingerprint {
    /// No file was touched for at least `age`. Times in the future prove nothing.
    fn is_older_than(&self, age: Duration, wall: SystemTime) -> bool {
        self.files.iter().all(|file| {
            let last = file.modified.map(|modified| modified.max(file.touched));
            last.and_then(|last| wall.duration_since(last).ok()).is_some_and(|since| since >= age)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::repository::{FileState, Model, VersionFiles};

    const SETTLE: Duration = Duration::from_secs(1);

    fn listing(bytes: u64, modified: SystemTime) -> Listing {
        listing_touched(bytes, modified, modified)
    }

    fn listing_touched(bytes: u64, modified: SystemTime, touched: SystemTime) -> Listing {
        let state = FileState {
            name: PathBuf::from("m"),
            bytes,
            modified: Some(modified),
            inode: 1,
            touched,
        };
        let files = VersionFiles {
            model_file: PathBuf::from("m"),
            fingerprint: Fingerprint { files: vec![state], overlay: 0 },
            ..VersionFiles::default()
        };
        let model = Model { versions: BTreeMap::from([(1, files)]), ..Model::default() };
        Listing { models: BTreeMap::from([("m".to_owned(), model)]), ..Listing::default() }
    }

    fn versions(listing: &Listing) -> usize {
        listing.models["m"].versions.len()
    }

    #[test]
    fn a_growing_file_is_listed_only_after_it_stood_still() {
        let mut settling = Settling::new(SETTLE);
        let (start, wall) = (Instant::now(), SystemTime::now());
        for step in 0u32..5 {
            let now = start + SETTLE * step;
            let growing = settling.settled_at(listing(step.into(), wall), now, wall);
            assert_eq!((versions(&growing), growing.unsettled), (0, true));
        }
        let now = start + SETTLE * 5;
        let done = settling.settled_at(listing(4, wall), now, wall);
        assert_eq!((versions(&done), done.unsettled), (1, false));
    }

    #[test]
    fn a_copy_that_kept_its_times_is_as_new_as_it_is() {
        let mut settling = Settling::new(SETTLE);
        let wall = SystemTime::now();
        let copied = listing_touched(1, wall - SETTLE * 1000, wall);
        assert_eq!(versions(&settling.settled_at(copied, Instant::now(), wall)), 0);
    }

    #[test]
    fn old_files_are_listed_at_the_first_look() {
        let mut settling = Settling::new(SETTLE);
        let wall = SystemTime::now();
        let old = settling.settled_at(listing(1, wall - SETTLE), Instant::now(), wall);
        assert_eq!(versions(&old), 1);
    }
}
