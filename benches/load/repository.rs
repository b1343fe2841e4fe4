//! A model repository in a directory of its own, removed at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::convolutions;
use crate::network;
use crate::process::project;

/// Names and contents of a version's files.
pub type Files = Vec<(&'static str, Vec<u8>)>;

pub struct Repository {
    pub root: PathBuf,
}

impl Repository {
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("onnxd-load-{}-{made}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).expect("the temporary directory is writable");
        Self { root }
    }

    pub fn write_settings(&self, model: &str, text: &str) {
        fs::create_dir_all(self.root.join(model)).expect("writable");
        fs::write(self.root.join(model).join("model.toml"), text).expect("writable");
    }

    /// A version that is there from the start.
    pub fn add(&self, model: &str, version: u64, files: &Files) {
        self.prepare(model, version, files);
        self.publish(model, version);
    }

    /// Writes the files where the server does not look.
    pub fn prepare(&self, model: &str, version: u64, files: &Files) {
        let parts = self.parts(model, version);
        fs::create_dir_all(&parts).expect("writable");
        for (name, bytes) in files {
            fs::write(parts.join(name), bytes).expect("writable");
        }
    }

    /// Renamed into place whole, as a careful deployment does.
    pub fn publish(&self, model: &str, version: u64) {
        fs::rename(self.parts(model, version), self.version(model, version)).expect("writable");
    }

    pub fn remove(&self, model: &str, version: u64) {
        fs::remove_dir_all(self.version(model, version)).expect("it is there");
    }

    pub fn version(&self, model: &str, version: u64) -> PathBuf {
        self.root.join(model).join(version.to_string())
    }

    fn parts(&self, model: &str, version: u64) -> PathBuf {
        self.root.join(model).join(format!(".{version}.part"))
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Files of a version of the 34 MB network.
pub fn network(version: u64) -> Files {
    vec![("model.onnx", network::file(version))]
}

/// Files of a version of the 10 ms network.
pub fn convolutions(version: u64) -> Files {
    vec![("model.onnx", convolutions::file(version))]
}

/// A logistic regression in odd versions, boosted trees in even ones.
pub fn flight_delay(version: u64) -> Files {
    let directory = project("models/flight-delay").join(((version - 1) % 2 + 1).to_string());
    shipped(&directory, &["model.onnx", "golden.json"])
}

pub fn digits() -> Files {
    shipped(&project("models/digits/1"), &["model.onnx"])
}

fn shipped(directory: &Path, names: &[&'static str]) -> Files {
    let read = |&name| (name, fs::read(directory.join(name)).expect("it ships"));
    names.iter().map(read).collect()
}
