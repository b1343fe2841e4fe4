//! A local file into a store, under its name only when it is whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::client::{Meta, PartId};
use super::refusal::Refusal;
use super::tries::{Tries, persist};
use super::{BLOCK, Config, Object};

/// Parts that are sent at the same time, and so are in memory.
const PARTS_AT_ONCE: usize = 4;

/// Stores take no more of one object.
const MAX_PARTS: u64 = 10_000;

/// # Errors
/// The reason, without the names of places.
pub(super) async fn upload(config: &Config, object: &Object, local: &Path) -> Result<(), String> {
    let file = File::open(local).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes > BLOCK as u64 {
        return in_parts(config, object, file, bytes).await;
    }
    let content = piece(&Arc::new(file), 0, bytes).await?;
    persist(config, || object.client.put(&object.key, content.clone())).await
}

pub(super) fn unreadable(error: io::Error) -> String {
    format!("what shall be there cannot be read: {error}")
}

pub(super) async fn piece(file: &Arc<File>, offset: u64, bytes: u64) -> Result<Bytes, String> {
    let file = Arc::clone(file);
    let read = move || {
        let mut piece = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        file.read_exact_at(&mut piece, offset)?;
        Ok(Bytes::from(piece))
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(unreadable)
}

/// The length of parts; all but the last are equally long.
fn part_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(MAX_PARTS).next_multiple_of(1 << 20).max(BLOCK as u64)
}

async fn in_parts(config: &Config, object: &Object, file: File, bytes: u64) -> Result<(), String> {
    let Object { client, key } = object;
    let id = persist(config, || client.begin(key)).await?;
    let sent = match send(config, object, &id, Arc::new(file), bytes).await {
        Ok(parts) => complete(config, object, &id, parts, bytes).await,
        Err(reason) => Err(reason),
    };
    let Err(reason) = sent else { return Ok(()) };
    let aborted = persist(config, || async {
        match client.abort(key, &id).await {
            Err(Refusal::Missing) => Ok(()),
            other => other,
        }
    });
    match aborted.await {
        Ok(()) => Err(reason),
        Err(_) => Err(format!("{reason}; parts of it may remain at the store, under no name")),
    }
}

async fn send(
    config: &Config,
    object: &Object,
    id: &String,
    file: Arc<File>,
    bytes: u64,
) -> Result<Vec<PartId>, String> {
    let length = part_bytes(bytes);
    // Parts that are under way end before the upload is aborted: one that arrives later would
    // stay. None begins any more.
    let failed = OnceLock::new();
    let part = async |index: u64| {
        let offset = index * length;
        let content = piece(&file, offset, length.min(bytes - offset)).await?;
        let number = usize::try_from(index).map_err(|error| error.to_string())?;
        let attempt = || async {
            if failed.get().is_some() {
                return Err(Refusal::Lasting("another part failed".to_owned()));
            }
            object.client.part(&object.key, id, number, content.clone()).await
        };
        let sent = persist(config, attempt).await;
        if let Err(reason) = &sent {
            let _ = failed.set(reason.clone());
        }
        sent
    };
    let parts = stream::iter(0..bytes.div_ceil(length)).map(part).buffered(PARTS_AT_ONCE);
    let parts: Vec<Result<PartId, String>> = parts.collect().await;
    let parts: Result<Vec<PartId>, String> = parts.into_iter().collect();
    parts.map_err(|reason| failed.into_inner().unwrap_or(reason))
}

/// Makes an object of the parts. An answer that is lost does not say whether it is one.
async fn complete(
    config: &Config,
    object: &Object,
    id: &String,
    parts: Vec<PartId>,
    bytes: u64,
) -> Result<(), String> {
    let Object { client, key } = object;
    let before = persist(config, || head(object)).await;
    let mut tries = Tries::new(config);
    let mut lost = false;
    loop {
        let Err(refusal) = client.complete(key, id, parts.clone()).await else { return Ok(()) };
        lost |= matches!(refusal, Refusal::Passing(_));
        if let Err(reason) = tries.failed(refusal).await {
            let now = persist(config, || head(object)).await;
            let new = |now: &Meta| {
                now.bytes == bytes && before.as_ref().is_ok_and(|b| b.as_ref() != Some(now))
            };
            let arrived = lost && now.is_ok_and(|now| now.is_some_and(|now| new(&now)));
            return if arrived { Ok(()) } else { Err(reason) };
        }
    }
}

async fn head(object: &Object) -> Result<Option<Meta>, Refusal> {
    match object.client.head(&object.key).await {
        Err(Refusal::Missing) => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_before_they_become_too_many() {
        assert_eq!(part_bytes(9 << 20), 8 << 20);
        for bytes in [80_u64 << 30, (80 << 30) + 1, 5 << 40] {
            assert!(bytes.div_ceil(part_bytes(bytes)) <= MAX_PARTS, "{bytes}");
        }
    }
}
