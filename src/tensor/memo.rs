//! What is known of short texts, which are told apart as numbers.

use std::ops::Range;

/// A number that no other text of this length has; `None` for long ones.
#[inline]
#[must_use]
pub fn short_key(text: &[u8]) -> Option<u64> {
    // Both ends, which overlap in the middle.
    let (first, last) = match text.len() {
        0 => (0, 0),
        1 => (u32::from(text[0]), 0),
        2..=3 => {
            let two = |two: &[u8; 2]| u32::from(u16::from_le_bytes(*two));
            (two(text.first_chunk()?), two(text.last_chunk()?))
        }
        4..=8 => {
            let four = |four: &[u8; 4]| u32::from_le_bytes(*four);
            (four(text.first_chunk()?), four(text.last_chunk()?))
        }
        _ => return None,
    };
    Some(u64::from(first) << 32 | u64::from(last))
}

/// Texts that are remembered: a power of two, and so many that few of a hundred codes share a slot.
const SLOTS: usize = 1024;

/// Slots that a text may have.
const WAYS: usize = 4;

/// What was found out about short texts; of those for which there are too few slots, about some.
pub struct Memo<V> {
    slots: Box<[Slot]>,
    values: Vec<V>,
}

#[derive(Clone, Copy)]
struct Slot {
    key: u64,
    /// Of the text in bytes.
    length: u32,
    /// The place of its value.
    at: u32,
}

/// No short text is so long.
const EMPTY: Slot = Slot { key: 0, length: u32::MAX, at: u32::MAX };

impl<V> Default for Memo<V> {
    fn default() -> Self {
        Self { slots: vec![EMPTY; SLOTS].into(), values: Vec::new() }
    }
}

impl<V> Memo<V> {
    #[inline]
    #[must_use]
    pub fn get(&self, text: &str) -> Option<&V> {
        let key = short_key(text.as_bytes())?;
        for slot in self.slots.get(places(key))? {
            if slot.key == key && slot.length as usize == text.len() {
                return self.values.get(slot.at as usize);
            }
            if slot.length == EMPTY.length {
                break;
            }
        }
        None
    }

    /// Nothing is remembered of a long text.
    pub fn put(&mut self, text: &str, value: V) {
        let Some(key) = short_key(text.as_bytes()) else { return };
        let Some(slots) = self.slots.get_mut(places(key)) else { return };
        let is_its = |slot: &Slot| {
            let is_same = slot.key == key && slot.length as usize == text.len();
            is_same || slot.length == EMPTY.length
        };
        let at = slots.iter().position(is_its).unwrap_or_default();
        let Some(slot) = slots.get_mut(at) else { return };
        let Ok(length) = u32::try_from(text.len()) else { return };
        let at = if let Some(known) = self.values.get_mut(slot.at as usize) {
            *known = value;
            slot.at
        } else {
            self.values.push(value);
            // There are no more than slots.
            u32::try_from(self.values.len() - 1).unwrap_or_default()
        };
        *slot = Slot { key, length, at };
    }
}

#[inline]
fn places(key: u64) -> Range<usize> {
    const RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
    let top = key.wrapping_mul(RATIO) >> (64 - SLOTS.ilog2());
    let first = usize::try_from(top).unwrap_or_default().min(SLOTS - WAYS);
    first..first + WAYS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_remembered_is_of_this_text(
            texts in prop::collection::vec("[ab\u{0}é]{0,10}", 1..200),
        ) {
            let mut memo = Memo::default();
            for (at, text) in texts.iter().enumerate() {
                if let Some(known) = memo.get(text) {
                    prop_assert_eq!(&texts[*known], text);
                }
                memo.put(text, at);
                prop_assert_eq!(memo.get(text).copied(), (text.len() <= 8).then_some(at));
            }
        }
    }
}
