//! Numbers of which it is known where they end, as cells of a table.

use std::ops::Range;

use super::number::{ONES, Short, eight_digits};

/// The number that stands in exactly this stretch of a text, if it is a short decimal; `None` for
/// all others, and for what is no number.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call and its spills cost as much as the work")]
pub fn short_f32(text: &[u8], stretch: Range<usize>) -> Option<f32> {
    short(text, stretch)?.to_f32()
}

/// The same in double precision.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
pub fn short_f64(text: &[u8], stretch: Range<usize>) -> Option<f64> {
    short(text, stretch)?.to_f64()
}

/// The same for a whole number.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
pub fn short_i64(text: &[u8], stretch: Range<usize>) -> Option<i64> {
    short(text, stretch)?.to_i64()
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn short(text: &[u8], stretch: Range<usize>) -> Option<Short> {
    let negative = text.get(stretch.start) == Some(&b'-');
    let start = stretch.start + usize::from(negative);
    let count = stretch.end.wrapping_sub(start);
    if let Some(at) = stretch.end.checked_sub(8)
        && let Some(characters) = text.get(at..stretch.end).and_then(<[u8]>::first_chunk)
        && (1..=8).contains(&count)
    {
        let (mantissa, decimals) = last_characters(*characters, count)?;
        return Some(Short { negative, mantissa, decimals, end: stretch.end });
    }
    scanned(text, stretch)
}

/// Long numbers, and those at the beginning of a text.
#[inline(never)]
fn scanned(text: &[u8], stretch: Range<usize>) -> Option<Short> {
    Short::scan(text, stretch.start).filter(|short| short.end == stretch.end)
}

/// The number of which the last `count` of these characters are, 1 to 8, and how many digits stand
/// behind its point. Nothing here depends on how many digits it has, which differs from row to row.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn last_characters(characters: [u8; 8], count: usize) -> Option<(i64, usize)> {
    // The last character is the highest byte. Digits become 0 to 9, all others more, and what is
    // before the number becomes 0.
    let first = 8 - count;
    let before = u64::MAX << (8 * first);
    let values = (u64::from_le_bytes(characters) ^ (ONES * 0x30)) & before;
    // The top bit of what is no digit. Only above what is no digit either, one may be set falsely.
    let others = (values.wrapping_add(ONES * 0x76) | values) & (ONES * 0x80);
    let leads_with_nought = characters[first] == b'0';
    if others == 0 {
        let is_padded = leads_with_nought && count > 1;
        return (!is_padded).then(|| (eight_digits(values), 0));
    }
    let point = (others.trailing_zeros() / 8) as usize;
    let is_number = others.is_power_of_two()
        && values >> (8 * point) & 0xff == u64::from(b'.' ^ b'0')
        && (first + 1..=6).contains(&point)
        && !(leads_with_nought && point > first + 1);
    // The digits before the point move into its place.
    let behind = values & (u64::MAX << (8 * (point + 1) % 64));
    let digits = (values & !(u64::MAX << (8 * point))) << 8 | behind;
    is_number.then(|| (eight_digits(digits), 7 - point))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the text is within others, as a cell of a table stands.
    fn within(text: &str, before: &str) -> Option<f64> {
        let whole = format!("{before}{text},17");
        short_f64(whole.as_bytes(), before.len()..before.len() + text.len())
    }

    /// What stands in a text of its own that ends with it.
    fn alone(text: &str) -> Option<f64> {
        scanned(text.as_bytes(), 0..text.len())?.to_f64()
    }

    #[test]
    fn only_whole_cells_that_are_decimals_are_numbers() {
        let none =
            ["", "-", ".", "5.", ".5", "-.5", "01", "00.5", "1.2.3", "1e5", "1 2", "+1", "é"];
        for text in none {
            assert_eq!(within(text, "99.5,7,8,"), None, "{text}");
            assert_eq!(within(text, ""), None, "{text}");
        }
        for (text, number) in [("0", 0.0), ("0.25", 0.25), ("12345678", 12_345_678.0)] {
            assert_eq!(within(text, "99.5,7,8,"), Some(number));
            assert_eq!(within(&format!("-{text}"), "4,"), Some(-number));
        }
        assert!(within("-0", "1,1,1,1,1,").unwrap().is_sign_negative());
        assert_eq!(short_i64(b"1,2.0,300,4", 6..9), Some(300));
        assert_eq!(short_i64(b"1,2.0,300,4", 2..5), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn decimals_in_a_table_are_those_that_a_reader_scans(
            text in "-?(0|[1-9][0-9]{0,9})(\\.[0-9]{1,10})?",
            before in "[0-9.,-]{0,12}",
        ) {
            prop_assert_eq!(within(&text, &before), alone(&text));
            if let Some(number) = alone(&text) {
                prop_assert_eq!(number.to_bits(), text.parse::<f64>().unwrap().to_bits());
            }
        }

        #[test]
        fn other_texts_in_a_table_are_what_a_reader_makes_of_them(
            bytes in prop::collection::vec(prop_oneof![0x2du8..0x3a, any::<u8>()], 0..10),
        ) {
            let whole = [b"99999999,".as_slice(), &bytes, b","].concat();
            let own = short_f64(&whole, 9..9 + bytes.len());
            prop_assert_eq!(own, scanned(&bytes, 0..bytes.len()).and_then(Short::to_f64));
        }
    }
}
