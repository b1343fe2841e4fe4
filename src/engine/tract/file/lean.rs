//! A model file without its large weights: those are looked up where they lie, so that they
//! need not be copied through the decoder.
//!
//! Source: the encoding of protocol buffers, and onnx.proto3 for the numbers of the fields.
//! What is malformed is copied as it is; the decoder will say what is wrong.

use std::io::{self, BufRead, Read, Seek};
use std::ops::Range;

use crate::courtesy;

/// Smaller ones stay in the file: a place of its own costs about as much as copying them.
const LARGE: u64 = 1 << 16;

/// Copied at once, between two rests.
pub(in crate::engine::tract) const PIECE: usize = 1 << 18;

/// The raw data of a large initializer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine::tract) struct Apart {
    /// Counted as the graph lists them.
    pub(in crate::engine::tract) initializer: usize,
    /// In the file.
    pub(in crate::engine::tract) bytes: Range<u64>,
}

/// The messages on the way to the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Initializer,
}

impl Message {
    fn inner(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::Model, 7) => Some(Self::Graph),
            (Self::Graph, 5) => Some(Self::Initializer),
            _ => None,
        }
    }
}

/// What has been seen of an initializer's raw data; the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RawData {
    None,
    Copied,
    Apart,
}

const RAW_DATA: u64 = 9;

/// Wire types.
const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const DELIMITED: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// Copies a file of this size without the raw data of its large initializers.
///
/// # Errors
/// If it cannot be read, or is shorter by now.
pub(super) fn read(input: impl BufRead + Seek, size: u64) -> io::Result<(Vec<u8>, Vec<Apart>)> {
    let mut walk = Walk { input, at: 0, rested: 0, initializers: 0, apart: Vec::new() };
    let mut lean = Vec::new();
    walk.message(Message::Model, size, &mut lean)?;
    Ok((lean, walk.apart))
}

struct Walk<R> {
    input: R,
    at: u64,
    /// Where the last rest was.
    rested: u64,
    initializers: usize,
    apart: Vec<Apart>,
}

impl<R: BufRead + Seek> Walk<R> {
    fn message(&mut self, message: Message, end: u64, out: &mut Vec<u8>) -> io::Result<()> {
        let mut raw_data = RawData::None;
        while self.at < end {
            let start = out.len();
            let Some(key) = self.varint(end, out)? else { return self.copy(end, out) };
            // What is left to copy; `None` where the field is malformed.
            let rest = match (key & 7, key >> 3) {
                (VARINT, _) => self.varint(end, out)?.map(|_| 0),
                (EIGHT_BYTES, _) => Some(8),
                (FOUR_BYTES, _) => Some(4),
                (DELIMITED, RAW_DATA) if message == Message::Initializer => {
                    self.raw_data(end, start, &mut raw_data, out)?
                }
                (DELIMITED, field) => self.delimited(message.inner(field), end, out)?,
                _ => None,
            };
            match rest {
                Some(bytes) if bytes <= end - self.at => self.copy(self.at + bytes, out)?,
                _ => return self.copy(end, out),
            }
        }
        Ok(())
    }

    /// A length, copied and read; `None` if it goes past the end.
    fn length(&mut self, end: u64, out: &mut Vec<u8>) -> io::Result<Option<u64>> {
        let length = self.varint(end, out)?;
        Ok(length.filter(|length| *length <= end - self.at))
    }

    /// A field with a length, which may be a message to look into. Returns what is left to copy.
    fn delimited(
        &mut self,
        inner: Option<Message>,
        end: u64,
        out: &mut Vec<u8>,
    ) -> io::Result<Option<u64>> {
        let before_length = out.len();
        let length = self.length(end, out)?;
        let (Some(bytes), Some(inner)) = (length, inner) else { return Ok(length) };
        out.truncate(before_length);
        out.extend([0; PADDED]);
        self.message(inner, self.at + bytes, out)?;
        put_length(out, before_length)?;
        self.initializers += usize::from(inner == Message::Initializer);
        Ok(Some(0))
    }

    /// The raw data of an initializer, whose field begins at `start` of the copy. Returns what
    /// is left to copy.
    fn raw_data(
        &mut self,
        end: u64,
        start: usize,
        seen: &mut RawData,
        out: &mut Vec<u8>,
    ) -> io::Result<Option<u64>> {
        let Some(length) = self.length(end, out)? else { return Ok(None) };
        if *seen == RawData::Apart {
            self.apart.pop();
        }
        let large = length >= LARGE && *seen != RawData::Copied;
        *seen = if large { RawData::Apart } else { RawData::Copied };
        if large {
            out.truncate(start);
            self.set_apart(self.at..self.at + length)?;
            return Ok(Some(0));
        }
        Ok(Some(length))
    }

    fn set_apart(&mut self, bytes: Range<u64>) -> io::Result<()> {
        let length = i64::try_from(bytes.end - bytes.start).map_err(io::Error::other)?;
        self.input.seek_relative(length)?;
        self.at = bytes.end;
        self.apart.push(Apart { initializer: self.initializers, bytes });
        Ok(())
    }

    /// Copies a number, and reads it; `None` if it is not one.
    fn varint(&mut self, end: u64, out: &mut Vec<u8>) -> io::Result<Option<u64>> {
        const MOST_BYTES: u32 = 10;
        let mut number: u64 = 0;
        for place in 0..MOST_BYTES {
            if self.at == end {
                return Ok(None);
            }
            let mut byte = [0];
            self.input.read_exact(&mut byte)?;
            self.at += 1;
            out.extend(byte);
            if place == MOST_BYTES - 1 && byte[0] > 1 {
                return Ok(None);
            }
            number |= u64::from(byte[0] & 0x7f) << (7 * place);
            if byte[0] & 0x80 == 0 {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn copy(&mut self, end: u64, out: &mut Vec<u8>) -> io::Result<()> {
        while self.at < end {
            let piece = (end - self.at).min(PIECE as u64);
            let copied = self.input.by_ref().take(piece).read_to_end(out)? as u64;
            if copied < piece {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter"));
            }
            self.at += piece;
            if self.at - self.rested >= PIECE as u64 {
                self.rested = self.at;
                courtesy::point();
            }
        }
        Ok(())
    }
}

/// Bytes of the length of a message that is not known before the message is written: the
/// encoding allows numbers to be longer than they need to be.
const PADDED: usize = 5;

/// Writes the length of all that follows it.
fn put_length(out: &mut [u8], at: usize) -> io::Result<()> {
    let mut length = out.len() - at - PADDED;
    for (place, byte) in out[at..at + PADDED].iter_mut().enumerate() {
        let more = if place + 1 < PADDED { 0x80 } else { 0 };
        *byte = u8::try_from(length & 0x7f).unwrap_or_default() | more;
        length >>= 7;
    }
    let too_long = || io::Error::new(io::ErrorKind::InvalidData, "the graph is too large");
    (length == 0).then_some(()).ok_or_else(too_long)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;
    use prost::Message as _;
    use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto};

    use super::*;

    fn lean(bytes: &[u8]) -> (Vec<u8>, Vec<Apart>) {
        read(Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    /// Puts the weights back.
    fn whole(bytes: &[u8]) -> Result<ModelProto, String> {
        let (lean, apart) = lean(bytes);
        let mut model = ModelProto::decode(&*lean).map_err(|error| error.to_string())?;
        for Apart { initializer, bytes: range } in apart {
            let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
            let graph = model.graph.as_mut().unwrap();
            graph.initializer[initializer].raw_data = bytes[start..end].to_vec();
        }
        Ok(model)
    }

    fn model(sizes: &[usize]) -> ModelProto {
        let initializer = |(at, &size): (usize, &usize)| TensorProto {
            name: format!("w{at}"),
            dims: vec![-1, i64::try_from(size).unwrap()],
            raw_data: vec![u8::try_from(at % 256).unwrap(); size],
            double_data: vec![0.5; at],
            ..TensorProto::default()
        };
        let node = NodeProto { op_type: "Add".to_owned(), ..NodeProto::default() };
        let graph = GraphProto {
            node: vec![node; 3],
            initializer: sizes.iter().enumerate().map(initializer).collect(),
            ..GraphProto::default()
        };
        let opset = OperatorSetIdProto { version: 17, ..OperatorSetIdProto::default() };
        ModelProto {
            ir_version: 8,
            opset_import: vec![opset],
            graph: Some(graph),
            ..ModelProto::default()
        }
    }

    /// Most of a file is numbers; mistakes matter at its begin, its end, and around names.
    #[derive(Debug, Clone)]
    enum Place {
        Begin(usize),
        End(usize),
        Name(prop::sample::Index, usize),
        Any(prop::sample::Index),
    }

    fn places() -> impl Strategy<Value = Place> {
        prop_oneof![
            (0usize..40).prop_map(Place::Begin),
            (0usize..40).prop_map(Place::End),
            (any::<prop::sample::Index>(), 0usize..40).prop_map(|(name, at)| Place::Name(name, at)),
            any::<prop::sample::Index>().prop_map(Place::Any),
        ]
    }

    impl Place {
        fn of(&self, bytes: &[u8]) -> usize {
            let last = bytes.len() - 1;
            match self {
                Self::Begin(at) => *at.min(&last),
                Self::End(at) => last.saturating_sub(*at),
                Self::Any(index) => index.index(bytes.len()),
                Self::Name(index, at) => {
                    let is_name = |two: &[u8]| two[0] == b'w' && two[1].is_ascii_digit();
                    let all = bytes.windows(2).enumerate().filter(|(_, two)| is_name(two));
                    let names: Vec<usize> = all.map(|(place, _)| place).collect();
                    let name = names.get(index.index(names.len().max(1))).copied().unwrap_or(0);
                    (name + at).saturating_sub(30).min(last)
                }
            }
        }
    }

    fn sizes() -> impl Strategy<Value = Vec<usize>> {
        let large = usize::try_from(LARGE).unwrap();
        let size = prop_oneof![0usize..300, large - 2..large + 2, Just(3 * large)];
        proptest::collection::vec(size, 0..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn large_weights_lie_apart_and_all_else_is_as_it_was(sizes in sizes()) {
            let model = model(&sizes);
            let bytes = model.encode_to_vec();
            let (lean, apart) = lean(&bytes);
            let large = sizes.iter().filter(|size| **size as u64 >= LARGE);
            prop_assert_eq!(apart.len(), large.count());
            prop_assert!(lean.len() < (sizes.len() + 1) * usize::try_from(LARGE).unwrap());
            prop_assert_eq!(whole(&bytes), Ok(model));
        }

        #[test]
        fn what_is_malformed_decodes_as_the_whole_file_does(
            sizes in sizes(),
            changes in proptest::collection::vec((places(), any::<u8>()), 0..4),
            cut in prop_oneof![Just(None), places().prop_map(Some)],
        ) {
            let mut bytes = model(&sizes).encode_to_vec();
            bytes.truncate(cut.map_or(bytes.len(), |cut| cut.of(&bytes)));
            for (place, byte) in changes {
                if !bytes.is_empty() {
                    let at = place.of(&bytes);
                    bytes[at] = byte;
                }
            }
            let expected = ModelProto::decode(&*bytes).ok();
            prop_assert_eq!(whole(&bytes).ok(), expected);
        }
    }

    #[test]
    fn of_several_raw_data_the_last_counts() {
        let large = usize::try_from(LARGE).unwrap();
        for order in [[large, 4, large], [4, large, 4], [large, large + 1, 4], [4, 8, large]] {
            let raw_data =
                |size: &usize| TensorProto { raw_data: vec![1; *size], ..TensorProto::default() };
            let tensor: Vec<u8> =
                order.iter().flat_map(|size| raw_data(size).encode_to_vec()).collect();
            let mut bytes = Vec::new();
            for (field, message) in [(5, tensor), (7, Vec::new())] {
                let body = if field == 5 { message } else { std::mem::take(&mut bytes) };
                bytes.clear();
                prost::encoding::encode_varint(field << 3 | DELIMITED, &mut bytes);
                prost::encoding::encode_varint(body.len() as u64, &mut bytes);
                bytes.extend(body);
            }
            assert_eq!(whole(&bytes), Ok(ModelProto::decode(&*bytes).unwrap()), "{order:?}");
        }
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let bytes = model(&[10]).encode_to_vec();
        assert!(read(Cursor::new(&bytes), bytes.len() as u64 + 1).is_err());
    }
}
