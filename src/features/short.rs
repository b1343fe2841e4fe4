//! Short texts as numbers.

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
