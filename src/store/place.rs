//! Where data lies, as one text says it: a path, or the URL of an object store or web server.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// A place for data. `Display` gives it back as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    Local(PathBuf),
    Remote(Remote),
}

/// A place behind a network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remote {
    pub(crate) scheme: Scheme,
    /// The bucket or container; for HTTP the host, with its port.
    pub(crate) bucket: String,
    /// What follows, as it was written, without slashes at its ends; may be empty.
    pub(crate) prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    S3,
    Google,
    Azure,
    Http,
    Https,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::S3, Self::Google, Self::Azure, Self::Http, Self::Https];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Web servers have no listings, and paths of their URLs are percent-encoded.
    pub(crate) fn is_web(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// A text, told apart by what stands before `://`.
pub(super) enum Written<'a> {
    Path(&'a str),
    /// The bucket and all that follows it.
    Url(Scheme, &'a str),
}

impl<'a> Written<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() {
                Err("the path is empty".to_owned())
            } else {
                Ok(Self::Path(text))
            };
        };
        if scheme == "file" {
            return file(rest).map(Self::Path);
        }
        let scheme =
            Scheme::ALL.into_iter().find(|known| known.as_str() == scheme).ok_or_else(|| {
                format!("'{scheme}://' is not known, expected file, s3, gs, az, http or https")
            })?;
        Ok(Self::Url(scheme, rest))
    }
}

fn file(rest: &str) -> Result<&str, String> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err("a file:// URL needs an absolute path, as in file:///srv/models".to_owned())
    }
}

impl Place {
    /// Reads a path or a URL.
    ///
    /// # Errors
    /// The text of what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        match Written::of(text)? {
            Written::Path(path) => Ok(Self::Local(PathBuf::from(path))),
            Written::Url(scheme, rest) => Remote::parse(scheme, rest).map(Self::Remote),
        }
    }

    /// A place below this one, named by parts that `/` separates.
    ///
    /// # Errors
    /// The name would lead elsewhere.
    pub fn join(&self, relative: &str) -> Result<Self, String> {
        let leads_elsewhere = |part: &str| matches!(part, "" | "." | "..") || part.contains('\0');
        if relative.split('/').any(leads_elsewhere) {
            return Err(format!("expected a name below {self}, got '{relative}'"));
        }
        Ok(match self {
            Self::Local(path) => Self::Local(path.join(relative)),
            Self::Remote(remote) => Self::Remote(remote.join(relative)),
        })
    }

    /// The last part of the name; empty if there is none.
    pub fn file_name(&self) -> &str {
        match self {
            Self::Local(path) => path.file_name().and_then(|name| name.to_str()).unwrap_or(""),
            Self::Remote(remote) => remote.prefix.rsplit('/').next().unwrap_or(""),
        }
    }

    /// What follows the last dot of the name.
    pub fn extension(&self) -> Option<&str> {
        Path::new(self.file_name()).extension().and_then(|extension| extension.to_str())
    }
}

impl Remote {
    pub(super) fn parse(scheme: Scheme, rest: &str) -> Result<Self, String> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // None of these texts is repeated: they may hold what nobody should read.
        if bucket.contains('@') {
            return Err("the URL holds credentials; they belong into the environment".to_owned());
        }
        if rest.contains(['?', '#']) {
            return Err("the URL has a query or a fragment; neither is supported".to_owned());
        }
        if bucket.is_empty() {
            return Err(format!("'{}://' is followed by no name", scheme.as_str()));
        }
        let prefix = prefix.trim_matches('/');
        if !prefix.is_empty() && prefix.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err("the URL's path has an empty part, '.' or '..'".to_owned());
        }
        Ok(Self { scheme, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    fn join(&self, relative: &str) -> Self {
        let name = if self.scheme.is_web() { encoded(relative) } else { relative.to_owned() };
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        Self { prefix: format!("{}{slash}{name}", self.prefix), ..self.clone() }
    }
}

/// Names have all characters, paths of URLs only some.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()+,;=:@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Remote(remote) => remote.fmt(f),
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "{}://{}{slash}{}", self.scheme.as_str(), self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
    }

    #[test]
    fn places_print_as_they_were_written() {
        for text in ["a/b.csv", "s3://bucket/a b/[x].csv", "https://h:8443/a%20b.csv", "gs://b"] {
            assert_eq!(place(text).to_string(), text);
        }
        assert_eq!(place("file:///srv/x.csv"), Place::Local("/srv/x.csv".into()));
    }

    #[test]
    fn names_below_a_place_stay_below_it() {
        assert_eq!(place("out").join("a/b.csv"), Ok(place("out/a/b.csv")));
        assert_eq!(place("s3://b").join("x y.csv"), Ok(place("s3://b/x y.csv")));
        assert_eq!(place("http://h/d").join("x y#.csv"), Ok(place("http://h/d/x%20y%23.csv")));
        for name in ["../x", "/etc/passwd", "a//b", "", "a/./b", "a\0"] {
            assert!(place("out").join(name).is_err(), "{name:?}");
            assert!(place("s3://b/p").join(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_last_part_has_name_and_extension() {
        let parts = |text| {
            let place = place(text);
            (place.file_name().to_owned(), place.extension().map(str::to_owned))
        };
        for text in ["d/x.csv", "s3://b/d/x.csv", "/x.csv", "https://h/x.csv"] {
            assert_eq!(parts(text), ("x.csv".to_owned(), Some("csv".to_owned())), "{text}");
        }
        assert_eq!(parts("s3://b"), (String::new(), None));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_repeating_secrets() {
        for text in ["ftp://x/y", "s3://", "s3:///p", "s3://b/../c", "http://h/x?sig=secret", ""] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
        let error = Place::parse("https://me:secret@host/x").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
