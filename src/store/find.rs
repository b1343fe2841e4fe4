//! From a text to the files that it names.

use std::collections::HashSet;
use std::path::Path;

use futures_util::StreamExt;

use super::client::{Key, Meta};
use super::pattern::{self, Pattern};
use super::place::{Place, Remote, Scheme, Written};
use super::tries::Tries;
use super::walk::{MAX_FILES, walk};
use super::{Config, Error, Found, Object, Purpose, Stores, local};

pub(super) fn find(stores: &Stores, text: &str) -> Result<Vec<Found>, Error> {
    let written = Written::of(text).map_err(|reason| unclear(text, reason))?;
    let found = match written {
        Written::Path(path) => here(text, path)?,
        Written::Url(scheme, rest) => behind_network(stores, text, scheme, rest)?,
    };
    if found.is_empty() { Err(Error::NoMatch(text.to_owned())) } else { Ok(found) }
}

fn unclear(text: &str, reason: impl ToString) -> Error {
    // A URL that is refused may hold what nobody should read.
    let text = match text.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…"),
        None => text.to_owned(),
    };
    Error::Text { text, reason: reason.to_string() }
}

fn here(text: &str, path: &str) -> Result<Vec<Found>, Error> {
    let failed = |reason| Error::Find { text: text.to_owned(), reason };
    let look = || local::look(Path::new(path)).map_err(|error| failed(error.to_string()));
    let literally = || look().map(|found| found.into_iter().collect::<Vec<_>>());
    match Pattern::of(path) {
        Ok(None) => literally(),
        Ok(Some(pattern)) => {
            let found = walk(&pattern).map_err(failed)?;
            // As a shell does: what fits nothing means itself.
            if found.is_empty() && !path.ends_with('/') { literally() } else { Ok(found) }
        }
        Err(reason) => match literally()? {
            none if none.is_empty() => Err(unclear(text, reason)),
            found => Ok(found),
        },
    }
}

fn behind_network(
    stores: &Stores,
    text: &str,
    scheme: Scheme,
    rest: &str,
) -> Result<Vec<Found>, Error> {
    let parse = |rest: &str| Remote::parse(scheme, rest).map_err(|reason| unclear(text, reason));
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if scheme.is_web() {
        let remote = parse(rest)?;
        if key.is_empty() || key.ends_with('/') || pattern::has_wildcards(key) {
            return Err(unclear(text, "a web server has no listings, name each file"));
        }
        return one(stores, remote);
    }
    if pattern::has_wildcards(bucket) {
        return Err(unclear(text, "wildcards cannot stand in the name of a bucket"));
    }
    if !rest.contains('/') {
        parse(rest)?;
        return Err(unclear(text, "it names no file; with '/' at its end it means all of them"));
    }
    let pattern = match key {
        "" => Pattern::below("").map(Some),
        key => Pattern::of(key),
    };
    let Some(pattern) = pattern.map_err(|reason| unclear(text, reason))? else {
        return one(stores, parse(rest)?);
    };
    let found = listed(stores, text, &parse(&format!("{bucket}/{}", pattern.fixed))?, &pattern)?;
    match Remote::parse(scheme, rest) {
        Ok(remote) if found.is_empty() && !key.is_empty() && !key.ends_with('/') => {
            one(stores, remote)
        }
        _ => Ok(found),
    }
}

fn one(stores: &Stores, remote: Remote) -> Result<Vec<Found>, Error> {
    Ok(stores.look(&Place::Remote(remote))?.into_iter().collect())
}

fn listed(
    stores: &Stores,
    text: &str,
    below: &Remote,
    pattern: &Pattern,
) -> Result<Vec<Found>, Error> {
    let failed = |reason| Error::Find { text: text.to_owned(), reason };
    let object = stores.object(below, Purpose::Reading).map_err(failed)?;
    let listing = list(&stores.inner.config, &object, pattern);
    let listing = stores.wait(listing).map_err(failed)?;
    let place =
        |key: &Key| Place::Remote(Remote { prefix: key.as_ref().to_owned(), ..below.clone() });
    let mut found: Vec<Found> = listing
        .into_iter()
        .map(|(relative, meta)| Found::remote(place(&meta.key), relative, meta))
        .collect();
    found.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(found)
}

/// All objects that fit. A listing that breaks is continued behind the last key that came.
async fn list(
    config: &Config,
    object: &Object,
    pattern: &Pattern,
) -> Result<Vec<(String, Meta)>, String> {
    let mut tries = Tries::new(config);
    let (mut found, mut directories) = (Vec::new(), HashSet::new());
    let mut last: Option<Key> = None;
    'tries: loop {
        let mut listing = object.client.list(&object.key, last.as_ref());
        while let Some(meta) = listing.next().await {
            let meta = match meta {
                Ok(meta) => meta,
                Err(refusal) => {
                    tries.failed(refusal).await?;
                    continue 'tries;
                }
            };
            tries.succeeded();
            last = Some(meta.key.clone());
            let Some(relative) = below(&object.key, &meta.key) else { continue };
            note_directories(relative, &mut directories);
            if pattern.matches(relative) {
                found.push((relative.to_owned(), meta));
            }
            if found.len() > MAX_FILES {
                return Err(format!("these are more than {MAX_FILES} files"));
            }
        }
        break;
    }
    // Some tools make empty objects that stand for directories.
    found.retain(|(relative, meta)| meta.bytes > 0 || !directories.contains(relative));
    Ok(found)
}

fn below<'a>(prefix: &Key, key: &'a Key) -> Option<&'a str> {
    let rest = key.as_ref().strip_prefix(prefix.as_ref())?;
    let rest = if prefix.as_ref().is_empty() { rest } else { rest.strip_prefix('/')? };
    Some(rest).filter(|rest| !rest.is_empty())
}

fn note_directories(mut path: &str, directories: &mut HashSet<String>) {
    while let Some((directory, _)) = path.rsplit_once('/') {
        if directories.contains(directory) {
            return;
        }
        directories.insert(directory.to_owned());
        path = directory;
    }
}
