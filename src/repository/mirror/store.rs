//! What an object store holds, and the bytes of one object. Only this file knows the crate
//! that speaks to stores.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{
    ClientConfigKey, ClientOptions, Error, GetOptions, GetRange, ObjectMeta, ObjectStore,
    ObjectStoreExt, RetryConfig,
};

use crate::repository::source::{Remote, Scheme};
use crate::repository::sums::{self, Sums};

/// Objects that one source may hold; more are no model repository.
const MAX_OBJECTS: usize = 100_000;

/// A listing of that many objects stays below this.
const MAX_SUMS_BYTES: u64 = 64 << 20;

const CONNECT_TIMEOUT: &str = "5s";
/// Between two pieces of an answer.
const READ_TIMEOUT: &str = "15s";
/// Large models take long; what is too slow is found by its rate.
const WHOLE_TIMEOUT: &str = "86400s";
const LIST_TIMEOUT: Duration = Duration::from_mins(2);

#[derive(Debug)]
pub(super) struct Store {
    store: Box<dyn ObjectStore>,
    remote: Remote,
}

/// One object of the source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    /// Relative to the source.
    pub(super) path: String,
    pub(super) key: Path,
    /// Not known of what a `SHA256SUMS` lists.
    pub(super) bytes: Option<u64>,
    /// Differs if the content does.
    pub(super) identity: String,
    /// For conditions of requests. Weak ones are left out: they allow for other bytes.
    pub(super) etag: Option<String>,
    /// What the source says of its content.
    pub(super) sha256: Option<String>,
}

/// The bytes of an object from some offset on.
pub(super) struct Body {
    /// Of the whole object.
    pub(super) bytes: u64,
    pub(super) chunks: BoxStream<'static, Result<Bytes, Refusal>>,
}

/// Why a request failed, fit for callers: no URL, no path, nothing of what a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not what the listing said.
    Changed,
    /// The server does not continue where a transfer ended.
    NoRanges,
    Missing,
    Other(String),
}

impl Refusal {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Changed => "it changed while it was downloaded".to_owned(),
            Self::NoRanges => "the server cannot continue a transfer".to_owned(),
            Self::Missing => "not found".to_owned(),
            Self::Other(text) => text.clone(),
        }
    }
}

impl Store {
    /// # Errors
    /// The reason, if the settings in the environment cannot work.
    pub(super) fn open(remote: &Remote) -> Result<Self, String> {
        // The second of two sources finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Whoever resumes a transfer must know what he has, so retries are not left to the crate.
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let client = [
            (ClientConfigKey::ConnectTimeout, CONNECT_TIMEOUT),
            (ClientConfigKey::ReadTimeout, READ_TIMEOUT),
            (ClientConfigKey::Timeout, WHOLE_TIMEOUT),
        ];
        let bucket = remote.bucket.as_str();
        let store: Result<Box<dyn ObjectStore>, Error> = match remote.scheme {
            Scheme::S3 => {
                let builder =
                    AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
                let set = |builder: AmazonS3Builder, (key, value): (ClientConfigKey, &str)| {
                    builder.with_config(AmazonS3ConfigKey::Client(key), value)
                };
                client.into_iter().fold(builder, set).build().map(|store| Box::new(store) as _)
            }
            Scheme::Google => {
                let builder = GoogleCloudStorageBuilder::from_env()
                    .with_bucket_name(bucket)
                    .with_retry(retry);
                let set = |builder: GoogleCloudStorageBuilder,
                           (key, value): (ClientConfigKey, &str)| {
                    builder.with_config(GoogleConfigKey::Client(key), value)
                };
                client.into_iter().fold(builder, set).build().map(|store| Box::new(store) as _)
            }
            Scheme::Azure => {
                let builder =
                    MicrosoftAzureBuilder::from_env().with_container_name(bucket).with_retry(retry);
                let set = |builder: MicrosoftAzureBuilder,
                           (key, value): (ClientConfigKey, &str)| {
                    builder.with_config(AzureConfigKey::Client(key), value)
                };
                client.into_iter().fold(builder, set).build().map(|store| Box::new(store) as _)
            }
            Scheme::Http | Scheme::Https => {
                let options = ClientOptions::new().with_allow_http(true);
                let options = client.into_iter().fold(options, |o, (k, v)| o.with_config(k, v));
                let url = format!("{}://{bucket}", remote.scheme.as_str());
                let builder = HttpBuilder::new().with_url(url).with_client_options(options);
                builder.with_retry(retry).build().map(|store| Box::new(store) as _)
            }
        };
        let store = store.map_err(|error| match refusal(&error) {
            // The settings' names are in this text, their values are not.
            Refusal::Other(_) => innermost(&error),
            other => other.text(),
        })?;
        Ok(Self { store, remote: remote.clone() })
    }

    /// A store of the tests in place of one behind a network.
    #[cfg(test)]
    pub(super) fn of(store: Box<dyn ObjectStore>, remote: &Remote) -> Self {
        Self { store, remote: remote.clone() }
    }

    /// Everything at the source.
    ///
    /// # Errors
    /// The reason, fit for callers.
    pub(super) async fn list(&self) -> Result<Vec<Object>, String> {
        let listing = async {
            match self.remote.scheme {
                Scheme::Http | Scheme::Https if !self.remote.is_one_file() => self.listed().await,
                _ if self.remote.is_one_file() => self.one_file().await,
                _ => self.objects().await,
            }
        };
        match tokio::time::timeout(LIST_TIMEOUT, listing).await {
            Ok(result) => result,
            Err(_) => Err(format!("no listing within {} s", LIST_TIMEOUT.as_secs())),
        }
    }

    async fn objects(&self) -> Result<Vec<Object>, String> {
        let prefix = self.key("")?;
        let mut stream = self.store.list(Some(&prefix).filter(|_| !self.remote.prefix.is_empty()));
        let mut found = Vec::new();
        while let Some(meta) = stream.next().await {
            let meta = meta.map_err(|error| refusal(&error).text())?;
            let parts: Option<Vec<String>> = meta
                .location
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
        let meta = self.store.head(&key).await.map_err(|error| refusal(&error).text())?;
        let signature = Path::from(format!("{key}.minisig"));
        let mut found = vec![object(name.clone(), meta)];
        // Servers say in several ways that something is not there.
        if let Ok(meta) = self.store.head(&signature).await {
            found.push(object(format!("{name}.minisig"), meta));
        }
        Ok(found)
    }

    /// What the file `SHA256SUMS` at the root of a web server lists.
    async fn listed(&self) -> Result<Vec<Object>, String> {
        let about = |reason: String| format!("{}: {reason}", sums::FILE);
        let key = self.key(sums::FILE)?;
        let answer = self.store.get(&key).await.map_err(|e| about(refusal(&e).text()))?;
        if answer.meta.size > MAX_SUMS_BYTES {
            return Err(about("too large".to_owned()));
        }
        let bytes = answer.bytes().await.map_err(|error| about(refusal(&error).text()))?;
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

    fn key(&self, below: &str) -> Result<Path, String> {
        let slash = if self.remote.prefix.is_empty() || below.is_empty() { "" } else { "/" };
        Path::parse(format!("{}{slash}{below}", self.remote.prefix))
            .map_err(|_| "a path with forbidden characters".to_owned())
    }

    /// The bytes of an object from an offset on.
    ///
    /// # Errors
    /// [`Refusal`]; also those of the chunks.
    pub(super) async fn get(&self, object: &Object, from: u64) -> Result<Body, Refusal> {
        let options = GetOptions {
            if_match: object.etag.clone(),
            range: (from > 0).then_some(GetRange::Offset(from)),
            ..GetOptions::default()
        };
        let answer = self.store.get_opts(&object.key, options).await.map_err(|e| refusal(&e))?;
        let bytes = answer.meta.size;
        let chunks = answer.into_stream().map(|chunk| chunk.map_err(|e| refusal(&e))).boxed();
        Ok(Body { bytes, chunks })
    }
}

fn object(path: String, meta: ObjectMeta) -> Object {
    let etag = meta.e_tag.filter(|etag| !etag.starts_with("W/"));
    let said = etag.clone().unwrap_or_else(|| meta.last_modified.to_rfc3339());
    let identity = format!("{said} {}", meta.size);
    Object { path, key: meta.location, bytes: Some(meta.size), identity, etag, sha256: None }
}

/// Paths that can be files of a model: no hidden ones, none that lead elsewhere.
fn is_usable(path: &str) -> bool {
    const MAX_PATH: usize = 1024;
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.len() < 256;
    path.len() <= MAX_PATH && !path.contains('\0') && path.split('/').all(part)
}

const DENIED: &str = "permission denied";
const UNAUTHENTICATED: &str = "the credentials are refused";

fn refusal(error: &Error) -> Refusal {
    match error {
        Error::NotFound { .. } => Refusal::Missing,
        Error::Precondition { .. } | Error::NotModified { .. } => Refusal::Changed,
        Error::PermissionDenied { .. } => Refusal::Other(DENIED.to_owned()),
        Error::Unauthenticated { .. } => Refusal::Other(UNAUTHENTICATED.to_owned()),
        // A web server that ignores ranges.
        Error::NotSupported { .. } => Refusal::NoRanges,
        other => generic(other),
    }
}

/// The crate's texts name URLs, which may hold signatures, so only kinds are taken.
fn generic(error: &Error) -> Refusal {
    let text = error.to_string();
    if text.contains("non-partial response") || text.contains("status code: 416") {
        return Refusal::NoRanges;
    }
    let mut source = error.source();
    if text_of_chain(error).contains("invalid peer certificate") {
        return Refusal::Other("the server's certificate is not trusted".to_owned());
    }
    while let Some(inner) = source {
        if let Some(http) = inner.downcast_ref::<HttpError>() {
            return Refusal::Other(kind(http.kind()).to_owned());
        }
        source = inner.source();
    }
    let status = text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3));
    match status.filter(|status| status.bytes().all(|byte| byte.is_ascii_digit())) {
        // Listings have no errors of their own for these.
        Some("401") => Refusal::Other(UNAUTHENTICATED.to_owned()),
        Some("403") => Refusal::Other(DENIED.to_owned()),
        Some("404") => Refusal::Missing,
        Some(status) => Refusal::Other(format!("the server answered {status}")),
        None => Refusal::Other("the answer is not what a store of this kind gives".to_owned()),
    }
}

fn text_of_chain(error: &Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(inner) = source {
        text += &inner.to_string();
        source = inner.source();
    }
    text
}

fn kind(kind: HttpErrorKind) -> &'static str {
    match kind {
        HttpErrorKind::Connect => "cannot connect",
        HttpErrorKind::Timeout => "no answer in time",
        HttpErrorKind::Decode => "the answer cannot be read",
        _ => "the connection broke",
    }
}

fn innermost(error: &Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
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

    #[test]
    fn errors_say_what_happened_and_nothing_of_the_url() {
        let generic = |text: &str| Error::Generic { store: "S3", source: text.into() };
        let error = generic("GET https://h/?sig=secret: non-2xx status code: 503 Slow: <xml>");
        assert_eq!(refusal(&error), Refusal::Other("the server answered 503".to_owned()));
        let error = generic("Received non-partial response when range requested");
        assert_eq!(refusal(&error), Refusal::NoRanges);
        assert!(!refusal(&generic("sig=secret")).text().contains("secret"));
    }
}
