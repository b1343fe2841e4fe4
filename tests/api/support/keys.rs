//! A file of keys that the command makes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::onnxd;

/// Keys by name, and their file.
pub struct Keys {
    directory: TempDir,
    keys: BTreeMap<String, String>,
}

impl Keys {
    /// One key for each of these roles, called as the role is.
    pub fn of_roles(roles: &[&str]) -> Self {
        let directory = TempDir::new().expect("there is room for a directory");
        let mut keys = Self { directory, keys: BTreeMap::new() };
        for role in roles {
            keys.add(role, role, &[]);
        }
        keys
    }

    pub fn add(&mut self, name: &str, roles: &str, arguments: &[&str]) -> String {
        let file = self.file();
        let made = onnxd(&[&["key", name, "--roles", roles, "--file", &file], arguments].concat());
        assert_eq!((made.code, made.stderr.as_str()), (0, ""));
        let key = made.stdout.trim_end().to_owned();
        self.keys.insert(name.to_owned(), key.clone());
        key
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("keys.toml")
    }

    pub fn file(&self) -> String {
        self.path().display().to_string()
    }

    pub fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("the file is there")
    }

    /// Puts a text in place of the file.
    pub fn write(&self, text: &str) {
        // At once and as a whole, as the command does it.
        let new = self.directory.path().join("new");
        fs::write(&new, text).expect("the directory is ours");
        fs::rename(new, self.path()).expect("the file is ours");
    }

    pub fn get(&self, name: &str) -> &str {
        &self.keys[name]
    }

    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.keys.values().map(String::as_str)
    }
}
