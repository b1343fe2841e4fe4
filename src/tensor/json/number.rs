//! Decimal numbers to machine numbers, correctly rounded.
//!
//! Tensors travel as short decimals ("0.4821", "17"). Those take the fast path of Clinger
//! ("How to Read Floating Point Numbers Accurately", 1990): a mantissa and a power of ten
//! that are both exact in binary need one multiplication or division, which rounds once
//! and so rounds right. Everything else goes to the standard library.

use super::reader::{JsonError, Reader};

/// A number as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal<'a> {
    pub(super) negative: bool,
    /// The digits without the point; only meaningful if `exact`.
    mantissa: u64,
    /// All digits fit the mantissa.
    exact: bool,
    /// No point and no exponent were written.
    pub(super) integer: bool,
    /// The number as it was written: ASCII digits, signs, a point, an `e`.
    bytes: &'a [u8],
}

/// Digits that make a mantissa below 2^53, which f64 holds exactly.
const SHORT_DIGITS: usize = 15;

/// Powers of ten for that many decimals, all exact in f64.
const POWERS: [f64; SHORT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Digits that always fit a u64.
const MAX_DIGITS: usize = 19;

impl<'a> Reader<'a> {
    /// Reads a number of at most [`SHORT_DIGITS`] digits without exponent: one division of
    /// two exact numbers, which rounds once and so rounds right. Anything else is left
    /// where it stands.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call and its spills cost as much as the work")]
    pub(super) fn short_decimal(&mut self) -> Option<f64> {
        let text = self.text;
        let negative = text.get(self.at) == Some(&b'-');
        let whole = self.at + usize::from(negative);
        let mut at = whole;
        let mut mantissa: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = text.get(at) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            at += 1;
        }
        let mut digits = at - whole;
        if digits == 0 || (digits > 1 && text[whole] == b'0') {
            return None;
        }
        let mut decimals = 0;
        if text.get(at) == Some(&b'.') {
            at += 1;
            let point = at;
            while let Some(digit @ b'0'..=b'9') = text.get(at) {
                mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
                at += 1;
            }
            decimals = at - point;
            digits += decimals;
            if decimals == 0 {
                return None;
            }
        }
        if digits > SHORT_DIGITS || matches!(text.get(at), Some(b'e' | b'E')) {
            return None;
        }
        self.at = at;
        #[expect(clippy::cast_precision_loss, reason = "below 2^53, which is exact")]
        let value = mantissa as f64 / POWERS[decimals];
        Some(if negative { -value } else { value })
    }

    /// Reads an integer of at most [`SHORT_DIGITS`] digits; anything else is left where it
    /// stands.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for short_decimal")]
    pub(super) fn short_integer(&mut self) -> Option<i64> {
        let text = self.text;
        let negative = text.get(self.at) == Some(&b'-');
        let first = self.at + usize::from(negative);
        let mut at = first;
        let mut value: i64 = 0;
        while let Some(digit @ b'0'..=b'9') = text.get(at) {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            at += 1;
        }
        let digits = at - first;
        let zero_first = digits > 1 && text[first] == b'0';
        let goes_on = matches!(text.get(at), Some(b'.' | b'e' | b'E'));
        if digits == 0 || digits > SHORT_DIGITS || zero_first || goes_on {
            return None;
        }
        self.at = at;
        Some(if negative { -value } else { value })
    }

    /// Scans one JSON number, strictly by RFC 8259.
    #[inline]
    pub(super) fn decimal(&mut self) -> Result<Decimal<'a>, JsonError> {
        let start = self.at;
        let text = self.text;
        let negative = text.get(self.at) == Some(&b'-');
        let mut at = start + usize::from(negative);
        let first_digit = at;
        let mut mantissa: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = text.get(at) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            at += 1;
        }
        let mut digits = at - first_digit;
        if digits == 0 || (digits > 1 && text[first_digit] == b'0') {
            return Err(self.unexpected("a number"));
        }
        let mut integer = true;
        if text.get(at) == Some(&b'.') {
            integer = false;
            at += 1;
            let first = at;
            while let Some(digit @ b'0'..=b'9') = text.get(at) {
                mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
                at += 1;
            }
            if at == first {
                self.at = at;
                return Err(self.unexpected("a digit after the decimal point"));
            }
            digits += at - first;
        }
        if let Some(b'e' | b'E') = text.get(at) {
            integer = false;
            at += 1;
            if let Some(b'+' | b'-') = text.get(at) {
                at += 1;
            }
            let first = at;
            while let Some(b'0'..=b'9') = text.get(at) {
                at += 1;
            }
            if at == first {
                self.at = at;
                return Err(self.unexpected("a digit in the exponent"));
            }
        }
        self.at = at;
        let bytes = &text[start..at];
        Ok(Decimal { negative, mantissa, exact: digits <= MAX_DIGITS, integer, bytes })
    }
}

/// Rounds an f64, which is itself the correctly rounded value of some decimal, to the f32
/// nearest to that decimal. `None` where the digits that the first rounding dropped would
/// decide: exactly half way between two f32, and among subnormals, which have other
/// half-way points.
#[inline]
pub(super) fn narrow(double: f64) -> Option<f32> {
    const HALF_WAY: u64 = 1 << 28;
    const LOW_BITS: u64 = (1 << 29) - 1;
    let half_way = double.to_bits() & LOW_BITS == HALF_WAY;
    let normal = double == 0.0 || double.abs() >= f64::from(f32::MIN_POSITIVE);
    #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
    (normal && !half_way).then_some(double as f32)
}

impl Decimal<'_> {
    /// The number as it was written.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(self.bytes).unwrap_or("")
    }

    /// The value of a number written without point or exponent, if it fits 64 bits and sign.
    #[inline]
    pub(super) fn to_i128(self) -> Option<i128> {
        if !self.integer {
            return None;
        }
        if self.exact {
            let value = i128::from(self.mantissa);
            return Some(if self.negative { -value } else { value });
        }
        self.text().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tensor::json::FromJson;

    /// As elements are read: the short path first.
    fn read<T: FromJson>(text: &str) -> T {
        T::read(&mut Reader::new(text.as_bytes())).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn every_f64_reads_as_the_standard_library_reads_it(bits: u64) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                let text = format!("{value:e}");
                prop_assert_eq!(read::<f64>(&text).to_bits(), bits);
            }
        }

        #[test]
        fn every_decimal_reads_as_the_nearest_f32_and_f64(
            text in "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?"
        ) {
            let single = text.parse::<f32>().unwrap();
            if single.is_finite() {
                prop_assert_eq!(read::<f32>(&text).to_bits(), single.to_bits());
            }
            prop_assert_eq!(read::<f64>(&text).to_bits(), text.parse::<f64>().unwrap().to_bits());
        }

        #[test]
        fn decimals_near_the_middle_of_two_f32_round_like_the_standard_library(
            bits in 0u32..0x7f7f_ffff,
            nudge in -3i64..=3,
        ) {
            let low = f64::from(f32::from_bits(bits));
            let high = f64::from(f32::from_bits(bits + 1));
            let middle = f64::midpoint(low, high).to_bits().saturating_add_signed(nudge);
            let text = f64::from_bits(middle).to_string();
            prop_assert_eq!(read::<f32>(&text).to_bits(), text.parse::<f32>().unwrap().to_bits());
        }

        #[test]
        fn every_64_bit_integer_reads_exactly(signed: i64, unsigned: u64) {
            for shift in [0, 20, 40, 60] {
                let (signed, unsigned) = (signed >> shift, unsigned >> shift);
                prop_assert_eq!(read::<i64>(&signed.to_string()), signed);
                prop_assert_eq!(read::<u64>(&unsigned.to_string()), unsigned);
            }
        }
    }

    #[test]
    fn minus_zero_keeps_its_sign() {
        assert!(read::<f64>("-0").is_sign_negative());
        assert!(read::<f32>("-0.0").is_sign_negative());
    }

    #[test]
    fn what_is_no_json_number_is_an_error() {
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "--1", "x"] {
            assert!(Reader::new(text.as_bytes()).decimal().is_err(), "{text}");
        }
    }
}
