//! A directory of models that a test may change.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// A temporary model repository.
pub struct Repository {
    directory: TempDir,
}

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The models of this project.
pub fn models_that_ship() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

impl Repository {
    pub fn new() -> Self {
        Self { directory: TempDir::new().expect("there is room for a directory") }
    }

    /// Version 1 of each of these fixtures, under its own name.
    pub fn with(fixtures: &[&str]) -> Self {
        let repository = Self::new();
        for name in fixtures {
            repository.add(name, 1, name);
        }
        repository
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Puts a fixture in place as a version, whole and at once.
    pub fn add(&self, model: &str, version: usize, name: &str) {
        self.add_file(model, version, &fixture(&format!("{name}.onnx")));
    }

    /// The same with any model file.
    pub fn add_file(&self, model: &str, version: usize, file: &Path) {
        let incoming = self.path().join(format!(".{model}-{version}"));
        copy_old(file, &incoming.join("model.onnx"));
        fs::create_dir_all(self.path().join(model)).expect("the model gets a directory");
        fs::rename(incoming, self.version(model, version)).expect("the version is new");
    }

    /// Copies a fixture to a path within the repository.
    pub fn copy(&self, name: &str, to: &str) {
        copy_old(&fixture(name), &self.path().join(to));
    }

    /// Writes a file now, so that the server waits until it stands still. It is there at once: a
    /// reader would take one that is still empty for what is meant.
    pub fn write(&self, to: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(to);
        fs::create_dir_all(path.parent().expect("it is below the root")).expect("it is ours");
        // Where directories for tests are, so that it can be renamed.
        let whole = tempfile::NamedTempFile::new().expect("there is room for the file");
        fs::write(&whole, bytes).expect("there is room for the file");
        let all = fs::Permissions::from_mode(0o644);
        fs::set_permissions(&whole, all).expect("it is ours");
        whole.persist(path).expect("it is the same file system");
    }

    pub fn remove(&self, what: &str) {
        fs::remove_dir_all(self.path().join(what)).expect("it was there");
    }

    pub fn version(&self, model: &str, version: usize) -> PathBuf {
        self.path().join(model).join(version.to_string())
    }
}

/// A copy with a time in the past, as `rsync` and `cp -p` make them: the server need not
/// wait to see whether it still grows.
fn copy_old(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("it is a file")).expect("the directory is ours");
    fs::copy(from, to).expect("the fixture is there");
    let file = File::options().write(true).open(to).expect("the copy is ours");
    file.set_modified(SystemTime::now() - Duration::from_mins(1)).expect("the copy is ours");
}
