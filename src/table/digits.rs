//! Numbers of up to eight characters, as most cells of a table are: all of them at once, in one
//! word, after Lemire ("Number Parsing at a Gigabyte per Second", 2021).

use std::ops::Range;

const ONES: u64 = 0x0101_0101_0101_0101;
const ZEROS: u64 = ONES * 0x30;

/// Powers of ten for that many decimals.
const POWERS: [f64; 8] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];

/// The nearest number to a decimal without sign and exponent; `None` for everything else, and for
/// what stands at the very end of a text.
///
/// Digits (fewer than 10^8) and power are exact in double precision, so their quotient is rounded
/// once. A middle between two numbers of single precision has 25 bits, and is further away from
/// any other quotient of such numbers than double precision rounds: rounding again is right.
#[inline]
pub(super) fn short_f32(text: &[u8], stretch: Range<usize>) -> Option<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
    short_f64(text, stretch).map(|number| number as f32)
}

/// The same in double precision.
#[inline]
pub(super) fn short_f64(text: &[u8], stretch: Range<usize>) -> Option<f64> {
    let length = stretch.len();
    if !(1..=8).contains(&length) {
        return None;
    }
    let word: &[u8; 8] = text.get(stretch.start..)?.first_chunk()?;
    // The first character is the lowest byte. Noughts come in front, so that the last one is the
    // highest.
    let empty = 64 - 8 * length;
    let word = shifted(u64::from_le_bytes(*word), empty) | (ZEROS & !shifted(u64::MAX, empty));
    let points = equal(word, b'.');
    if points == 0 {
        return digits(word).map(float);
    }
    let place = points.trailing_zeros() as usize / 8;
    if length == 1 || points & (points - 1) != 0 {
        return None;
    }
    // What is in front of the point moves up by its place.
    let before = word & !shifted(u64::MAX, 8 * place);
    let behind = word & shifted(u64::MAX, 8 * place) & !(0xff << (8 * place));
    let word = behind | before << 8 | 0x30;
    Some(float(digits(word)?) / POWERS[7 - place])
}

#[inline]
fn shifted(word: u64, bits: usize) -> u64 {
    word << bits
}

/// The top bit of each byte that is this one.
#[inline]
pub(super) fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * u64::from(byte));
    let low = 0x7f * ONES;
    !(((difference & low).wrapping_add(low)) | difference | low)
}

/// Eight digits.
#[inline]
fn digits(word: u64) -> Option<u64> {
    let values = word ^ ZEROS;
    // The top bit is set where a value is above 9.
    if (values.wrapping_add(ONES * 0x76) | values) & (ONES * 0x80) != 0 {
        return None;
    }
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let upper = (pairs & 0xff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let lower = (pairs >> 16 & 0xff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    Some(upper.wrapping_add(lower) >> 32)
}

#[inline]
#[expect(clippy::cast_precision_loss, reason = "eight digits are exact")]
fn float(digits: u64) -> f64 {
    digits as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(text: &str) -> (Option<f32>, Option<f64>) {
        let padded = format!("x{text},padding");
        let stretch = 1..=text.len();
        let stretch = *stretch.start()..stretch.end() + 1;
        (short_f32(padded.as_bytes(), stretch.clone()), short_f64(padded.as_bytes(), stretch))
    }

    #[test]
    fn what_is_no_short_decimal_is_left_to_others() {
        for text in
            ["", ".", "..", "1.2.3", "-1", "+1", "1e5", "nan", "123456789", " 1", "1 ", "1,2"]
        {
            assert_eq!(both(text), (None, None), "'{text}'");
        }
        assert_eq!(short_f32(b"1.5", 0..3), None, "at the end of the text");
        assert_eq!(both("39.02"), (Some(39.02), Some(39.02)));
        assert_eq!((both(".5").0, both("5.").0, both("007").0), (Some(0.5), Some(5.0), Some(7.0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn numbers_are_those_of_the_standard_library(text in "[0-9]{0,8}(\\.[0-9]{0,7})?") {
            let (single, double) = both(&text);
            if let Some(single) = single {
                prop_assert_eq!(Ok(single), text.parse::<f32>());
            }
            if let Some(double) = double {
                prop_assert_eq!(Ok(double), text.parse::<f64>());
            }
            let is_short = (1..=8).contains(&text.len()) && text != ".";
            prop_assert_eq!(single.is_some(), is_short);
        }
    }
}
