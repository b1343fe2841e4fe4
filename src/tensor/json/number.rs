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

/// Digits that always fit a u64.
const MAX_DIGITS: usize = 19;

/// Digits that always fit an i64.
const SHORT_DIGITS: usize = 18;

/// Powers of ten for that many decimals, all exact in f64.
const POWERS: [f64; SHORT_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18,
];

/// What to multiply with instead of dividing by them, rounded.
const INVERSE_POWERS: [f64; SHORT_DIGITS + 1] = [
    1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14,
    1e-15, 1e-16, 1e-17, 1e-18,
];

/// The powers as integers.
const TENS: [i64; SHORT_DIGITS + 1] = {
    let mut tens = [1; SHORT_DIGITS + 1];
    let mut power = 1;
    while power < tens.len() {
        tens[power] = tens[power - 1] * 10;
        power += 1;
    }
    tens
};

/// The first integer that f64 may not hold exactly is one above.
const EXACT: i64 = 1 << 53;

/// One in each byte.
pub(super) const ONES: u64 = 0x0101_0101_0101_0101;

/// A number of at most [`SHORT_DIGITS`] digits and without exponent, as nearly all are in
/// tensors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Short {
    pub(super) negative: bool,
    pub(super) mantissa: i64,
    pub(super) decimals: usize,
    /// Where the text goes on.
    pub(super) end: usize,
}

impl Short {
    /// `None` for other numbers, and for what is no number. What stands behind it may still
    /// make it one of those.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call and its spills cost as much as the work")]
    pub(super) fn scan(text: &[u8], start: usize) -> Option<Self> {
        if let Some(short) = Self::scan_scaled(text, start) {
            return Some(short);
        }
        let negative = text.get(start) == Some(&b'-');
        let first = start + usize::from(negative);
        let (mut mantissa, mut digits) = digits(text, first)?;
        if digits > 1 && text[first] == b'0' {
            return None;
        }
        let mut end = first + digits;
        let mut decimals = 0;
        if text.get(end) == Some(&b'.') {
            let fraction;
            (fraction, decimals) = self::digits(text, end + 1)?;
            mantissa = mantissa.wrapping_mul(TENS[decimals]).wrapping_add(fraction);
            digits += decimals;
            end += 1 + decimals;
        }
        (digits <= SHORT_DIGITS).then_some(Self { negative, mantissa, decimals, end })
    }

    /// One digit before the point and up to seven behind it, as features have that were
    /// scaled. A good guess: the next number need not wait until the end of this one is found.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn scan_scaled(text: &[u8], start: usize) -> Option<Self> {
        let window: &[u8; 10] = text.get(start..)?.first_chunk()?;
        let [digit @ b'0'..=b'9', b'.', fraction @ ..] = window else { return None };
        let (fraction, decimals) = leading_digits(*fraction);
        if decimals == 0 || decimals == 8 {
            return None;
        }
        let mantissa = i64::from(digit - b'0') * TENS[decimals] + fraction;
        Some(Self { negative: false, mantissa, decimals, end: start + 2 + decimals })
    }
}

/// The digits that stand here, as a number, and how many they are: 1 to [`SHORT_DIGITS`].
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn digits(text: &[u8], at: usize) -> Option<(i64, usize)> {
    match up_to_eight_digits(text, at) {
        (_, 0) => None,
        (value, 8) => many_digits(text, at + 8, value),
        few => Some(few),
    }
}

/// The same behind eight digits of this value.
#[inline]
fn many_digits(text: &[u8], at: usize, first: i64) -> Option<(i64, usize)> {
    let (second, count) = up_to_eight_digits(text, at);
    let value = first * TENS[count] + second;
    if count < 8 {
        return Some((value, 8 + count));
    }
    let (third, count) = up_to_eight_digits(text, at + 8);
    (16 + count <= SHORT_DIGITS).then(|| (value * TENS[count] + third, 16 + count))
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn up_to_eight_digits(text: &[u8], at: usize) -> (i64, usize) {
    match text.get(at..).and_then(<[u8]>::first_chunk) {
        Some(&characters) => leading_digits(characters),
        None => leading_digits(last_characters(text, at)),
    }
}

/// Eight characters at once, after Lemire ("Number Parsing at a Gigabyte per Second", 2021):
/// a loop over digits costs the processor a wrong guess wherever numbers differ in length.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn leading_digits(characters: [u8; 8]) -> (i64, usize) {
    // The first character is the lowest byte. Digits become 0 to 9, all others more.
    let values = u64::from_le_bytes(characters) ^ (ONES * 0x30);
    // The top bit is set where a value is above 9, and at random behind the first of those.
    let others = (values.wrapping_add(ONES * 0x76) | values) & (ONES * 0x80);
    let count = others.trailing_zeros() / 8;
    if count == 0 {
        return (0, 0);
    }
    // Noughts in front of the digits push what follows them out of the word.
    (eight_digits(values << (64 - 8 * count)), count as usize)
}

/// The number of which these bytes are the digits, 0 to 9 each; the last one is the highest.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
pub(super) fn eight_digits(values: u64) -> i64 {
    // Pairs, fours and eights of digits.
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let upper = (pairs & 0xff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let lower = (pairs >> 16 & 0xff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    (upper.wrapping_add(lower) >> 32).cast_signed()
}

/// What is left of the text, and no digits behind it.
#[cold]
fn last_characters(text: &[u8], at: usize) -> [u8; 8] {
    let rest = text.get(at..).unwrap_or_default();
    std::array::from_fn(|index| rest.get(index).copied().unwrap_or_default())
}

impl Short {
    /// The nearest f64, where one division of two exact numbers gives it: that rounds once,
    /// and so rounds right.
    #[inline]
    pub(super) fn to_f64(self) -> Option<f64> {
        (self.mantissa <= EXACT).then(|| self.signed(self.mantissa() / POWERS[self.decimals]))
    }

    /// The nearest f32.
    ///
    /// Three roundings (of the mantissa, of the power, and of their product) lead to an f64
    /// that is off by less than three units in its last place. `None` where so little
    /// decides: near the middle of two f32. All these numbers are nought or far from
    /// subnormal.
    #[inline]
    pub(super) fn to_f32(self) -> Option<f32> {
        const LOW_BITS: u64 = (1 << 29) - 1;
        const HALF_WAY: u64 = 1 << 28;
        const OFF: u64 = 3;
        // A division takes three times as long.
        let double = self.mantissa() * INVERSE_POWERS[self.decimals];
        let low = double.to_bits() & LOW_BITS;
        #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
        (low.wrapping_sub(HALF_WAY - OFF) > 2 * OFF).then(|| self.signed(double) as f32)
    }

    #[inline]
    fn mantissa(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "callers know when it is not exact")]
        let mantissa = self.mantissa as f64;
        mantissa
    }

    #[inline]
    fn signed(self, value: f64) -> f64 {
        if self.negative { -value } else { value }
    }

    #[inline]
    pub(super) fn to_i64(self) -> Option<i64> {
        (self.decimals == 0).then_some(if self.negative { -self.mantissa } else { self.mantissa })
    }
}

impl<'a> Reader<'a> {
    /// Reads a short number if `convert` makes something of it, and leaves anything else
    /// where it stands.
    #[inline]
    pub(super) fn short<T>(&mut self, convert: impl FnOnce(Short) -> Option<T>) -> Option<T> {
        let short = Short::scan(self.text, self.at)?;
        if matches!(self.text.get(short.end), Some(b'e' | b'E')) {
            return None;
        }
        let value = convert(short)?;
        self.at = short.end;
        Some(value)
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
