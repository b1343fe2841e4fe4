//! Numbers that are compared as they were written: an f64 rounds whole numbers past 2^53.

use std::cmp::Ordering;
use std::fmt;

#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// Those of all types of whole numbers, and further ones.
    Whole(i128),
    Real(f64),
}

impl Number {
    /// The nearest f64.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "that is what is wanted")]
    pub fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }

    /// The least whole number that is not smaller.
    pub(super) fn ceil(self) -> i128 {
        match self {
            Self::Whole(number) => number,
            Self::Real(number) => saturated(number.ceil()),
        }
    }

    /// The greatest whole number that is not greater.
    pub(super) fn floor(self) -> i128 {
        match self {
            Self::Whole(number) => number,
            Self::Real(number) => saturated(number.floor()),
        }
    }

    /// The same number, if it is a whole one.
    #[must_use]
    pub fn whole(self) -> Option<i128> {
        match self {
            Self::Whole(number) => Some(number),
            Self::Real(number) => (number.fract() == 0.0).then(|| saturated(number)),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
fn saturated(number: f64) -> i128 {
    number as i128
}

/// NaN, which is not written in contracts, is neither less, equal nor greater.
impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (*self, *other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(&b),
            (Self::Whole(a), Self::Real(b)) => with_real(a, b),
            (Self::Real(a), Self::Whole(b)) => with_real(b, a).map(Ordering::reverse),
        }
    }
}

fn with_real(whole: i128, real: f64) -> Option<Ordering> {
    let fraction = real.fract();
    if real.is_nan() {
        return None;
    }
    // Infinities have no fraction that is a number, and saturate beyond all 64 bits.
    let of_fraction = 0.0.partial_cmp(&fraction).unwrap_or(Ordering::Equal);
    Some(whole.cmp(&saturated(real.trunc())).then(of_fraction))
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Whole(number.into())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_not_rounded_when_they_are_compared() {
        let past = Number::Whole((1 << 53) + 1);
        assert!(past > Number::Real(9_007_199_254_740_992.0));
        assert!(Number::Real(9_007_199_254_740_992.0) < past);
        assert_eq!(Number::Whole(3), Number::Real(3.0));
        assert!(Number::Whole(3) < Number::Real(3.5) && Number::Whole(-3) > Number::Real(-3.5));
        assert!(Number::Whole(u64::MAX.into()) < Number::Real(f64::INFINITY));
        assert!(Number::Whole(i64::MIN.into()) > Number::Real(f64::NEG_INFINITY));
        assert_eq!(Number::Whole(0).partial_cmp(&Number::Real(f64::NAN)), None);
        assert_eq!(Number::Real(-0.0), Number::Whole(0));
    }

    #[test]
    fn bounds_are_rounded_to_the_inside() {
        assert_eq!((Number::Real(0.5).ceil(), Number::Real(9.5).floor()), (1, 9));
        assert_eq!((Number::Real(7.0).whole(), Number::Real(7.5).whole()), (Some(7), None));
    }
}
