//! One bucket, or one web server: what it holds, the bytes of an object, and new objects.
//! Only this file and `refusal.rs` know the crate that speaks to stores.
//!
//! Nothing here tries again: whoever resumes a transfer must know what he has.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::multipart::MultipartStore;
pub(crate) use object_store::multipart::PartId;
pub(crate) use object_store::path::Path as Key;
use object_store::{
    ClientConfigKey, ClientOptions, Error, GetOptions, GetRange, ObjectMeta, ObjectStore,
    ObjectStoreExt, RetryConfig,
};

use super::place::{Remote, Scheme};
use super::refusal::Refusal;
use super::web;

/// Large objects take long; what is too slow is found by its rate.
const WHOLE_TIMEOUT: &str = "86400s";

/// Connects to web servers and goes nowhere else, whatever they say; with the time that one may be
/// silent.
#[derive(Debug)]
struct Straight(Duration);

impl HttpConnector for Straight {
    fn connect(&self, _: &ClientOptions) -> Result<HttpClient, Error> {
        let client = web::straight().read_timeout(self.0).build();
        let client =
            client.map_err(|error| Error::Generic { store: "HTTP", source: error.into() })?;
        Ok(HttpClient::new(client))
    }
}

/// How a store is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// They stand before those of the environment and are named alike.
    pub(crate) variables: Vec<(String, String)>,
    /// Between two pieces of an answer, and from a request's begin to its answer.
    pub(crate) silence: Duration,
    /// Whether redirections of web servers are followed.
    pub(crate) redirects: bool,
}

impl Settings {
    fn client(&self) -> [(ClientConfigKey, String); 3] {
        [
            (ClientConfigKey::ConnectTimeout, format!("{}s", web::CONNECT_TIMEOUT.as_secs())),
            (ClientConfigKey::ReadTimeout, format!("{}ms", self.silence.as_millis())),
            (ClientConfigKey::Timeout, WHOLE_TIMEOUT.to_owned()),
        ]
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { variables: Vec::new(), silence: super::STALL, redirects: true }
    }
}

/// An open store.
#[derive(Clone)]
pub(crate) struct Client {
    store: Arc<dyn ObjectStore>,
    /// Web servers take only whole files.
    parts: Option<Arc<dyn MultipartStore>>,
}

/// What a store says of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meta {
    pub(crate) key: Key,
    pub(crate) bytes: u64,
    /// Differs if the content does.
    pub(crate) identity: String,
    /// For conditions of requests. Weak ones are left out: they allow for other bytes.
    pub(crate) etag: Option<String>,
    /// Seconds since 1970.
    modified: i64,
}

/// The bytes of an object from some offset on.
pub(crate) struct Body {
    /// Of the whole object.
    pub(crate) meta: Meta,
    pub(crate) chunks: BoxStream<'static, Result<Bytes, Refusal>>,
}

impl Meta {
    fn of(meta: ObjectMeta) -> Self {
        let etag = meta.e_tag.filter(|etag| !etag.starts_with("W/"));
        let said = etag.clone().unwrap_or_else(|| meta.last_modified.to_rfc3339());
        let identity = format!("{said} {}", meta.size);
        let modified = meta.last_modified.timestamp();
        Self { key: meta.location, bytes: meta.size, identity, etag, modified }
    }

    /// Whether both speak of the same content. Listings know times that answers round.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let same = match (&self.etag, &other.etag) {
            (Some(own), Some(other)) => own == other,
            _ => self.modified == other.modified,
        };
        same && self.bytes == other.bytes
    }
}

/// The three builders have the same methods and no trait.
macro_rules! configured {
    ($builder:expr, $key:ident, $settings:expr) => {{
        let client = $settings.client().into_iter();
        let builder = client.fold($builder, |b, (k, v)| b.with_config($key::Client(k), v));
        // A variable of another kind of store is none of this one.
        let own = |name: &str| name.to_ascii_lowercase().parse::<$key>().ok();
        let variables = $settings.variables.iter();
        let variables = variables.filter_map(|(name, value)| Some((own(name)?, value)));
        variables.fold(builder, |b, (k, v)| b.with_config(k, v)).with_retry(no_retries())
    }};
}

fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

impl Client {
    /// # Errors
    /// The reason, if the settings in the environment cannot work.
    pub(crate) fn open(remote: &Remote, settings: &Settings) -> Result<Self, String> {
        // The second of two clients finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self::build(remote, settings).map_err(|error| Refusal::of_settings(&error))
    }

    fn build(remote: &Remote, settings: &Settings) -> Result<Self, Error> {
        let bucket = remote.bucket.as_str();
        Ok(match remote.scheme {
            Scheme::S3 => {
                // Single deletions belong to the core of the protocol, those by list do not.
                let builder = AmazonS3Builder::from_env()
                    .with_bucket_name(bucket)
                    .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
                Self::with_parts(configured!(builder, AmazonS3ConfigKey, settings).build()?)
            }
            Scheme::Google => {
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
                Self::with_parts(configured!(builder, GoogleConfigKey, settings).build()?)
            }
            Scheme::Azure => {
                let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
                Self::with_parts(configured!(builder, AzureConfigKey, settings).build()?)
            }
            Scheme::Http | Scheme::Https => {
                let options = ClientOptions::new().with_allow_http(true);
                let client = settings.client().into_iter();
                let options = client.fold(options, |o, (k, v)| o.with_config(k, v));
                let url = format!("{}://{bucket}", remote.scheme.as_str());
                let mut builder = HttpBuilder::new().with_url(url).with_client_options(options);
                if !settings.redirects {
                    builder = builder.with_http_connector(Straight(settings.silence));
                }
                let store = builder.with_retry(no_retries()).build()?;
                Self { store: Arc::new(store), parts: None }
            }
        })
    }

    fn with_parts(store: impl ObjectStore + MultipartStore) -> Self {
        let store = Arc::new(store);
        Self { store: Arc::clone(&store) as _, parts: Some(store) }
    }

    /// Objects of the tests in place of those behind a network.
    #[cfg(test)]
    pub(crate) async fn in_memory(objects: &[(&str, &'static str)]) -> Self {
        let memory = object_store::memory::InMemory::new();
        for (key, content) in objects {
            memory.put(&Key::from(*key), (*content).into()).await.unwrap();
        }
        Self::with_parts(memory)
    }

    /// All objects below a prefix, in the order of their keys; those behind a key, if there
    /// is one.
    pub(crate) fn list(
        &self,
        prefix: &Key,
        behind: Option<&Key>,
    ) -> BoxStream<'static, Result<Meta, Refusal>> {
        let prefix = Some(prefix).filter(|prefix| !prefix.as_ref().is_empty());
        let found = match behind {
            None => self.store.list(prefix),
            Some(key) => self.store.list_with_offset(prefix, key),
        };
        found.map(|meta| meta.map(Meta::of).map_err(|error| Refusal::of(&error))).boxed()
    }

    pub(crate) async fn head(&self, key: &Key) -> Result<Meta, Refusal> {
        self.store.head(key).await.map(Meta::of).map_err(|error| Refusal::of(&error))
    }

    /// Part of an object, if it still has the etag. A range that ends at `u64::MAX` ends where
    /// the object does.
    ///
    /// # Errors
    /// [`Refusal`]; also those of the chunks.
    pub(crate) async fn get(
        &self,
        key: &Key,
        etag: Option<&str>,
        range: Range<u64>,
    ) -> Result<Body, Refusal> {
        let range = match (range.start, range.end) {
            (0, u64::MAX) => None,
            (from, u64::MAX) => Some(GetRange::Offset(from)),
            _ => Some(GetRange::Bounded(range)),
        };
        let options =
            GetOptions { if_match: etag.map(str::to_owned), range, ..GetOptions::default() };
        let answer = self.store.get_opts(key, options).await.map_err(|e| Refusal::of(&e))?;
        let meta = Meta::of(answer.meta.clone());
        let chunks = answer.into_stream().map(|chunk| chunk.map_err(|e| Refusal::of(&e))).boxed();
        Ok(Body { meta, chunks })
    }

    pub(super) async fn put(&self, key: &Key, content: Bytes) -> Result<(), Refusal> {
        self.store.put(key, content.into()).await.map(|_| ()).map_err(|e| Refusal::of(&e))
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), Refusal> {
        self.store.delete(key).await.map_err(|error| Refusal::of(&error))
    }

    fn parts(&self) -> Result<&dyn MultipartStore, Refusal> {
        let none = || Refusal::Lasting("the server takes no files in parts".to_owned());
        self.parts.as_deref().ok_or_else(none)
    }

    /// Begins an upload in parts, and gives its id.
    pub(super) async fn begin(&self, key: &Key) -> Result<String, Refusal> {
        self.parts()?.create_multipart(key).await.map_err(|error| Refusal::of(&error))
    }

    /// Sends a part; parts count from 0.
    pub(super) async fn part(
        &self,
        key: &Key,
        id: &String,
        index: usize,
        content: Bytes,
    ) -> Result<PartId, Refusal> {
        let sent = self.parts()?.put_part(key, id, index, content.into()).await;
        sent.map_err(|error| Refusal::of(&error))
    }

    pub(super) async fn complete(
        &self,
        key: &Key,
        id: &String,
        parts: Vec<PartId>,
    ) -> Result<(), Refusal> {
        let whole = self.parts()?.complete_multipart(key, id, parts).await;
        whole.map(|_| ()).map_err(|error| Refusal::of(&error))
    }

    pub(super) async fn abort(&self, key: &Key, id: &String) -> Result<(), Refusal> {
        self.parts()?.abort_multipart(key, id).await.map_err(|error| Refusal::of(&error))
    }
}
