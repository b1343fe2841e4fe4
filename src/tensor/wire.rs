//! Elements that are still as they came over the wire.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;

use super::{Data, DataType, binary};

/// Numbers, little-endian and row-major, in pieces that may end anywhere. An engine can take
/// the bytes as they are; they become typed values where somebody asks for those.
#[derive(Debug, Clone)]
pub struct Wire {
    data_type: DataType,
    pieces: Vec<Bytes>,
    typed: OnceLock<Data>,
}

impl Wire {
    /// Gives the pieces back if their bytes may be wrong: those of `BOOL` and `BYTES`.
    pub(super) fn new(data_type: DataType, pieces: Vec<Bytes>) -> Result<Self, Vec<Bytes>> {
        match data_type {
            DataType::Bool | DataType::Bytes => Err(pieces),
            _ => Ok(Self { data_type, pieces, typed: OnceLock::new() }),
        }
    }

    #[must_use]
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    pub(super) fn data_type(&self) -> DataType {
        self.data_type
    }

    /// Bytes in all pieces.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    pub(super) fn typed(&self) -> &Data {
        self.typed.get_or_init(|| binary::numbers(self.data_type, &self.pieces))
    }

    pub(super) fn into_typed(self) -> Data {
        binary::numbers(self.data_type, &self.pieces)
    }

    /// These bytes, not copied; `None` if it does not have them.
    pub(super) fn slice(&self, bytes: Range<usize>) -> Option<Self> {
        if bytes.start > bytes.end || bytes.end > self.byte_len() {
            return None;
        }
        let mut start = 0;
        let within = |piece: &Bytes| {
            let (first, end) = (start, start + piece.len());
            start = end;
            let within = bytes.start.clamp(first, end)..bytes.end.clamp(first, end);
            (!within.is_empty()).then(|| piece.slice(within.start - first..within.end - first))
        };
        let pieces = self.pieces.iter().filter_map(within).collect();
        Some(Self { data_type: self.data_type, pieces, typed: OnceLock::new() })
    }

    /// All of them in a row, not copied; `None` if there are none, or one is missing or of
    /// another type.
    pub(super) fn join(parts: impl Iterator<Item = Option<Self>>) -> Option<Self> {
        let mut joined: Option<Self> = None;
        for part in parts {
            let part = part?;
            match &mut joined {
                None => joined = Some(part),
                Some(joined) if joined.data_type == part.data_type => {
                    joined.pieces.extend(part.pieces);
                }
                Some(_) => return None,
            }
        }
        joined
    }
}
