//! Request bodies: read whole, within bounds of size and time, and decompressed.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::coding::{self, Coding, CodingError};
use super::error::Error;
use super::{Config, blocking};

/// Reads the body and undoes its `Content-Encoding`.
pub(super) async fn read(config: &Config, headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    let coding = Coding::of_request(headers).map_err(Error::ContentEncoding)?;
    let raw = timeout(config.read_timeout, collect(config.max_body, headers, body))
        .await
        .map_err(|_| Error::SlowBody { seconds: config.read_timeout.as_secs() })??;
    let limit = config.max_body;
    match coding {
        Coding::Identity => Ok(raw),
        // A few bytes may unpack to very many.
        Coding::Gzip | Coding::Deflate => blocking(move || coding::decompress(coding, &raw, limit))
            .await?
            .map_err(|error| match error {
                CodingError::TooLarge => Error::TooLarge { limit },
                CodingError::Corrupt(reason) => {
                    Error::Malformed(format!("the body is not valid {}: {reason}", coding.as_str()))
                }
            }),
    }
}

/// The same where a few words are all there is to say.
pub(super) async fn read_small(
    config: &Config,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Error> {
    const MAX_BODY: usize = 16 * 1024;
    let config = Config { max_body: MAX_BODY.min(config.max_body), ..config.clone() };
    read(&config, headers, body).await
}

async fn collect(limit: usize, headers: &HeaderMap, mut body: Body) -> Result<Bytes, Error> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        .map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced > limit {
        return Err(Error::TooLarge { limit });
    }
    let mut whole: Option<Vec<u8>> = None;
    let mut first: Option<Bytes> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::BrokenBody(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        let so_far = whole.as_ref().map_or(0, Vec::len) + first.as_ref().map_or(0, Bytes::len);
        if so_far + data.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        match (&mut whole, first.take()) {
            (None, None) => first = Some(data),
            (None, Some(start)) => {
                // The length is the client's word, but within the limit, and room that no byte
                // comes for is never touched.
                let mut bytes = Vec::with_capacity(announced.max(start.len() + data.len()));
                bytes.extend_from_slice(&start);
                bytes.extend_from_slice(&data);
                whole = Some(bytes);
            }
            (Some(bytes), _) => bytes.extend_from_slice(&data),
        }
    }
    Ok(whole.map(Bytes::from).or(first).unwrap_or_default())
}
