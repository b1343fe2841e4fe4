//! gzip and deflate (which is zlib's format, RFC 9110 section 8.4.1.2) on bodies.

use std::io::{Read, Write};
use std::thread;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use http::{HeaderMap, HeaderValue, header};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Deflate,
}

pub(crate) enum CodingError {
    TooLarge,
    Corrupt(String),
}

/// Answers smaller than this are not worth compressing: they fit one packet.
const MIN_COMPRESSED: usize = 1024;

impl Coding {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }

    /// The coding of a request body, or its unknown name.
    pub(crate) fn of_request(headers: &HeaderMap) -> Result<Self, String> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Self::Identity) };
        let name = value.to_str().unwrap_or("?").trim();
        Self::from_name(name).ok_or_else(|| name.to_owned())
    }

    /// The coding that the client accepts for an answer of this size: gzip if it does.
    pub(crate) fn for_answer(headers: &HeaderMap, bytes: usize) -> Self {
        if bytes < MIN_COMPRESSED {
            return Self::Identity;
        }
        let accepted: Vec<Self> = headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(accepted)
            .collect();
        [Self::Gzip, Self::Deflate]
            .into_iter()
            .find(|coding| accepted.contains(coding))
            .unwrap_or(Self::Identity)
    }

    /// The header that tells the client, if there is something to tell.
    pub(crate) fn header(self) -> Option<HeaderValue> {
        (self != Self::Identity).then(|| HeaderValue::from_static(self.as_str()))
    }
}

/// One element of `Accept-Encoding`; `q=0` means "not this".
fn accepted(element: &str) -> Option<Coding> {
    let mut parts = element.split(';').map(str::trim);
    let coding = Coding::from_name(parts.next()?)?;
    let refused = parts.any(|part| {
        part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
    });
    (!refused).then_some(coding)
}

/// Undoes the coding, up to `limit` bytes: a small body may hold a very large one.
pub(crate) fn decompress(coding: Coding, raw: &[u8], limit: usize) -> Result<Bytes, CodingError> {
    match coding {
        Coding::Identity => within(raw, limit),
        Coding::Gzip => within(MultiGzDecoder::new(raw), limit),
        Coding::Deflate => within(ZlibDecoder::new(raw), limit),
    }
}

/// Bytes that are unpacked without a pause: a fraction of a millisecond.
const PIECE: usize = 256 * 1024;

/// All that comes. Whoever waits for this core goes first after each piece: it would else wait for
/// some milliseconds, until the system takes the core away. Pieces are put together at the end, as
/// a buffer that grows is copied, all at once.
fn within(mut unpacked: impl Read, limit: usize) -> Result<Bytes, CodingError> {
    let (mut pieces, mut total) = (Vec::new(), 0);
    loop {
        let mut piece = Vec::new();
        let mut next = unpacked.by_ref().take(PIECE as u64);
        next.read_to_end(&mut piece).map_err(|error| CodingError::Corrupt(error.to_string()))?;
        total += piece.len();
        if total > limit {
            return Err(CodingError::TooLarge);
        }
        let is_last = piece.len() < PIECE;
        pieces.push(piece);
        if is_last {
            break;
        }
        thread::yield_now();
    }
    if pieces.len() == 1 {
        return Ok(pieces.remove(0).into());
    }
    let mut whole = Vec::with_capacity(total);
    for piece in pieces {
        whole.extend_from_slice(&piece);
        thread::yield_now();
    }
    Ok(whole.into())
}

pub(crate) fn compress(coding: Coding, plain: Vec<u8>) -> Vec<u8> {
    // Level 1: answers are numbers, which higher levels hardly pack better.
    let result = match coding {
        Coding::Identity => return plain,
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&plain).and_then(|()| encoder.finish())
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&plain).and_then(|()| encoder.finish())
        }
    };
    // Writing into memory cannot fail.
    result.unwrap_or_default()
}

/// By gzip as well as it can, for what is packed once and sent often.
pub(crate) fn pack(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail.
    encoder.write_all(plain).and_then(|()| encoder.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back() {
        for coding in [Coding::Gzip, Coding::Deflate] {
            let plain = b"1.5, 2.5, ".repeat(500);
            let packed = compress(coding, plain.clone());
            assert!(packed.len() < plain.len());
            assert!(matches!(decompress(coding, &packed, plain.len()), Ok(back) if back == plain));
        }
    }

    #[test]
    fn what_just_fits_comes_back_and_a_byte_more_does_not() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let plain: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            let packed = compress(Coding::Gzip, plain.clone());
            let back = decompress(Coding::Gzip, &packed, length);
            assert!(matches!(back, Ok(back) if back == plain), "{length}");
            let Some(less) = length.checked_sub(1) else { continue };
            let refused = decompress(Coding::Gzip, &packed, less);
            assert!(matches!(refused, Err(CodingError::TooLarge)), "{length}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let packed = compress(Coding::Gzip, vec![b' '; 10 << 20]);
        assert!(matches!(decompress(Coding::Gzip, &packed, 1 << 20), Err(CodingError::TooLarge)));
    }

    #[test]
    fn a_refused_coding_is_not_used() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip;q=0, deflate"));
        assert_eq!(Coding::for_answer(&headers, 5000), Coding::Deflate);
        assert_eq!(Coding::for_answer(&headers, 5), Coding::Identity);
    }
}
