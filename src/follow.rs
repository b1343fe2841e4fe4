//! Files that are read again while the server runs.
//!
//! By what is in them: Kubernetes exchanges a link above them, copies keep old times, and a few
//! kilobytes cost nothing to read.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use crate::digest::Stream;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// What each of the files holds.
///
/// # Errors
/// One cannot be read; the text names it.
pub fn read(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, String> {
    let one = |file: &PathBuf| {
        std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
    };
    files.iter().map(one).collect()
}

/// Files, and what was last seen of them.
pub struct Followed<T> {
    /// Names them in the log.
    setting: &'static str,
    files: Vec<PathBuf>,
    /// What was taken, or told.
    settled: Seen,
    /// What the last look saw.
    last: Seen,
    take: T,
}

/// A digest of what all files hold, or why they cannot be read.
type Seen = Result<[u8; 32], String>;

impl<T> Followed<T>
where
    T: FnMut(&[Vec<u8>]) -> Result<(), String> + Send + 'static,
{
    /// `first` is what was taken from the files already; `take` gets what they hold later.
    pub fn new(setting: &'static str, files: Vec<PathBuf>, first: &[Vec<u8>], take: T) -> Self {
        let seen = Ok(digest(first));
        Self { setting, files, settled: Seen::clone(&seen), last: seen, take }
    }

    /// Looks again and again, as long as the runtime is there.
    pub fn start(mut self) {
        let setting = self.setting;
        tokio::spawn(async move {
            loop {
                sleep(EVERY).await;
                let looked = tokio::task::spawn_blocking(move || {
                    self.look();
                    self
                });
                match looked.await {
                    Ok(back) => self = back,
                    Err(error) if error.is_panic() => {
                        tracing::error!(setting, "files are not looked at any more");
                        break;
                    }
                    // The runtime is going down.
                    Err(_) => break,
                }
            }
        });
    }

    /// Takes what is new, when two looks have seen the same: a file that is being written has
    /// only a part of it. What cannot be taken is told once.
    fn look(&mut self) {
        let (now, contents) = match read(&self.files) {
            Ok(contents) => (Ok(digest(&contents)), contents),
            Err(reason) => (Err(reason), Vec::new()),
        };
        if now == self.settled || now != self.last {
            self.last = now;
            return;
        }
        let taken = now.clone().and_then(|_| (self.take)(&contents));
        self.settled = now;
        match taken {
            Ok(()) => tracing::info!(setting = self.setting, "changed files were taken over"),
            Err(reason) => tracing::error!(
                setting = self.setting,
                reason,
                "changed files are not taken over; what was there before stays"
            ),
        }
    }
}

fn digest(contents: &[Vec<u8>]) -> [u8; 32] {
    let mut stream = Stream::default();
    for content in contents {
        // So that bytes which move from one file to the next are a change.
        stream.update(&(content.len() as u64).to_le_bytes());
        stream.update(content);
    }
    stream.first()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn contents_that_changed_are_taken_once_whatever_the_time_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("f");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&taken);
        fs::write(&file, "first").unwrap();
        let first = read(std::slice::from_ref(&file)).unwrap();
        let mut followed = Followed::new("f", vec![file.clone()], &first, move |contents| {
            sink.lock().unwrap().push(String::from_utf8(contents[0].clone()).unwrap());
            if contents[0] == b"bad" { Err("bad".to_owned()) } else { Ok(()) }
        });
        let look = |followed: &mut Followed<_>, text: &str| {
            fs::write(&file, text).unwrap();
            followed.look();
            followed.look();
        };
        look(&mut followed, "first");
        look(&mut followed, "second");
        look(&mut followed, "second");
        look(&mut followed, "bad");
        look(&mut followed, "bad");
        fs::remove_file(&file).unwrap();
        followed.look();
        followed.look();
        followed.look();
        // Also what was there before it was bad and gone.
        look(&mut followed, "second");
        assert_eq!(*taken.lock().unwrap(), ["second", "bad", "second"]);
    }

    #[test]
    fn a_file_that_is_being_written_is_not_taken_before_it_rests() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("f");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&taken);
        fs::write(&file, "old").unwrap();
        let first = read(std::slice::from_ref(&file)).unwrap();
        let mut followed = Followed::new("f", vec![file.clone()], &first, move |contents| {
            sink.lock().unwrap().push(String::from_utf8(contents[0].clone()).unwrap());
            Ok(())
        });
        for part in ["", "n", "ne", "old", "new"] {
            fs::write(&file, part).unwrap();
            followed.look();
        }
        assert!(taken.lock().unwrap().is_empty());
        followed.look();
        assert_eq!(*taken.lock().unwrap(), ["new"]);
    }

    #[test]
    fn bytes_that_move_from_one_file_to_the_next_are_a_change() {
        let both = |one: &str, other: &str| digest(&[one.into(), other.into()]);
        assert_ne!(both("ab", "c"), both("a", "bc"));
        assert_eq!(both("ab", "c"), both("ab", "c"));
    }
}
