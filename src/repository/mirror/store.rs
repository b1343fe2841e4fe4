//! What an object store holds of models, and the bytes of one object.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;

use crate::repository::source::Remote;
use crate::repository::sums::{self, Sums};
pub(super) use crate::store::client::{Body, Key};
use crate::store::client::{Client, Meta, Settings};
pub(super) use crate::store::refusal::Refusal;

/// Objects that one source may hold; more are no model repository.
const MAX_OBJECTS: usize = 100_000;

/// A listing of that many objects stays below this.
const MAX_SUMS_BYTES: u64 = 64 << 20;

const LIST_TIMEOUT: Duration = Duration::from_mins(2);

pub(super) struct Store {
    client: Client,
    remote: Remote,
}

/// One object of the source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    /// Relative to the source.
    pub(super) path: String,
    pub(super) key: Key,
    /// Not known of what a `SHA256SUMS` lists.
    pub(super) bytes: Option<u64>,
    /// Differs if the content does.
    pub(super) identity: String,
    /// For conditions of requests. Weak ones are left out: they allow for other bytes.
    pub(super) etag: Option<String>,
    /// What the source says of its content.
    pub(super) sha256: Option<String>,
}

impl Store {
    /// # Errors
    /// The reason, if the settings in the environment cannot work.
    pub(super) fn open(remote: &Remote) -> Result<Self, String> {
        let client = Client::open(remote, &Settings::default())?;
        Ok(Self { client, remote: remote.clone() })
    }

    /// A store of the tests in place of one behind a network.
    #[cfg(test)]
    pub(super) fn of(client: Client, remote: &Remote) -> Self {
        Self { client, remote: remote.clone() }
    }

    /// Everything at the source.
    ///
    /// # Errors
    /// The reason, fit for callers.
    pub(super) async fn list(&self) -> Result<Vec<Object>, String> {
        let listing = async {
            if self.remote.is_one_file() {
                self.one_file().await
            } else if self.remote.scheme.is_web() {
                self.listed().await
            } else {
                self.objects().await
            }
        };
        match tokio::time::timeout(LIST_TIMEOUT, listing).await {
            Ok(result) => result,
            Err(_) => Err(format!("no listing within {} s", LIST_TIMEOUT.as_secs())),
        }
    }

    async fn objects(&self) -> Result<Vec<Object>, String> {
        let prefix = self.key("")?;
        let mut stream = self.client.list(&prefix, None);
        let mut found = Vec::new();
        while let Some(meta) = stream.next().await {
            let meta = meta.map_err(|refusal| refusal.text())?;
            let parts: Option<Vec<String>> = meta
                .key
                .prefix_match(&prefix)
                .map(|parts| parts.map(|part| part.as_ref().to_owned()).collect());
            let path = parts.unwrap_or_default().join("/");
            if is_usable(&path) {
                found.push(object(path, meta));
            }
            if found.len() > MAX_OBJECTS {
                return Err(format!("more than {MAX_OBJECTS} objects are no model repository"));
            }
        }
        // Some tools make objects that stand for directories.
        let directories: std::collections::BTreeSet<String> = found
            .iter()
            .flat_map(|object| {
                object.path.match_indices('/').map(|(at, _)| object.path[..at].to_owned())
            })
            .collect();
        found.retain(|object| !directories.contains(&object.path));
        Ok(found)
    }

    /// The file, and its signature if it has one.
    async fn one_file(&self) -> Result<Vec<Object>, String> {
        let key = self.key("")?;
        let name = key.filename().unwrap_or("model.onnx").to_owned();
        let meta = self.client.head(&key).await.map_err(|refusal| refusal.text())?;
        let signature = Key::from(format!("{key}.minisig"));
        let mut found = vec![object(name.clone(), meta)];
        // Servers say in several ways that something is not there.
        if let Ok(meta) = self.client.head(&signature).await {
            found.push(object(format!("{name}.minisig"), meta));
        }
        Ok(found)
    }

    /// What the file `SHA256SUMS` at the root of a web server lists.
    async fn listed(&self) -> Result<Vec<Object>, String> {
        let about = |reason: String| format!("{}: {reason}", sums::FILE);
        let key = self.key(sums::FILE)?;
        let refused = |refusal: Refusal| about(refusal.text());
        let mut answer = self.client.get(&key, None, 0..u64::MAX).await.map_err(refused)?;
        if answer.meta.bytes > MAX_SUMS_BYTES {
            return Err(about("too large".to_owned()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunks.next().await {
            bytes.extend_from_slice(&chunk.map_err(refused)?);
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| about("this is no text".to_owned()))?;
        let entries: BTreeMap<String, String> = Sums::parse(text)?.into_entries();
        let mut found = Vec::with_capacity(entries.len());
        for (path, sha256) in entries.into_iter().filter(|(path, _)| is_usable(path)) {
            let key = self.key(&path)?;
            let identity = sha256.clone();
            found.push(Object {
                path,
                key,
                bytes: None,
                identity,
                etag: None,
                sha256: Some(sha256),
            });
        }
        Ok(found)
    }

    fn key(&self, below: &str) -> Result<Key, String> {
        let slash = if self.remote.prefix.is_empty() || below.is_empty() { "" } else { "/" };
        Key::parse(format!("{}{slash}{below}", self.remote.prefix))
            .map_err(|_| "a path with forbidden characters".to_owned())
    }

    /// The bytes of an object from an offset on.
    ///
    /// # Errors
    /// [`Refusal`]; also those of the chunks.
    pub(super) async fn get(&self, object: &Object, from: u64) -> Result<Body, Refusal> {
        self.client.get(&object.key, object.etag.as_deref(), from..u64::MAX).await
    }
}

fn object(path: String, meta: Meta) -> Object {
    Object {
        path,
        key: meta.key,
        bytes: Some(meta.bytes),
        identity: meta.identity,
        etag: meta.etag,
        sha256: None,
    }
}

/// Paths that can be files of a model: no hidden ones, none that lead elsewhere.
fn is_usable(path: &str) -> bool {
    const MAX_PATH: usize = 1024;
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.len() < 256;
    path.len() <= MAX_PATH && !path.contains('\0') && path.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_and_paths_that_lead_elsewhere_are_left_out() {
        assert!(is_usable("digits/1/model.onnx") && is_usable("x.onnx"));
        for path in ["", ".git/config", "a/../b", "a//b", "a/.partial"] {
            assert!(!is_usable(path), "{path}");
        }
    }
}
