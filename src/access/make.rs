//! New keys, and how they come into the file.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{FlockOperation, Gid, Mode, Uid};

use super::bucket::Rate;
use super::file;
use super::role::Roles;
use crate::digest;
use crate::store::{directory_of, replace_as};

/// By which people and scanners for secrets know a key.
pub(super) const PREFIX: &str = "onnxd_";

/// Random bytes of a key. So many cannot be guessed, and a plain digest of them cannot be turned
/// around: what makes passwords need slow digests is that there are so few of them.
const BYTES: usize = 32;

/// A key that shall be.
#[derive(Debug, Clone)]
pub struct New {
    pub name: String,
    pub roles: Roles,
    pub requests_per_second: Option<f64>,
}

/// A key that was made.
pub struct Written {
    /// Nobody can say it again.
    pub key: String,
    /// What a file of keys says of it.
    pub entry: String,
}

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    #[error("{0}")]
    Wrong(String),
    #[error("the system gives no random bytes")]
    Random,
    #[error("{0}")]
    File(String),
}

impl New {
    /// Makes the key.
    ///
    /// # Errors
    /// Its name or rate is none, or the system gives no random bytes.
    pub fn make(&self) -> Result<Written, NewError> {
        if !file::is_name(&self.name) {
            return Err(NewError::Wrong(format!("'{}' is no name, {}", self.name, file::NAMES)));
        }
        if self.requests_per_second.is_some_and(|rate| !(Rate::LEAST..=Rate::MOST).contains(&rate))
        {
            let expected = "expected a number from 0.001 to 1000000";
            return Err(NewError::Wrong(format!("--requests-per-second is none, {expected}")));
        }
        let mut bytes = [0; BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| NewError::Random)?;
        let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let (name, digest, roles) = (&self.name, digest::sha256(&key), self.roles);
        let mut entry =
            format!("[[key]]\nname = \"{name}\"\nsha256 = \"{digest}\"\nroles = {roles}\n");
        if let Some(rate) = self.requests_per_second {
            // With a point, if it has none: both are numbers of TOML.
            // Writing into a string cannot fail.
            let _ = writeln!(entry, "requests_per_second = {rate:?}");
        }
        Ok(Written { key, entry })
    }

    /// Makes the key and adds it to a file, which becomes the new one at once and as a whole.
    ///
    /// # Errors
    /// As [`New::make`]; the file cannot be read or written, has mistakes, or has a key of
    /// this name.
    pub fn add_to(&self, file: &Path) -> Result<Written, NewError> {
        let written = self.make()?;
        let named = |error: io::Error| NewError::File(format!("{}: {error}", file.display()));
        // A link leads to the file that is meant.
        let target = match fs::canonicalize(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => file.to_owned(),
            other => other.map_err(named)?,
        };
        // Two that add at the same time would lose one of both.
        let lock = File::open(directory_of(&target)).map_err(named)?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| named(error.into()))?;
        let before = match fs::read_to_string(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => Some(other.map_err(named)?),
        };
        let text = match &before {
            Some(before) if !before.trim().is_empty() => {
                format!("{}\n\n{}", before.trim_end(), written.entry)
            }
            Some(_) | None => written.entry.clone(),
        };
        // Holds also that no other key has this name.
        file::read(&file.display().to_string(), text.as_bytes())
            .map_err(|mistakes| NewError::File(mistakes.join("\n")))?;
        replace_as(&target, text.as_bytes(), |file| keep_owner(&target, file)).map_err(named)?;
        Ok(written)
    }
}

/// The file that takes the place of another one is of the same owner and group, and as open: the
/// server may be somebody else, and must be able to read it.
fn keep_owner(target: &Path, file: &File) -> io::Result<()> {
    let before = match fs::metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let now = file.metadata()?;
    if (before.uid(), before.gid()) != (now.uid(), now.gid()) {
        let (owner, group) = (Uid::from_raw(before.uid()), Gid::from_raw(before.gid()));
        rustix::fs::fchown(file, Some(owner), Some(group)).map_err(|error| {
            let reason = format!("it cannot stay with its owner {}: {error}", before.uid());
            io::Error::new(io::Error::from(error).kind(), reason)
        })?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(before.mode() & 0o777))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::access::Role;

    fn new(name: &str) -> New {
        let roles = Roles::default().with(Role::Predict);
        New { name: name.to_owned(), roles, requests_per_second: Some(5.0) }
    }

    #[test]
    fn a_key_has_256_random_bits_and_its_entry_does_not_hold_it() {
        let made = new("a").make().unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(made.key.strip_prefix(PREFIX).unwrap()).unwrap();
        assert_eq!(bytes.len(), 32);
        assert!(!made.entry.contains(&made.key[PREFIX.len()..]));
        let list = file::read("f", made.entry.as_bytes()).unwrap();
        assert!(list.find(&digest::first(&made.key)).is_some());
        assert_ne!(new("a").make().unwrap().key, made.key);
    }

    #[test]
    fn a_file_keeps_what_it_holds_and_is_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.toml");
        new("a").add_to(&path).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("# Ours.\n{before}")).unwrap();
        new("b").add_to(&path).unwrap();
        let after = fs::read_to_string(&path).unwrap();
        assert!(after.starts_with(&format!("# Ours.\n{before}")), "{after}");
        assert_eq!(file::read("f", after.as_bytes()).unwrap().0.len(), 2);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let refused = new("a").add_to(&path).map(|_| ()).unwrap_err().to_string();
        assert!(refused.ends_with("key 3 (a): has a name that another one has"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_stays_as_open_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.toml");
        new("a").add_to(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        new("b").add_to(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn keys_that_are_added_at_the_same_time_are_all_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.toml");
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d", "e", "f"] {
                let path = &path;
                scope.spawn(move || new(name).add_to(path).unwrap());
            }
        });
        let text = fs::read(&path).unwrap();
        assert_eq!(file::read("f", &text).unwrap().0.len(), 6);
    }

    #[test]
    fn a_link_goes_on_leading_to_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real"), directory.path().join("link"));
        new("a").add_to(&real).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        new("b").add_to(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(file::read("f", &fs::read(&real).unwrap()).unwrap().0.len(), 2);
    }

    #[test]
    fn names_and_rates_that_are_none_are_refused() {
        assert!(new("a b").make().is_err());
        assert!(new("").make().is_err());
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(New { requests_per_second: Some(rate), ..new("a") }.make().is_err());
        }
    }
}
