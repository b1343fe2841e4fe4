//! Request bodies: read whole, within bounds of size and time, and decompressed.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::Config;
use super::error::Error;
use crate::away;
use crate::coding::{self, Coding, CodingError};

/// Reads the body and undoes its `Content-Encoding`.
pub(super) async fn read(config: &Config, headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    Ok(read_pieces(config, headers, body).await?.whole())
}

/// A body as it arrived: putting the pieces of a large one together is a copy more.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    large: Vec<Bytes>,
    /// What came last, in so small pieces that their number would cost more than a copy.
    small: BytesMut,
    len: usize,
}

/// Pieces of at least so many bytes are kept as they are. Each keeps the buffer that it was
/// read into, of up to 408 KiB.
const LARGE: usize = 128 * 1024;

impl Pieces {
    fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        // Most requests are one small piece.
        if piece.len() >= LARGE || self.len == piece.len() {
            self.end_small();
            self.large.push(piece);
            return;
        }
        // That of the others begins the copy, or they would be copied again behind it.
        if let Some(first) = self.large.pop_if(|last| last.len() < LARGE) {
            self.small.extend_from_slice(&first);
        }
        self.small.extend_from_slice(&piece);
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.large.push(self.small.split().freeze());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What arrived, piece by piece.
    pub(super) fn each(&self, mut look: impl FnMut(&[u8])) {
        self.large.iter().for_each(|piece| look(piece));
        look(&self.small);
    }

    /// All bytes in a row.
    pub(super) fn whole(mut self) -> Bytes {
        self.end_small();
        if self.large.len() == 1 {
            return self.large.remove(0);
        }
        let mut whole = Vec::with_capacity(self.len);
        self.large.iter().for_each(|piece| whole.extend_from_slice(piece));
        whole.into()
    }

    /// The first bytes in a row, and what follows them.
    pub(super) fn split(mut self, at: usize) -> (Bytes, Vec<Bytes>) {
        self.end_small();
        match self.large.first_mut() {
            Some(first) if first.len() >= at => {
                let head = first.split_to(at);
                (head, self.large)
            }
            _ => {
                let mut whole = self.whole();
                let head = whole.split_to(at.min(whole.len()));
                (head, vec![whole])
            }
        }
    }
}

impl From<Bytes> for Pieces {
    fn from(whole: Bytes) -> Self {
        Self { len: whole.len(), large: vec![whole], small: BytesMut::new() }
    }
}

/// The same as [`read`], in pieces.
pub(super) async fn read_pieces(
    config: &Config,
    headers: &HeaderMap,
    body: Body,
) -> Result<Pieces, Error> {
    let coding = Coding::of_request(headers).map_err(Error::ContentEncoding)?;
    let mut reading = pin!(collect(config.max_body, headers, body));
    // Most bodies are there with their heads; those need no timer.
    let raw = match poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
        Poll::Ready(raw) => raw?,
        Poll::Pending => timeout(config.read_timeout, reading)
            .await
            .map_err(|_| Error::SlowBody { seconds: config.read_timeout.as_secs() })??,
    };
    let limit = config.max_body;
    match coding {
        Coding::Identity => Ok(raw),
        // A few bytes may unpack to very many.
        Coding::Gzip | Coding::Deflate => {
            let unpack = move || coding::decompress(coding, &raw.whole(), limit);
            away::blocking(unpack).await?.map(Pieces::from).map_err(|error| match error {
                CodingError::TooLarge => Error::TooLarge { limit },
                CodingError::Corrupt(reason) => {
                    Error::Malformed(format!("the body is not valid {}: {reason}", coding.as_str()))
                }
            })
        }
    }
}

/// The same where a few words are all there is to say.
pub(super) async fn read_small(
    config: &Config,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Error> {
    const MAX_BODY: usize = 16 * 1024;
    read_up_to(MAX_BODY, config, headers, body).await
}

/// The same up to so many bytes.
pub(super) async fn read_up_to(
    limit: usize,
    config: &Config,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Error> {
    let config = Config { max_body: limit.min(config.max_body), ..config.clone() };
    read(&config, headers, body).await
}

async fn collect(limit: usize, headers: &HeaderMap, mut body: Body) -> Result<Pieces, Error> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        .map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced > limit {
        return Err(Error::TooLarge { limit });
    }
    let mut pieces = Pieces::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::BrokenBody(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if pieces.len() + data.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        pieces.push(data);
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(lengths: &[usize]) -> (Pieces, Vec<u8>) {
        let mut pieces = Pieces::default();
        let mut all = Vec::new();
        for &length in lengths {
            let piece: Vec<u8> = (0..=u8::MAX).cycle().skip(all.len() % 256).take(length).collect();
            all.extend_from_slice(&piece);
            pieces.push(piece.into());
        }
        (pieces, all)
    }

    proptest! {
        #[test]
        fn however_a_body_arrives_its_bytes_are_the_same(
            lengths in proptest::collection::vec(prop_oneof![0usize..9, 131_000usize..132_000], 0..12),
            at in 0usize..400_000,
        ) {
            let (whole, all) = pieces(&lengths);
            prop_assert_eq!(whole.len(), all.len());
            prop_assert_eq!(&whole.whole()[..], &all[..]);
            let (split, _) = pieces(&lengths);
            let (head, rest) = split.split(at.min(all.len()));
            prop_assert_eq!(&head[..], &all[..at.min(all.len())]);
            prop_assert_eq!(rest.concat(), &all[at.min(all.len())..]);
        }
    }

    #[test]
    fn a_body_that_drips_takes_no_piece_for_each_drop() {
        let (drops, _) = pieces(&vec![1; 100_000]);
        assert!(drops.split(0).1.len() <= 2);
    }

    #[test]
    fn small_pieces_are_in_a_row_without_another_copy() {
        let (mut small, all) = pieces(&[5000; 20]);
        let row = small.small.as_ptr();
        small.end_small();
        assert_eq!((small.large.len(), small.large[0].len()), (1, all.len()));
        assert_eq!(small.whole().as_ptr(), row);
    }
}
