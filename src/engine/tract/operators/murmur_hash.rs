//! `MurmurHash3` (com.microsoft 1), which scikit-learn's feature hashing is exported to: the
//! 32-bit variant for x86 by Austin Appleby (public domain), over the bytes of each element.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::bail;

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{slice, strings, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let seed: i64 = node.get_attr_opt("seed")?.unwrap_or(0);
    let Ok(seed) = u32::try_from(seed) else {
        bail!("attribute 'seed' is {seed}, expected 0 to {}", u32::MAX)
    };
    bridge::node(
        node,
        MurmurHash { seed, positive: node.get_attr_opt("positive")?.unwrap_or(true) },
    )
}

#[derive(Debug)]
struct MurmurHash {
    seed: u32,
    /// The hash as an unsigned number.
    positive: bool,
}

impl MurmurHash {
    fn hashes<T: Datum, const N: usize>(
        &self,
        value: &TValue,
        bytes: impl Fn(&T) -> [u8; N],
    ) -> TractResult<Vec<u32>> {
        Ok(slice::<T>(value)?.iter().map(|element| hash(&bytes(element), self.seed)).collect())
    }
}

impl Operator for MurmurHash {
    fn name(&self) -> &'static str {
        "MurmurHash3"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        let hash = if self.positive { DatumType::U32 } else { DatumType::I32 };
        Ok(vec![Promise::new(hash, x.dims.iter().cloned())])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let hashes = match x.datum_type() {
            DatumType::I32 => self.hashes(x, |n: &i32| n.to_le_bytes())?,
            DatumType::U32 => self.hashes(x, |n: &u32| n.to_le_bytes())?,
            DatumType::I64 => self.hashes(x, |n: &i64| n.to_le_bytes())?,
            DatumType::U64 => self.hashes(x, |n: &u64| n.to_le_bytes())?,
            DatumType::F32 => self.hashes(x, |n: &f32| n.to_le_bytes())?,
            DatumType::F64 => self.hashes(x, |n: &f64| n.to_le_bytes())?,
            DatumType::String => {
                strings(x)?.iter().map(|text| hash(text.as_bytes(), self.seed)).collect()
            }
            other => bail!("expected numbers or strings, came {other:?}"),
        };
        if self.positive {
            return Ok(tvec!(tensor(x.shape(), hashes)?));
        }
        let signed = hashes.into_iter().map(u32::cast_signed).collect();
        Ok(tvec!(tensor(x.shape(), signed)?))
    }
}

fn hash(bytes: &[u8], seed: u32) -> u32 {
    const FIRST: u32 = 0xcc9e_2d51;
    const SECOND: u32 = 0x1b87_3593;
    let scramble = |block: u32| block.wrapping_mul(FIRST).rotate_left(15).wrapping_mul(SECOND);
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut state = seed;
    for block in blocks {
        state ^= scramble(u32::from_le_bytes(*block));
        state = state.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    state ^= scramble(u32::from_le_bytes(last));
    // The length counts modulo 2^32.
    #[expect(clippy::cast_possible_truncation, reason = "the algorithm says so")]
    let length = bytes.len() as u32;
    state ^= length;
    state = (state ^ (state >> 16)).wrapping_mul(0x85eb_ca6b);
    state = (state ^ (state >> 13)).wrapping_mul(0xc2b2_ae35);
    state ^ (state >> 16)
}

#[cfg(test)]
mod tests {
    use super::hash;
    use crate::engine::tract::answers;

    #[test]
    fn elements_hash_as_in_onnxruntime() {
        answers::match_onnxruntime("standard_murmur_hash.onnx");
    }

    #[test]
    fn hashes_are_those_of_the_published_test_vectors() {
        assert_eq!(hash(b"", 0), 0);
        assert_eq!(hash(b"", 1), 0x514e_28b7);
        assert_eq!(hash(b"test", 0), 0xba6b_d213);
        assert_eq!(hash(b"Hello, world!", 0), 0xc036_3e43);
        assert_eq!(hash(b"The quick brown fox jumps over the lazy dog", 0), 0x2e4f_f723);
    }
}
