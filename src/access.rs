//! Who may do what: keys with roles, and what is open where there are none.
//!
//! Adapters say what each of their routes and calls needs, and ask the [`Door`] that a
//! connection came through. Nothing here knows of protocols but for names of headers.

mod bucket;
mod file;
mod keys;
mod make;
mod metrics;
mod page;
mod refused;
mod role;
mod standing;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderMap;
use http::uri::Authority;

use crate::digest;
use crate::follow::{self, Followed};
use keys::{Entry, List};

pub use make::{New, NewError, Written};
pub use metrics::Metrics;
pub use refused::Refused;
pub use role::{Need, Role, Roles};
pub use standing::Standing;

/// Who may do what, as settings say it.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file with keys. Without it nobody is asked for one.
    pub keys: Option<PathBuf>,
    /// Without keys: whether peers on other machines may operate the server.
    pub far_may_operate: bool,
}

/// What is asked of the machine itself, and of others. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    near: Door,
    far: Door,
}

/// What is asked of those who come through one connection. Cheap to clone.
#[derive(Clone)]
pub enum Door {
    /// Nothing; but no page of another site operates.
    Open(Metrics),
    /// Nothing; but who operates is on this machine, and no page of another site.
    Near(Metrics),
    /// Nothing; but operating is not for them.
    NotOperate(Metrics),
    /// A key.
    Keyed(Guard),
}

/// Knows the keys of now.
#[derive(Clone)]
pub struct Guard {
    keys: Arc<ArcSwap<List>>,
    metrics: Metrics,
}

impl Access {
    /// Reads the keys and follows their file from now on.
    ///
    /// # Errors
    /// Every mistake in the file.
    pub fn new(config: &Config, metrics: Metrics) -> Result<Self, Vec<String>> {
        let Some(file) = &config.keys else {
            if config.far_may_operate {
                let door = Door::Open(metrics);
                return Ok(Self { near: door.clone(), far: door });
            }
            return Ok(Self { near: Door::Near(metrics.clone()), far: Door::NotOperate(metrics) });
        };
        let files = vec![file.clone()];
        let contents = follow::read(&files).map_err(|mistake| vec![mistake])?;
        let name = file.display().to_string();
        let list = file::read(&name, &contents[0])?;
        let keys = Arc::new(ArcSwap::from_pointee(list));
        let followed = Arc::clone(&keys);
        let take = move |contents: &[Vec<u8>]| {
            let mut list = file::read(&name, &contents[0]).map_err(|all| all.join("; "))?;
            list.keep_buckets_of(&followed.load());
            followed.store(Arc::new(list));
            Ok(())
        };
        Followed::new("auth-keys", files, &contents, take).start();
        let door = Door::Keyed(Guard { keys, metrics });
        Ok(Self { near: door.clone(), far: door })
    }

    /// The door of a connection from the machine itself, or from elsewhere.
    #[must_use]
    pub fn door(&self, is_near: bool) -> &Door {
        if is_near { &self.near } else { &self.far }
    }
}

/// How many keys a file has, for the fuzz targets in `fuzz/`.
///
/// # Errors
/// Every mistake in it.
#[doc(hidden)]
pub fn count_keys(file: &[u8]) -> Result<usize, Vec<String>> {
    file::read("keys.toml", file).map(|list| list.0.len())
}

impl Door {
    /// Whether a request that needs this may be refused here at all.
    #[must_use]
    pub fn asks_for(&self, need: Need) -> bool {
        match self {
            Self::Open(_) | Self::Near(_) | Self::NotOperate(_) => need == Need::OPERATE,
            Self::Keyed(_) => need != Need::Public,
        }
    }

    /// The name of the key that lets a request with these headers in, if one is asked for. HTTP/2
    /// says in its URI what is asked for, HTTP/1 mostly in `Host` alone.
    ///
    /// # Errors
    /// [`Refused`], which is counted.
    pub fn admit(
        &self,
        need: Need,
        headers: &HeaderMap,
        asked: Option<&Authority>,
    ) -> Result<Option<Arc<str>>, Refused> {
        if !self.asks_for(need) {
            return Ok(None);
        }
        let (answer, metrics) = match self {
            Self::Open(metrics) => (page::check(headers, asked).map(|()| None), metrics),
            Self::Near(metrics) => (page::check_near(headers, asked).map(|()| None), metrics),
            Self::NotOperate(metrics) => (Err(Refused::Far), metrics),
            Self::Keyed(guard) => (guard.admit(need, headers).map(Some), &guard.metrics),
        };
        answer.inspect_err(|refused| metrics.count(refused))
    }
}

/// Longer than any key: not even worth a digest.
const MAX_KEY: usize = 256;

impl Guard {
    fn admit(&self, need: Need, headers: &HeaderMap) -> Result<Arc<str>, Refused> {
        self.keys.load().of(headers)?.admit(need)
    }
}

impl List {
    /// The entry of the key that came.
    fn of(&self, headers: &HeaderMap) -> Result<&Entry, Refused> {
        let key = given(headers).ok_or(Refused::NoKey)?;
        if key.len() > MAX_KEY {
            return Err(Refused::UnknownKey);
        }
        self.find(&digest::first(key)).ok_or(Refused::UnknownKey)
    }
}

impl Entry {
    fn admit(&self, need: Need) -> Result<Arc<str>, Refused> {
        if let Need::Of(role) = need
            && !self.roles.contains(role)
        {
            return Err(Refused::Role(role));
        }
        match self.bucket.as_ref().map(|bucket| bucket.take()) {
            Some(Err(wait)) => Err(Refused::Rate(wait)),
            Some(Ok(())) | None => Ok(Arc::clone(&self.name)),
        }
    }
}

/// The key of a request. A header that is for nothing else comes first: a proxy may have put
/// something of its own into the other one.
fn given(headers: &HeaderMap) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.as_bytes().trim_ascii());
    }
    let value = headers.get(http::header::AUTHORIZATION)?.as_bytes();
    let (scheme, key) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests;
