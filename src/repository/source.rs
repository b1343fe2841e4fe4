//! Where models are, as one text says it: a path, or the URL of an object store.

use std::fmt;
use std::path::PathBuf;

/// A place that models come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A model repository, a directory that holds one model, or an `.onnx` file.
    Local(PathBuf),
    Remote(Remote),
}

/// A place behind a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    pub(super) scheme: Scheme,
    /// The bucket or container; for HTTP the host, with its port.
    pub(super) bucket: String,
    /// What lies before the models' paths, without slashes at its ends; may be empty.
    pub(super) prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    S3,
    Google,
    Azure,
    Http,
    Https,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::S3, Self::Google, Self::Azure, Self::Http, Self::Https];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Source {
    /// Reads a path or a URL.
    ///
    /// # Errors
    /// The text of what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text {
                "" => Err("the path is empty".to_owned()),
                path => Ok(Self::Local(PathBuf::from(path))),
            };
        };
        if scheme == "file" {
            return file(rest);
        }
        let scheme =
            Scheme::ALL.into_iter().find(|known| known.as_str() == scheme).ok_or_else(|| {
                format!("'{scheme}://' is not known, expected file, s3, gs, az, http or https")
            })?;
        remote(scheme, rest).map(Self::Remote)
    }
}

fn file(rest: &str) -> Result<Source, String> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if path.starts_with('/') {
        Ok(Source::Local(PathBuf::from(path)))
    } else {
        Err("a file:// URL needs an absolute path, as in file:///srv/models".to_owned())
    }
}

fn remote(scheme: Scheme, rest: &str) -> Result<Remote, String> {
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
    Ok(Remote { scheme, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

impl Remote {
    /// An `.onnx` file, not a place with many.
    pub(super) fn is_one_file(&self) -> bool {
        std::path::Path::new(&self.prefix).extension().is_some_and(|end| end == "onnx")
    }

    /// What a single model is called that has no better name.
    pub(super) fn name(&self) -> &str {
        let parent = match self.prefix.rsplit_once('/') {
            Some((parent, _)) if self.is_one_file() => parent,
            None if self.is_one_file() => "",
            _ => &self.prefix,
        };
        let last = parent.rsplit('/').next().unwrap_or_default();
        if !last.is_empty() {
            return last;
        }
        // A port is no part of a name.
        self.bucket.split(':').next().unwrap_or("model")
    }
}

impl fmt::Display for Source {
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

    fn remote(text: &str) -> Remote {
        match Source::parse(text) {
            Ok(Source::Remote(remote)) => remote,
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn paths_and_file_urls_are_local() {
        assert_eq!(Source::parse("models"), Ok(Source::Local("models".into())));
        assert_eq!(Source::parse("file:///srv/m"), Ok(Source::Local("/srv/m".into())));
        assert!(Source::parse("file://srv/m").is_err() && Source::parse("").is_err());
    }

    #[test]
    fn urls_are_split_into_bucket_and_prefix_and_print_as_they_were() {
        let found = remote("s3://bucket/a/b/");
        assert_eq!((found.bucket.as_str(), found.prefix.as_str()), ("bucket", "a/b"));
        for text in ["s3://bucket", "gs://b/p", "az://c/p/q", "https://host:8443/models"] {
            assert_eq!(remote(text).to_string(), text);
        }
    }

    #[test]
    fn a_single_model_is_named_for_the_last_part_that_says_something() {
        assert_eq!(remote("s3://bucket/a/digits").name(), "digits");
        assert_eq!(remote("s3://bucket").name(), "bucket");
        assert_eq!(remote("http://host:80/digits/model.onnx").name(), "digits");
        assert_eq!(remote("http://host:80/model.onnx").name(), "host");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_repeating_secrets() {
        for text in ["ftp://x/y", "s3://", "s3:///p", "s3://b/../c", "http://h/m.onnx?sig=secret"] {
            assert!(Source::parse(text).is_err(), "{text}");
        }
        let error = Source::parse("https://me:secret@host/x").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
