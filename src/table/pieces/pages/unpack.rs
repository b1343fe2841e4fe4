//! Packed pages, unpacked within a bound. Memory is taken for what comes out, not for what a head
//! says will come: that may be gigabytes, of a few bytes.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use parquet::basic::Compression;
use zstd::stream::raw::{self, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe::get_frame_content_size;

use crate::table::parquet as footer;

/// What heads say is believed up to so many bytes for each that is there.
const BELIEVED: usize = 64;

/// Bytes that Snappy makes of one at most: three copy 64.
const SNAPPY_MOST: usize = 22;

/// Bytes that are made room for where nobody knows how many come.
const ROOM: usize = 64 << 10;

const LZ4_MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();

pub(super) enum Codec {
    Gzip,
    Zstd(raw::Decoder<'static>),
    Snappy(snap::raw::Decoder),
    /// As Hadoop or as a frame, or as [`Codec::Lz4Raw`]: writers did not agree.
    Lz4,
    Lz4Raw,
}

impl Codec {
    /// None where pages lie in the file as they are.
    pub(super) fn of(compression: Compression) -> Result<Option<Self>, String> {
        let codec = match compression {
            Compression::UNCOMPRESSED => return Ok(None),
            Compression::GZIP(_) => Self::Gzip,
            Compression::ZSTD(_) => Self::Zstd(raw::Decoder::new().map_err(damaged)?),
            Compression::SNAPPY => Self::Snappy(snap::raw::Decoder::new()),
            Compression::LZ4 => Self::Lz4,
            Compression::LZ4_RAW => Self::Lz4Raw,
            other => return Err(footer::unknown_compression(other)),
        };
        Ok(Some(codec))
    }

    /// What is packed, behind so many bytes in front that are not; at most so many bytes of it.
    pub(super) fn unpack(
        &mut self,
        bytes: &[u8],
        front: usize,
        most: usize,
    ) -> Result<Vec<u8>, String> {
        let Some((front, packed)) = bytes.split_at_checked(front) else {
            let there = bytes.len();
            return Err(format!("expected {front} bytes of levels, there are {there} in the page"));
        };
        let mut out = Out { bytes: front.to_vec(), front: front.len(), most };
        // Where there are only nulls there may be nothing, not even a head.
        if packed.is_empty() {
            return Ok(out.bytes);
        }
        match self {
            Self::Gzip => gzip(packed, &mut out)?,
            Self::Zstd(decoder) => zstd(decoder, packed, &mut out)?,
            Self::Snappy(decoder) => snappy(decoder, packed, &mut out)?,
            Self::Lz4 => lz4(packed, &mut out)?,
            Self::Lz4Raw => block(packed, block_length(packed)?, &mut out)?,
        }
        Ok(out.bytes)
    }
}

fn damaged(error: impl std::fmt::Display) -> String {
    format!("a page cannot be unpacked: {error}")
}

struct Out {
    bytes: Vec<u8>,
    /// Bytes that were there before.
    front: usize,
    /// Bytes that may come.
    most: usize,
}

impl Out {
    fn check(&self, length: usize) -> Result<(), String> {
        if length <= self.most {
            return Ok(());
        }
        Err(format!("a page unpacks to more bytes than {}", self.most))
    }

    fn length(&self) -> usize {
        self.bytes.len() - self.front
    }

    /// Makes room for what a head says will come.
    fn expect(&mut self, claimed: u64, packed: &[u8]) {
        let claimed = usize::try_from(claimed).unwrap_or(usize::MAX);
        let believed = packed.len().saturating_mul(BELIEVED).min(self.most);
        self.bytes.reserve(claimed.min(believed));
    }

    /// More room, and one byte more than may come.
    fn grow(&mut self) {
        let left = (self.most + 1).saturating_sub(self.length());
        self.bytes.reserve(self.length().max(ROOM).min(left));
    }

    fn read(&mut self, from: impl Read) -> Result<(), String> {
        let mut from = from.take(self.most as u64 + 1);
        from.read_to_end(&mut self.bytes).map_err(damaged)?;
        self.check(self.length())
    }

    /// Bytes that are known to come, to be written.
    fn exactly(&mut self, length: usize) -> Result<&mut [u8], String> {
        self.check(self.length().saturating_add(length))?;
        let begin = self.bytes.len();
        self.bytes.resize(begin + length, 0);
        Ok(&mut self.bytes[begin..])
    }
}

fn gzip(packed: &[u8], out: &mut Out) -> Result<(), String> {
    // Its length is at its end.
    let claimed = packed.last_chunk().copied().map_or(0, u32::from_le_bytes);
    out.expect(claimed.into(), packed);
    out.read(MultiGzDecoder::new(packed))
}

/// In one go where the head says how much comes; then nothing is copied.
fn zstd(decoder: &mut raw::Decoder<'_>, packed: &[u8], out: &mut Out) -> Result<(), String> {
    decoder.reinit().map_err(damaged)?;
    out.expect(get_frame_content_size(packed).ok().flatten().unwrap_or(0), packed);
    let mut input = InBuffer::around(packed);
    loop {
        if out.bytes.len() == out.bytes.capacity() {
            out.grow();
        }
        let (begin, before) = (out.bytes.len(), input.pos());
        let mut output = OutBuffer::around_pos(&mut out.bytes, begin);
        let left = decoder.run(&mut input, &mut output).map_err(damaged)?;
        out.check(out.length())?;
        let all_read = input.pos() == packed.len();
        if all_read && left == 0 {
            return Ok(());
        }
        let is_full = out.bytes.len() == out.bytes.capacity();
        let moved = input.pos() > before || out.bytes.len() > begin;
        if !is_full && (all_read || !moved) {
            return Err(damaged("it ends early"));
        }
    }
}

fn snappy(decoder: &mut snap::raw::Decoder, packed: &[u8], out: &mut Out) -> Result<(), String> {
    let length = snap::raw::decompress_len(packed).map_err(damaged)?;
    if length > packed.len().saturating_mul(SNAPPY_MOST) {
        let there = packed.len();
        return Err(damaged(format!("{there} bytes of Snappy cannot be {length} bytes")));
    }
    decoder.decompress(packed, out.exactly(length)?).map_err(damaged)?;
    Ok(())
}

fn lz4(packed: &[u8], out: &mut Out) -> Result<(), String> {
    // Hadoop's way to write nothing.
    if packed.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    if let Some(blocks) = hadoop(packed) {
        return blocks.into_iter().try_for_each(|(packed, length)| block(packed, length, out));
    }
    if packed.starts_with(&LZ4_MAGIC) {
        return out.read(FrameDecoder::new(packed));
    }
    block(packed, block_length(packed)?, out)
}

/// Blocks with their lengths, if all of it is in Hadoop's form: length, packed length (both with the
/// high byte first), block.
fn hadoop(mut packed: &[u8]) -> Option<Vec<(&[u8], usize)>> {
    let mut blocks = Vec::new();
    while !packed.is_empty() {
        let (length, rest) = packed.split_first_chunk()?;
        let (there, rest) = rest.split_first_chunk()?;
        let [length, there] = [length, there].map(|it| u32::from_be_bytes(*it) as usize);
        let (block, rest) = rest.split_at_checked(there)?;
        let is_empty = length == 0 && there == 0;
        if !is_empty && block_length(block) != Ok(length) {
            return None;
        }
        blocks.push((block, length));
        packed = rest;
    }
    Some(blocks)
}

fn block(packed: &[u8], length: usize, out: &mut Out) -> Result<(), String> {
    if length == 0 {
        return Ok(());
    }
    let written = lz4_flex::block::decompress_into(packed, out.exactly(length)?);
    written.map(|_| ()).map_err(damaged)
}

/// Bytes that a block of LZ4 unpacks to. The block does not say, and the page's head is not shown; its
/// sequences are quickly added up.
fn block_length(block: &[u8]) -> Result<usize, String> {
    sequences(block).ok_or_else(|| damaged("it is no block of LZ4"))
}

fn sequences(block: &[u8]) -> Option<usize> {
    let (mut at, mut length) = (0, 0);
    loop {
        let token = *block.get(at)?;
        at += 1;
        let literals = run(block, &mut at, token >> 4)?;
        at += literals;
        length += literals;
        if at == block.len() {
            return Some(length);
        }
        // How far back the copy begins.
        at += 2;
        length += 4 + run(block, &mut at, token & 0xf)?;
    }
}

/// A length that goes on in bytes behind it while these are full.
fn run(block: &[u8], at: &mut usize, begin: u8) -> Option<usize> {
    let mut length = usize::from(begin);
    let mut is_more = begin == 0xf;
    while is_more {
        let byte = *block.get(*at)?;
        *at += 1;
        length += usize::from(byte);
        is_more = byte == u8::MAX;
    }
    Some(length)
}
