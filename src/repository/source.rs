//! Where models are, as one text says it: a path, or the URL of an object store.

use std::fmt;
use std::path::PathBuf;

use crate::store::Place;
pub use crate::store::Remote;

/// A place that models come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A model repository, a directory that holds one model, or an `.onnx` file.
    Local(PathBuf),
    /// The place that the models' paths are relative to, or an `.onnx` file.
    Remote(Remote),
}

impl Source {
    /// Reads a path or a URL.
    ///
    /// # Errors
    /// The text of what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(match Place::parse(text)? {
            Place::Local(path) => Self::Local(path),
            Place::Remote(remote) => Self::Remote(remote),
        })
    }
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
