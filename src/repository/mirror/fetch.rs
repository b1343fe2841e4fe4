//! One object from the store into the cache: continued where it broke, checked, and under
//! its final name only when it is whole and on the disk.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::between_tries;
use super::cache::Cache;
use super::store::{Object, Refusal, Store};
use crate::digest;

/// Tries in a row that bring nothing.
const TRIES: usize = 4;
/// Tries altogether: a server that gives a few bytes each time is broken, too.
const MAX_TRIES: usize = 50;

/// A transfer must bring so much in each such time, or it is broken off and continued anew.
const SLOWEST: (u64, Duration) = (64 * 1024, Duration::from_secs(20));

/// A piece must come within this.
const STALL: Duration = Duration::from_secs(15);

enum Failure {
    /// May go away.
    Again(String),
    Final(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Final(disk(&error))
    }
}

/// What is wrong with the cache, without its paths.
pub(super) fn disk(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk of the cache is full".to_owned()
        }
        io::ErrorKind::FileTooLarge => "the file is too large for the cache".to_owned(),
        kind => format!("the cache cannot be written: {kind}"),
    }
}

/// Downloads, and gives the digest that the content is kept under.
///
/// # Errors
/// The reason, fit for callers.
pub(super) async fn fetch(store: &Store, cache: &Cache, object: &Object) -> Result<String, String> {
    let partial = cache.partial(object);
    let mut backoff = between_tries();
    let mut fruitless = 0;
    for _ in 0..MAX_TRIES {
        let before = length(&partial);
        match attempt(store, cache, object, &partial).await {
            Ok(sha256) => return Ok(sha256),
            Err(Failure::Final(reason)) => {
                // It would take the room that others need, or is of no use.
                let _ = fs::remove_file(&partial);
                return Err(reason);
            }
            Err(Failure::Again(reason)) => {
                if length(&partial) > before {
                    fruitless = 0;
                    backoff.reset();
                }
                fruitless += 1;
                tracing::debug!(object = object.path, reason, "a transfer broke");
                if fruitless == TRIES {
                    return Err(reason);
                }
                tokio::time::sleep(backoff.next()).await;
            }
        }
    }
    Err(format!("not complete after {MAX_TRIES} tries"))
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

async fn attempt(
    store: &Store,
    cache: &Cache,
    object: &Object,
    partial: &Path,
) -> Result<String, Failure> {
    let mut file =
        File::options().create(true).truncate(false).read(true).write(true).open(partial)?;
    let mut have = file.metadata()?.len();
    // Without a strong version, what is there may be of another content.
    let can_continue = object.etag.is_some() || object.sha256.is_some();
    if !can_continue || object.bytes.is_some_and(|bytes| have > bytes) {
        file.set_len(0)?;
        have = 0;
    }
    let mut hash = digest::Stream::default();
    file.seek(SeekFrom::Start(0))?;
    hash.read(&mut file)?;
    let complete = match &object.sha256 {
        Some(sha256) => have > 0 && hash.clone().hex() == *sha256,
        None => have > 0 && object.bytes == Some(have),
    };
    if !complete {
        transfer(store, object, &mut file, &mut hash, have).await?;
    }
    let sha256 = hash.hex();
    if let Some(said) = object.sha256.as_ref().filter(|said| **said != sha256) {
        return Err(Failure::Final(format!("SHA256SUMS says {said}, the server sent {sha256}")));
    }
    keep(cache, &file, partial, &sha256)?;
    Ok(sha256)
}

/// Appends what is missing.
async fn transfer(
    store: &Store,
    object: &Object,
    file: &mut File,
    hash: &mut digest::Stream,
    mut have: u64,
) -> Result<(), Failure> {
    let mut body = store.get(object, have).await.map_err(|refusal| match refusal {
        Refusal::Changed | Refusal::Missing => Failure::Final(refusal.text()),
        Refusal::NoRanges => match file.set_len(0) {
            Ok(()) => Failure::Again(refusal.text()),
            Err(error) => error.into(),
        },
        Refusal::Passing(text) | Refusal::Lasting(text) => Failure::Again(text),
    })?;
    let whole = body.meta.bytes;
    if object.bytes.is_some_and(|bytes| bytes != whole) {
        return Err(Failure::Final(Refusal::Changed.text()));
    }
    let mut window = (Instant::now(), have);
    while have < whole {
        let chunk = match tokio::time::timeout(STALL, body.chunks.next()).await {
            Err(_) => return Err(broke("it stalled", have, whole)),
            Ok(None) => return Err(broke("it was truncated", have, whole)),
            Ok(Some(Err(refusal))) => return Err(broke(&refusal.text(), have, whole)),
            Ok(Some(Ok(chunk))) => chunk,
        };
        let room = usize::try_from(whole - have).unwrap_or(usize::MAX);
        let chunk = chunk.slice(..chunk.len().min(room));
        file.write_all(&chunk)?;
        hash.update(&chunk);
        have += chunk.len() as u64;
        let (since, at) = window;
        if since.elapsed() >= SLOWEST.1 {
            if have - at < SLOWEST.0 && have < whole {
                return Err(broke("it is too slow", have, whole));
            }
            window = (Instant::now(), have);
        }
    }
    Ok(())
}

fn broke(how: &str, have: u64, of: u64) -> Failure {
    Failure::Again(format!("the download broke off: {how} ({have} of {of} bytes)"))
}

/// Gives complete content its final name.
fn keep(cache: &Cache, file: &File, partial: &Path, sha256: &str) -> io::Result<()> {
    let object = cache.object(sha256);
    if object.is_file() {
        // The same content under another path; its inode is what fingerprints go by.
        return fs::remove_file(partial);
    }
    file.sync_all()?;
    fs::rename(partial, &object)?;
    object.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256;
    use crate::repository::Source;
    use crate::store::client::Client;

    const CONTENT: &str = "0123456789";

    struct Rig {
        store: Store,
        cache: Cache,
        object: Object,
        _directory: tempfile::TempDir,
    }

    async fn rig() -> Rig {
        let memory = Client::in_memory(&[("p/m/1/model.onnx", CONTENT)]).await;
        let Ok(Source::Remote(remote)) = Source::parse("s3://bucket/p") else { panic!() };
        let store = Store::of(memory, &remote);
        let object = store.list().await.unwrap().remove(0);
        assert_eq!((object.path.as_str(), object.bytes), ("m/1/model.onnx", Some(10)));
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        Rig { store, cache, object, _directory: directory }
    }

    async fn fetch_after(
        partial: &str,
        change: impl FnOnce(&mut Object),
    ) -> Result<String, String> {
        let mut rig = rig().await;
        change(&mut rig.object);
        fs::write(rig.cache.partial(&rig.object), partial).unwrap();
        let sha256 = fetch(&rig.store, &rig.cache, &rig.object).await?;
        assert!(!rig.cache.partial(&rig.object).exists());
        Ok(fs::read_to_string(rig.cache.object(&sha256)).unwrap())
    }

    #[tokio::test]
    async fn a_transfer_continues_behind_what_is_there() {
        // Capitals show that the start is not sent again.
        assert_eq!(fetch_after("ABCD", |_| ()).await.as_deref(), Ok("ABCD456789"));
        assert_eq!(fetch_after("ABCDEFGHIJ", |_| ()).await.as_deref(), Ok("ABCDEFGHIJ"));
        assert_eq!(fetch_after("", |_| ()).await.as_deref(), Ok(CONTENT));
    }

    #[tokio::test]
    async fn without_a_version_or_with_too_much_there_it_starts_again() {
        assert_eq!(fetch_after("ABCD", |object| object.etag = None).await.as_deref(), Ok(CONTENT));
        assert_eq!(fetch_after("ABCDEFGHIJK", |_| ()).await.as_deref(), Ok(CONTENT));
    }

    #[tokio::test]
    async fn content_that_changed_since_the_listing_is_refused() {
        let error = fetch_after("ABCD", |object| object.etag = Some("other".to_owned())).await;
        assert_eq!(error, Err("it changed while it was downloaded".to_owned()));
        let error = fetch_after("", |object| object.bytes = Some(11)).await;
        assert_eq!(error, Err("it changed while it was downloaded".to_owned()));
    }

    #[tokio::test]
    async fn a_digest_decides_and_a_bad_start_is_thrown_away() {
        let rig = rig().await;
        let object = Object { sha256: Some(sha256(CONTENT)), ..rig.object.clone() };
        fs::write(rig.cache.partial(&object), "ABCD").unwrap();
        let error = fetch(&rig.store, &rig.cache, &object).await.unwrap_err();
        assert!(error.starts_with("SHA256SUMS says 84d8"), "{error}");
        assert_eq!(fetch(&rig.store, &rig.cache, &object).await, Ok(sha256(CONTENT)));
    }
}
