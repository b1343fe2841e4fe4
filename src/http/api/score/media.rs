//! Which format a file has, and which one is wanted, by media types.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::batch::Written;
use crate::http::error::Error;
use crate::table::{Format, Kind, Packing};

/// The first name of each is the one that answers have.
const TYPES: [(&str, Written); 9] = [
    ("text/csv", Written::File(Format::Csv)),
    ("application/csv", Written::File(Format::Csv)),
    ("application/x-ndjson", Written::File(Format::Ndjson)),
    ("application/ndjson", Written::File(Format::Ndjson)),
    ("application/jsonl", Written::File(Format::Ndjson)),
    ("application/x-jsonlines", Written::File(Format::Ndjson)),
    ("application/vnd.apache.parquet", Written::File(Format::Parquet)),
    ("application/vnd.apache.arrow.stream", Written::ArrowStream),
    ("application/vnd.apache.arrow.file", Written::File(Format::Arrow)),
];

const KNOWN: &str = "text/csv, application/x-ndjson, application/vnd.apache.parquet, \
                     application/vnd.apache.arrow.stream or application/vnd.apache.arrow.file";

/// Of the file that comes.
pub(super) struct Input {
    pub(super) kind: Kind,
    media: Written,
}

impl Input {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Err(Error::MediaType(format!("Content-Type is missing, expected {KNOWN}")));
        };
        let text = value.to_str().unwrap_or("?");
        let media = named(essence(text)).ok_or_else(|| {
            Error::MediaType(format!("Content-Type '{text}' is no file of rows, expected {KNOWN}"))
        })?;
        let kind = Kind { format: media.format(), packing: packing(headers)? };
        let kind = kind.checked().map_err(|reason| {
            Error::MediaType(format!("Content-Encoding cannot be: {reason}"))
        })?;
        Ok(Self { kind, media })
    }

    /// What the answer is: as this, unless something else is wanted.
    pub(super) fn output(&self, headers: &HeaderMap) -> Result<Written, Error> {
        let values = headers.get_all(header::ACCEPT).iter();
        let texts: Vec<&str> = values.map(|value| value.to_str().unwrap_or("?")).collect();
        if texts.is_empty() {
            return Ok(self.media);
        }
        let mut best: Option<(f32, Written)> = None;
        for range in texts.iter().flat_map(|text| text.split(',')) {
            let weight = weight(range);
            let Some(media) = self.wanted(essence(range)) else { continue };
            if weight > best.map_or(0.0, |(best, _)| best) {
                best = Some((weight, media));
            }
        }
        best.map(|(_, media)| media).ok_or_else(|| {
            let texts = texts.join(", ");
            Error::NotAcceptable(format!("Accept '{texts}' names no file of rows, expected {KNOWN}"))
        })
    }

    fn wanted(&self, range: &str) -> Option<Written> {
        let own = name(self.media);
        match range.trim().to_ascii_lowercase().as_str() {
            "*/*" => Some(self.media),
            "text/*" => Some(Written::File(Format::Csv)),
            "application/*" if own.starts_with("application/") => Some(self.media),
            "application/*" => Some(Written::File(Format::Ndjson)),
            other => named(other),
        }
    }
}

/// The header of an answer.
pub(super) fn content_type(media: Written) -> HeaderValue {
    HeaderValue::from_static(name(media))
}

fn name(media: Written) -> &'static str {
    TYPES.iter().find(|(_, of)| *of == media).map_or("application/octet-stream", |(name, _)| name)
}

fn named(text: &str) -> Option<Written> {
    let known = TYPES.iter().find(|(name, _)| text.trim().eq_ignore_ascii_case(name));
    known.map(|(_, media)| *media)
}

/// Without parameters.
fn essence(text: &str) -> &str {
    text.split(';').next().unwrap_or(text)
}

/// From 0 to 1; what is no number counts as not said.
fn weight(range: &str) -> f32 {
    let parameters = range.split(';').skip(1);
    let quality = parameters.filter_map(|parameter| parameter.trim().strip_prefix("q=")).next();
    quality.and_then(|text| text.trim().parse().ok()).unwrap_or(1.0)
}

fn packing(headers: &HeaderMap) -> Result<Packing, Error> {
    let value = headers.get(header::CONTENT_ENCODING);
    let text = value.map_or("identity", |value| value.to_str().unwrap_or("?")).trim();
    match text.to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Packing::None),
        "gzip" | "x-gzip" => Ok(Packing::Gzip),
        "zstd" => Ok(Packing::Zstd),
        _ => Err(Error::MediaType(format!(
            "Content-Encoding '{text}' is not supported, expected identity, gzip or zstd"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content: &'static str, accept: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        headers
    }

    fn output(content: &'static str, accept: &'static str) -> Option<&'static str> {
        let headers = headers(content, accept);
        let output = Input::of(&headers).ok()?.output(&headers).ok()?;
        Some(name(output))
    }

    #[test]
    fn the_answer_is_as_the_file_or_as_is_wanted_most() {
        assert_eq!(output("text/csv; charset=utf-8", "*/*"), Some("text/csv"));
        assert_eq!(output("application/jsonl", "*/*"), Some("application/x-ndjson"));
        let parquet = "application/vnd.apache.parquet";
        assert_eq!(output("Text/CSV", "text/csv;q=0.5, application/vnd.apache.parquet"), Some(parquet));
        assert_eq!(output("text/csv", "text/html, */*;q=0.1"), Some("text/csv"));
        assert_eq!(output("text/csv", "application/*"), Some("application/x-ndjson"));
        assert_eq!(output("text/csv", "text/html, text/csv;q=0"), None);
        assert_eq!(output("application/json", "*/*"), None);
    }
}
