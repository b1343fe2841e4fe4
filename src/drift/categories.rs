//! Texts that are told apart at every row: short ones without a hash map.

use std::collections::HashMap;
use std::iter;

use ahash::RandomState;

use crate::tensor::{CompactString, short_key as key};

/// Slots for short texts: four times as many as there are categories at most, so that a multiplier
/// by which each has a slot of its own is found after some fifty tries.
const SLOTS: usize = 128;

const TRIES: usize = 10_000;

/// An odd number that looks random: the bits of the square root of two.
const LENGTHS: u64 = 0xb504_f333_f9de_6485;

/// The categories of a feature, each with its place.
#[derive(Debug, Clone)]
pub struct Categories {
    places: HashMap<CompactString, usize, RandomState>,
    short: Option<Short>,
}

/// Texts of up to eight bytes.
#[derive(Debug, Clone)]
struct Short {
    multiplier: u64,
    slots: Box<[Slot; SLOTS]>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Slot {
    key: u64,
    /// Of the text in bytes.
    length: usize,
    place: usize,
}

/// In no slot is a text of such a length.
const EMPTY: Slot = Slot { key: 0, length: usize::MAX, place: 0 };

impl Categories {
    /// # Errors
    /// The text that is there twice.
    pub(super) fn new(texts: &[String]) -> Result<Self, String> {
        let mut places = HashMap::with_capacity_and_hasher(texts.len(), RandomState::new());
        for (place, text) in texts.iter().enumerate() {
            if places.insert(text.as_str().into(), place).is_some() {
                return Err(text.clone());
            }
        }
        Ok(Self { places, short: Short::new(texts) })
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(CompactString::as_str)
    }

    /// The place of a category, or this one of all other texts.
    #[inline]
    pub(super) fn place_or(&self, text: &str, other: usize) -> usize {
        if let Some(short) = &self.short
            && let Some(key) = key(text.as_bytes())
        {
            return short.place_or(key, text.len(), other);
        }
        self.places.get(text).copied().unwrap_or(other)
    }
}

impl Short {
    /// `None` where no multiplier was found.
    fn new(texts: &[String]) -> Option<Self> {
        // Powers of the golden ratio's bits: odd numbers that look random.
        const RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
        let multipliers = iter::successors(Some(RATIO), |last| Some(last.wrapping_mul(RATIO)));
        multipliers.take(TRIES).find_map(|multiplier| {
            let slots = slots(texts, multiplier)?;
            Some(Self { multiplier, slots })
        })
    }

    /// Without a branch: which texts are categories, nobody can foretell.
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
    fn place_or(&self, key: u64, length: usize, other: usize) -> usize {
        let slot = self.slots[slot(key, length, self.multiplier)];
        let is_known = (slot.key == key) & (slot.length == length);
        if is_known { slot.place } else { other }
    }
}

fn slots(texts: &[String], multiplier: u64) -> Option<Box<[Slot; SLOTS]>> {
    let mut slots = Box::new([EMPTY; SLOTS]);
    for (place, text) in texts.iter().enumerate() {
        let Some(key) = key(text.as_bytes()) else { continue };
        let slot = &mut slots[slot(key, text.len(), multiplier)];
        if *slot != EMPTY {
            return None;
        }
        *slot = Slot { key, length: text.len(), place };
    }
    Some(slots)
}

#[inline]
fn slot(key: u64, length: usize, multiplier: u64) -> usize {
    // Texts of different lengths may have the same key. Lengths are mixed in before the multiplier:
    // if they were by it, some pairs of key and length would meet whatever it is.
    let mixed = key ^ (length as u64).wrapping_mul(LENGTHS);
    let top = mixed.wrapping_mul(multiplier) >> (64 - SLOTS.ilog2());
    usize::try_from(top).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_is_there_twice_is_named() {
        let twice = ["a", "b", "a"].map(str::to_owned);
        assert_eq!(Categories::new(&twice).unwrap_err(), "a");
    }

    #[test]
    fn texts_that_repeat_themselves_have_slots_of_their_own() {
        for texts in
            [["10", "100"], ["1000", "10000"], ["aaab", "aaabaab"], ["", "\0"], ["baa", "aa\0\0"]]
        {
            let categories = Categories::new(&texts.map(str::to_owned)).unwrap();
            assert!(categories.short.is_some(), "{texts:?}");
            assert_eq!(texts.map(|text| categories.place_or(text, 9)), [0, 1]);
        }
    }

    proptest! {
        #[test]
        fn texts_have_the_places_at_which_they_were_given(
            texts in vec("[ab\u{0}é]{0,10}", 0..32),
            others in vec("[ab\u{0}é]{0,10}", 0..32),
        ) {
            let mut texts = texts;
            texts.sort_unstable();
            texts.dedup();
            let categories = Categories::new(&texts).unwrap();
            prop_assert!(categories.short.is_some());
            for text in texts.iter().chain(&others) {
                let place = texts.iter().position(|known| known == text).unwrap_or(99);
                prop_assert_eq!(categories.place_or(text, 99), place);
            }
        }
    }
}
