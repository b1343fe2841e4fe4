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
    /// Power of ten to scale the mantissa by.
    exponent: i32,
    /// All digits fit the mantissa.
    exact: bool,
    /// No point and no exponent were written.
    pub(super) integer: bool,
    pub(super) text: &'a str,
}

/// Powers of ten that are exact in f64.
const POWERS_F64: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Digits that always fit a u64.
const MAX_DIGITS: usize = 19;

impl<'a> Reader<'a> {
    /// Scans one JSON number, strictly by RFC 8259.
    #[inline]
    pub(super) fn decimal(&mut self) -> Result<Decimal<'a>, JsonError> {
        self.skip_space();
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
        let mut exponent: i32 = 0;
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
            exponent = -i32::try_from(at - first).unwrap_or(i32::MAX);
        }
        if let Some(b'e' | b'E') = text.get(at) {
            integer = false;
            at += 1;
            let minus = text.get(at) == Some(&b'-');
            if let Some(b'+' | b'-') = text.get(at) {
                at += 1;
            }
            let first = at;
            let mut written: i32 = 0;
            while let Some(digit @ b'0'..=b'9') = text.get(at) {
                written = written.saturating_mul(10).saturating_add(i32::from(digit - b'0'));
                at += 1;
            }
            if at == first {
                self.at = at;
                return Err(self.unexpected("a digit in the exponent"));
            }
            exponent = exponent.saturating_add(if minus { -written } else { written });
        }
        self.at = at;
        // Only ASCII digits, signs, a point and an 'e' were accepted above.
        let text = std::str::from_utf8(&text[start..at]).unwrap_or("");
        Ok(Decimal { negative, mantissa, exponent, exact: digits <= MAX_DIGITS, integer, text })
    }
}

impl Decimal<'_> {
    /// The nearest f64; infinite if the number is out of range.
    #[inline]
    pub(super) fn to_f64(self) -> f64 {
        self.short().unwrap_or_else(|| self.text.parse().unwrap_or(f64::NAN))
    }

    /// The nearest f32; infinite if the number is out of range.
    #[inline]
    pub(super) fn to_f32(self) -> f32 {
        // An f64 that is the correctly rounded value of the decimal rounds on to the correct
        // f32 unless it lies exactly half way between two f32, where the digits that the
        // first rounding dropped would decide. Subnormal f32 have other half-way points.
        const HALF_WAY: u64 = 1 << 28;
        const LOW_BITS: u64 = (1 << 29) - 1;
        if let Some(double) = self.short() {
            let half_way = double.to_bits() & LOW_BITS == HALF_WAY;
            let normal = double == 0.0 || double.abs() >= f64::from(f32::MIN_POSITIVE);
            if normal && !half_way {
                #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
                return double as f32;
            }
        }
        self.text.parse().unwrap_or(f32::NAN)
    }

    /// Clinger's fast path: exact mantissa, exact power, one rounding.
    #[inline]
    fn short(self) -> Option<f64> {
        const MAX_MANTISSA: u64 = 1 << 53;
        if !self.exact || self.mantissa > MAX_MANTISSA {
            return None;
        }
        let power = *POWERS_F64.get(self.exponent.unsigned_abs() as usize)?;
        #[expect(clippy::cast_precision_loss, reason = "at most 2^53, which is exact")]
        let mantissa = self.mantissa as f64;
        let value = if self.exponent < 0 { mantissa / power } else { mantissa * power };
        Some(if self.negative { -value } else { value })
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
        self.text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal<'_> {
        Reader::new(text.as_bytes()).decimal().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn every_f64_reads_as_the_standard_library_reads_it(bits: u64) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                let text = format!("{value:e}");
                prop_assert_eq!(decimal(&text).to_f64().to_bits(), bits);
            }
        }

        #[test]
        fn every_decimal_reads_as_the_nearest_f32_and_f64(
            text in "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?"
        ) {
            let number = decimal(&text);
            prop_assert_eq!(number.to_f32().to_bits(), text.parse::<f32>().unwrap().to_bits());
            prop_assert_eq!(number.to_f64().to_bits(), text.parse::<f64>().unwrap().to_bits());
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
            prop_assert_eq!(decimal(&text).to_f32().to_bits(), text.parse::<f32>().unwrap().to_bits());
        }

        #[test]
        fn every_64_bit_integer_reads_exactly(signed: i64, unsigned: u64) {
            prop_assert_eq!(decimal(&signed.to_string()).to_i128(), Some(i128::from(signed)));
            prop_assert_eq!(decimal(&unsigned.to_string()).to_i128(), Some(i128::from(unsigned)));
        }
    }

    #[test]
    fn minus_zero_keeps_its_sign() {
        assert!(decimal("-0").to_f64().is_sign_negative());
        assert!(decimal("-0.0").to_f32().is_sign_negative());
    }

    #[test]
    fn what_is_no_json_number_is_an_error() {
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "--1", "x"] {
            assert!(Reader::new(text.as_bytes()).decimal().is_err(), "{text}");
        }
    }
}
