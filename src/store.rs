//! Files, wherever they lie: local ones, and those behind the URLs of object stores and web
//! servers. Finds them by patterns, reads them, and puts new ones under their names as a whole.
//!
//! All of it blocks; it is for threads that do nothing else, never for those of an async
//! runtime. What the files hold is not known here.

pub(crate) mod backoff;
pub(crate) mod client;
mod find;
mod local;
mod pattern;
mod place;
mod read;
pub(crate) mod refusal;
mod transfer;
mod tries;
mod upload;
mod walk;
mod web;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;

pub(crate) use local::{directory_of, replace, replace_as};
pub use place::{Place, Remote};
pub use read::{ReadAt, Sequential};

use client::{Client, Key, Meta, Settings};
use place::Scheme;
use refusal::Refusal;

/// Bytes that a remote file is read ahead by, and that one part of an upload has.
pub const BLOCK: usize = 8 << 20;

/// Between two pieces of an answer.
pub(crate) const STALL: Duration = Duration::from_secs(15);

/// How stores are spoken to.
#[derive(Debug, Clone)]
pub struct Config {
    /// They stand before those of the environment and are named alike: `AWS_ENDPOINT`.
    pub variables: Vec<(String, String)>,
    /// Tries in a row that bring nothing, before a failure is final.
    pub tries: usize,
    /// The wait before the second try. It doubles from one to the next.
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// The time that a server may be silent.
    pub stall: Duration,
    /// The time that a server may take for one part of an upload.
    pub upload: Duration,
    /// Whether a web server may send whoever reads to another place. Not where places were allowed
    /// one by one.
    pub redirects: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            variables: Vec::new(),
            tries: 10,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(10),
            stall: STALL,
            upload: Duration::from_mins(5),
            redirects: true,
        }
    }
}

/// What went wrong with which place. Nothing in it is secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("'{text}' names no files: {reason}")]
    Text { text: String, reason: String },
    #[error("no file matches {0}")]
    NoMatch(String),
    #[error("cannot look for {text}: {reason}")]
    Find { text: String, reason: String },
    #[error("cannot read {place}: {reason}")]
    Read { place: Place, reason: String },
    #[error("cannot write {place}: {reason}")]
    Write { place: Place, reason: String },
    #[error("cannot delete {place}: {reason}")]
    Delete { place: Place, reason: String },
}

impl Error {
    fn read(place: &Place, reason: impl ToString) -> Self {
        Self::Read { place: place.clone(), reason: reason.to_string() }
    }

    fn write(place: &Place, reason: impl ToString) -> Self {
        Self::Write { place: place.clone(), reason: reason.to_string() }
    }
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub place: Place,
    pub bytes: u64,
    /// Differs if the content does: etag or times, inode and size.
    pub identity: String,
    /// The path below the part of the pattern without wildcards, for names of outputs.
    pub relative: String,
    meta: Option<Meta>,
}

/// Opens stores: one client for each bucket. Clones share them.
#[derive(Clone, Default)]
pub struct Stores {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    config: Arc<Config>,
    /// Made when something behind a network is first asked for.
    runtime: Mutex<Option<Arc<Runtime>>>,
    clients: Mutex<HashMap<(Scheme, String, Purpose), Client>>,
}

/// An answer may be awaited for long only after much was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    Reading,
    Writing,
}

/// A client, and the name of the object there.
struct Object {
    client: Client,
    key: Key,
}

/// Directories that have names which may not be on the disk yet.
#[derive(Debug, Default)]
pub struct NewNames(BTreeSet<PathBuf>);

impl NewNames {
    /// All names are on the disk.
    ///
    /// # Errors
    /// Some may not be.
    pub fn sync(self) -> Result<(), Error> {
        self.0.into_iter().try_for_each(|directory| {
            let synced = local::sync(&directory);
            synced.map_err(|error| Error::write(&Place::Local(directory), error))
        })
    }
}

impl Stores {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with(config: Config) -> Self {
        Self { inner: Arc::new(Inner { config: Arc::new(config), ..Inner::default() }) }
    }

    /// The files that a text names, by name: a path or URL, a pattern, or with `/` at its end
    /// all files below. Hidden ones must be named.
    ///
    /// # Errors
    /// There are none, or it cannot be known.
    pub fn find(&self, text: &str) -> Result<Vec<Found>, Error> {
        find::find(self, text)
    }

    /// The file at a place, if there is one.
    ///
    /// # Errors
    /// It cannot be known.
    pub fn look(&self, place: &Place) -> Result<Option<Found>, Error> {
        let failed = |reason| Error::Read { place: place.clone(), reason };
        match place {
            Place::Local(path) => local::look(path).map_err(|error| failed(error.to_string())),
            Place::Remote(remote) => {
                let object = self.object(remote, Purpose::Reading).map_err(failed)?;
                let config = &self.inner.config;
                let head = || async {
                    match object.client.head(&object.key).await {
                        Err(Refusal::Missing) => Ok(None),
                        other => other.map(Some),
                    }
                };
                let meta = self.wait(tries::persist(config, head)).map_err(failed)?;
                let name = place.file_name().to_owned();
                Ok(meta.map(|meta| Found::remote(place.clone(), name, meta)))
            }
        }
    }

    /// Whether a file is there.
    ///
    /// # Errors
    /// It cannot be known.
    pub fn exists(&self, place: &Place) -> Result<bool, Error> {
        self.look(place).map(|found| found.is_some())
    }

    /// Opens a file for reading anywhere in it.
    ///
    /// # Errors
    /// It cannot be opened, or is another than the one that was found.
    pub fn open(&self, found: &Found) -> Result<Arc<dyn ReadAt>, Error> {
        match &found.place {
            Place::Local(path) => Ok(Arc::new(local::File::open(path, found)?)),
            Place::Remote(_) => Ok(Arc::new(read::RemoteFile::new(self, self.transfers(found)?))),
        }
    }

    /// Opens a file for reading from an offset to its end.
    ///
    /// # Errors
    /// As with [`Self::open`].
    pub fn sequential(&self, found: &Found, offset: u64) -> Result<Sequential, Error> {
        match &found.place {
            Place::Local(_) => Ok(Sequential::of(self.open(found)?, offset)),
            Place::Remote(_) => {
                let transfer = self.transfers(found)?.from(offset);
                let runtime = self.runtime().map_err(|reason| Error::read(&found.place, reason))?;
                Ok(Sequential::ahead(&runtime, transfer))
            }
        }
    }

    /// Gives a whole local file its final place, where it replaces what is there. Nobody sees
    /// a part of it. Afterwards the local file is gone.
    ///
    /// # Errors
    /// It is not at its place, and nothing else is there that was not before.
    pub fn publish(&self, local: &Path, to: &Place) -> Result<(), Error> {
        local::sync(local).map_err(|error| Error::write(to, error))?;
        let mut names = NewNames::default();
        self.publish_synced(local, to, &mut names)?;
        names.sync()
    }

    /// The same of one of many files, whose bytes are on the disk; its name is once
    /// [`NewNames::sync`] was called.
    ///
    /// # Errors
    /// It is not at its place, and nothing else is there that was not before.
    pub fn publish_synced(
        &self,
        local: &Path,
        to: &Place,
        names: &mut NewNames,
    ) -> Result<(), Error> {
        match to {
            Place::Local(path) => {
                let directory = local::publish(local, path);
                let directory = directory.map_err(|error| Error::write(to, error))?;
                names.0.insert(directory);
                Ok(())
            }
            Place::Remote(remote) => {
                let failed = |reason: String| Error::Write { place: to.clone(), reason };
                if remote.prefix.is_empty() {
                    return Err(failed("the URL names no file".to_owned()));
                }
                let config = &self.inner.config;
                if remote.scheme.is_web() {
                    self.wait(web::put(config, remote, local)).map_err(failed)?;
                } else {
                    let object = self.object(remote, Purpose::Writing).map_err(failed)?;
                    self.wait(upload::upload(config, &object, local)).map_err(failed)?;
                }
                // It is of no use any more, and no harm.
                let _ = std::fs::remove_file(local);
                Ok(())
            }
        }
    }

    /// Deletes a file if it is there: whoever may not delete may have nothing to.
    ///
    /// # Errors
    /// It is still there, or it cannot be seen whether it is.
    pub fn delete_found(&self, place: &Place) -> Result<(), Error> {
        match self.look(place)? {
            Some(_) => self.delete(place),
            None => Ok(()),
        }
    }

    /// Deletes a file; that there is none is no error.
    ///
    /// # Errors
    /// It is still there.
    pub fn delete(&self, place: &Place) -> Result<(), Error> {
        let failed = |reason| Error::Delete { place: place.clone(), reason };
        match place {
            Place::Local(path) => match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(failed(error.to_string()))
                }
                _ => Ok(()),
            },
            Place::Remote(remote) => {
                let object = self.object(remote, Purpose::Reading).map_err(failed)?;
                let config = &self.inner.config;
                let delete = || async {
                    match object.client.delete(&object.key).await {
                        Err(Refusal::Missing) => Ok(()),
                        other => other,
                    }
                };
                self.wait(tries::persist(config, delete)).map_err(failed)
            }
        }
    }

    fn transfers(&self, found: &Found) -> Result<transfer::Source, Error> {
        let failed = |reason| Error::Read { place: found.place.clone(), reason };
        let (Place::Remote(remote), Some(meta)) = (&found.place, &found.meta) else {
            return Err(failed("it is not behind a network".to_owned()));
        };
        let object = self.object(remote, Purpose::Reading).map_err(failed)?;
        Ok(transfer::Source {
            client: object.client,
            meta: meta.clone(),
            place: found.place.clone(),
            config: Arc::clone(&self.inner.config),
        })
    }

    fn object(&self, remote: &Remote, purpose: Purpose) -> Result<Object, String> {
        let key = if remote.scheme.is_web() {
            Key::from_url_path(&remote.prefix)
        } else {
            Key::parse(&remote.prefix)
        };
        let key = key.map_err(|_| "a path with forbidden characters".to_owned())?;
        Ok(Object { client: self.client(remote, purpose)?, key })
    }

    fn client(&self, remote: &Remote, purpose: Purpose) -> Result<Client, String> {
        let config = &self.inner.config;
        let silence = match purpose {
            Purpose::Reading => config.stall,
            Purpose::Writing => config.upload,
        };
        let mut clients = self.inner.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (remote.scheme, remote.bucket.clone(), purpose);
        if let Some(client) = clients.get(&name) {
            return Ok(client.clone());
        }
        let redirects = config.redirects;
        let settings = Settings { variables: config.variables.clone(), silence, redirects };
        let client = Client::open(remote, &settings)?;
        clients.insert(name, client.clone());
        Ok(client)
    }

    fn runtime(&self) -> Result<Arc<Runtime>, String> {
        let mut runtime = self.inner.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            return Ok(Arc::clone(runtime));
        }
        let new = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store")
            .enable_all()
            .build()
            .map_err(|error| format!("there is no thread for it: {error}"))?;
        Ok(Arc::clone(runtime.insert(Arc::new(new))))
    }

    /// Waits on this thread for what a store answers.
    fn wait<T>(&self, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        self.runtime()?.block_on(work)
    }
}

impl Found {
    fn remote(place: Place, relative: String, meta: Meta) -> Self {
        let identity = meta.identity.clone();
        Self { place, bytes: meta.bytes, identity, relative, meta: Some(meta) }
    }
}
