//! Where a byte stands among sixty-four, as bits.

#![expect(
    clippy::inline_always,
    reason = "a search must become one function: only that is compiled for the vectors it uses"
)]

/// Finds bytes.
pub trait Find: Copy {
    /// A bit for each place at which the byte stands, the lowest for the first one.
    fn find(self, block: &[u8; 64], byte: u8) -> u64;
}

/// What is done with what is found.
pub trait Search {
    type Found;

    /// To be inlined always.
    fn search(self, find: impl Find) -> Self::Found;
}

/// Searches as this processor does it best.
#[inline]
pub fn search<S: Search>(search: S) -> S::Found {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return simd.vectorize(x86::Run { search, simd });
    }
    search.search(Words)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use pulp::NullaryFnOnce;
    use pulp::x86::V3;

    use super::{Find, Search};

    pub(super) struct Run<S> {
        pub(super) search: S,
        pub(super) simd: V3,
    }

    impl<S: Search> NullaryFnOnce for Run<S> {
        type Output = S::Found;

        #[inline(always)]
        fn call(self) -> S::Found {
            self.search.search(self.simd)
        }
    }

    impl Find for V3 {
        #[inline(always)]
        fn find(self, block: &[u8; 64], byte: u8) -> u64 {
            let wanted = self.splat_u8x32(byte);
            let halves: [pulp::u8x32; 2] = pulp::cast(*block);
            let [low, high] = halves.map(|half| {
                let equal = self.cmp_eq_u8x32(half, wanted);
                u64::from(self.avx2._mm256_movemask_epi8(pulp::cast(equal)).cast_unsigned())
            });
            low | high << 32
        }
    }
}

/// Eight bytes at a time, on every processor.
#[derive(Clone, Copy)]
struct Words;

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

impl Find for Words {
    #[inline(always)]
    fn find(self, block: &[u8; 64], byte: u8) -> u64 {
        let (words, _) = block.as_chunks();
        words.iter().enumerate().fold(0, |bits, (at, word)| {
            bits | gathered(equal(u64::from_le_bytes(*word), byte)) << (8 * at)
        })
    }
}

/// The top bit of each byte that is this one.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * u64::from(byte));
    let low = 0x7f * ONES;
    !(((difference & low).wrapping_add(low)) | difference | low)
}

/// The top bits of the bytes, side by side.
#[inline(always)]
fn gathered(tops: u64) -> u64 {
    tops.wrapping_mul(0x0002_0408_1020_4081) >> 56
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct One<'a>(&'a [u8; 64], u8);

    impl Search for One<'_> {
        type Found = u64;

        fn search(self, find: impl Find) -> u64 {
            find.find(self.0, self.1)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_bit_is_set_where_the_byte_stands_and_nowhere_else(
            block in prop::collection::vec(prop_oneof![0x28u8..0x2f, any::<u8>()], 64),
            byte in prop_oneof![0x28u8..0x2f, any::<u8>()],
        ) {
            let block: [u8; 64] = block.try_into().unwrap();
            let bits = (0..64).fold(0, |bits, at| bits | u64::from(block[at] == byte) << at);
            prop_assert_eq!(search(One(&block, byte)), bits);
            prop_assert_eq!(Words.find(&block, byte), bits);
        }
    }
}
