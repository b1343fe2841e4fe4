//! Files of this machine, by the same rules as those behind a network.

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::read::{ReadAt, check_range};
use super::{Error, Found, Place};

pub(super) struct File {
    open: fs::File,
    place: Place,
    bytes: u64,
    identity: String,
}

fn identity(metadata: &Metadata) -> String {
    let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
    format!("{seconds}.{nanos:09} {} {}", metadata.ino(), metadata.len())
}

/// The file at a path; `None` if there is nothing.
pub(super) fn look(path: &Path) -> io::Result<Option<Found>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if metadata.is_dir() {
        return Err(io::Error::other("it is a directory, '/' at its end means the files below"));
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Some(found(path, name, &metadata)))
}

pub(super) fn found(path: &Path, relative: String, metadata: &Metadata) -> Found {
    let place = Place::Local(path.to_owned());
    Found { place, bytes: metadata.len(), identity: identity(metadata), relative, meta: None }
}

impl File {
    pub(super) fn open(path: &Path, found: &Found) -> Result<Self, Error> {
        let failed = |error| Error::read(&found.place, error);
        let file = fs::File::open(path).map_err(failed)?;
        let file = Self {
            open: file,
            place: found.place.clone(),
            bytes: found.bytes,
            identity: found.identity.clone(),
        };
        file.check().map_err(failed)?;
        Ok(file)
    }

    fn check(&self) -> io::Result<()> {
        if identity(&self.open.metadata()?) == self.identity {
            return Ok(());
        }
        Err(io::Error::other("it changed while it was read"))
    }
}

impl ReadAt for File {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        check_range(&self.place, self.bytes, offset, buffer)?;
        let read = self.open.read_exact_at(buffer, offset);
        // A file that was cut short changed, too, and that says more.
        let result = self.check().and(read);
        result.map_err(|error| io::Error::new(error.kind(), Error::read(&self.place, error)))
    }
}

/// Gives a file that is on the disk its final name, on this device or another. The name is on the
/// disk once the directory is synced that is returned.
pub(super) fn publish(local: &Path, to: &Path) -> io::Result<PathBuf> {
    let directory = directory_of(to);
    match rename(local, to, directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(directory)?;
            rename(local, to, directory)?;
        }
        other => other?,
    }
    Ok(directory.to_owned())
}

/// Where a file lies.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a small file: whatever happens, the old one or the new one is there, on the disk as
/// well.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_as(path, bytes, |_| Ok(()))
}

/// The same by a file that is changed before it gets its name. It is readable to its owner alone.
pub(crate) fn replace_as(
    path: &Path,
    bytes: &[u8],
    change: impl FnOnce(&fs::File) -> io::Result<()>,
) -> io::Result<()> {
    let directory = directory_of(path);
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    change(file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync(directory)
}

/// Makes a directory and those above it, whose names are on the disk then.
fn create(directory: &Path) -> io::Result<()> {
    let above = directory.ancestors().skip(1);
    let there = above.clone().take_while(|above| !above.exists()).count();
    fs::create_dir_all(directory)?;
    above.take(there + 1).try_for_each(|above| {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        sync(above)
    })
}

fn rename(local: &Path, to: &Path, directory: &Path) -> io::Result<()> {
    match fs::rename(local, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy(local, to, directory)?;
            fs::remove_file(local)
        }
        other => other,
    }
}

/// What was done to a file, or to the names in a directory, is on the disk.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Through a hidden file beside the target, which goes if anything fails.
fn copy(local: &Path, to: &Path, directory: &Path) -> io::Result<()> {
    let mut source = fs::File::open(local)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let prefix: String = name.chars().take(40).collect();
    let mut copy =
        tempfile::Builder::new().prefix(&format!(".{prefix}.")).tempfile_in(directory)?;
    io::copy(&mut source, &mut copy)?;
    copy.as_file().set_permissions(source.metadata()?.permissions())?;
    copy.as_file().sync_all()?;
    copy.persist(to).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Stores;

    fn file(content: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.csv");
        fs::write(&path, content).unwrap();
        (directory, path)
    }

    #[test]
    fn any_range_of_a_file_can_be_read_and_none_behind_its_end() {
        let (_directory, path) = file("0123456789");
        let file = Stores::new().open(&look(&path).unwrap().unwrap()).unwrap();
        let mut buffer = [0; 4];
        file.read_at(6, &mut buffer).unwrap();
        assert_eq!(&buffer, b"6789");
        let error = file.read_at(7, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let text = error.to_string();
        assert!(text.contains("x.csv: 4 bytes at 7 are wanted, it has 10"), "{text}");
        assert!(file.read_at(u64::MAX, &mut buffer).is_err());
        for (offset, rest) in [(0, "0123456789"), (7, "789"), (10, ""), (11, "")] {
            let found = look(&path).unwrap().unwrap();
            let reader = Stores::new().sequential(&found, offset).unwrap();
            assert_eq!(io::read_to_string(reader).unwrap(), rest);
        }
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error() {
        let (_directory, path) = file("0123456789");
        let found = look(&path).unwrap().unwrap();
        let file = Stores::new().open(&found).unwrap();
        fs::write(&path, "0123").unwrap();
        let error = file.read_at(0, &mut [0; 10]).unwrap_err().to_string();
        assert!(error.ends_with("it changed while it was read"), "{error}");
        let error = Stores::new().open(&found).err().unwrap().to_string();
        assert!(error.ends_with("it changed while it was read"), "{error}");
    }

    #[test]
    fn publishing_replaces_what_is_there_and_makes_directories() {
        let (directory, path) = file("new");
        let to = directory.path().join("a/b/out.csv");
        publish(&path, &to).unwrap();
        assert!(!path.exists());
        fs::write(&path, "newer").unwrap();
        publish(&path, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "newer");
    }

    #[test]
    fn a_copy_to_another_device_leaves_nothing_but_the_file() {
        let (directory, path) = file("content");
        let target = directory.path().join("t");
        fs::create_dir(&target).unwrap();
        copy(&path, &target.join("out.csv"), &target).unwrap();
        assert_eq!(fs::read_to_string(target.join("out.csv")).unwrap(), "content");
        // What stands in the way is a directory that is not empty.
        fs::create_dir_all(target.join("dir/x")).unwrap();
        assert!(copy(&path, &target.join("dir"), &target).is_err());
        let names = fs::read_dir(&target).unwrap().count();
        assert_eq!(names, 2);
    }
}
