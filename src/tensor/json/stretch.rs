//! Numbers of which it is known where they end, as cells of a table: those that [`super::decimals`] leaves.

use std::ops::Range;

use super::number::Short;

/// The number that stands in exactly this stretch of a text, if it is a short decimal; `None` for
/// all others, and for what is no number.
#[inline]
pub fn short_f32(text: &[u8], stretch: Range<usize>) -> Option<f32> {
    short(text, stretch)?.to_f32()
}

/// The same in double precision.
#[inline]
pub fn short_f64(text: &[u8], stretch: Range<usize>) -> Option<f64> {
    short(text, stretch)?.to_f64()
}

/// The same for a whole number.
#[inline]
pub fn short_i64(text: &[u8], stretch: Range<usize>) -> Option<i64> {
    short(text, stretch)?.to_i64()
}

fn short(text: &[u8], stretch: Range<usize>) -> Option<Short> {
    Short::scan(text, stretch.start).filter(|short| short.end == stretch.end)
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
        short(text.as_bytes(), 0..text.len())?.to_f64()
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
            prop_assert_eq!(own, short(&bytes, 0..bytes.len()).and_then(Short::to_f64));
        }
    }
}
