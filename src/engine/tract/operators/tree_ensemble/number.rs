//! The two types that thresholds, weights and scores are computed in.

use std::fmt::Debug;
use std::ops::{Add, Div};

use tract_onnx::prelude::Datum;

/// A floating-point type. Inputs of type double are compared and added as doubles, all
/// others as floats, as onnxruntime does.
pub(super) trait Number:
    Datum + Copy + Default + Debug + PartialOrd + Add<Output = Self> + Div<Output = Self>
{
    const INFINITY: Self;
    const NEG_INFINITY: Self;
    const NAN: Self;

    /// The nearest number of this type.
    fn of(value: f64) -> Self;
    fn count(count: usize) -> Self;
    fn to_f32(self) -> f32;
    fn is_nan(self) -> bool;
    /// The largest number below this one; NaN, which nothing is below, if there is none.
    fn below(self) -> Self;
}

impl Number for f32 {
    const INFINITY: Self = Self::INFINITY;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;
    const NAN: Self = Self::NAN;

    #[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
    fn of(value: f64) -> Self {
        value as Self
    }

    #[expect(clippy::cast_precision_loss, reason = "trees are counted in thousands")]
    fn count(count: usize) -> Self {
        count as Self
    }

    fn to_f32(self) -> f32 {
        self
    }

    fn is_nan(self) -> bool {
        self.is_nan()
    }

    fn below(self) -> Self {
        if self == Self::NEG_INFINITY { Self::NAN } else { self.next_down() }
    }
}

impl Number for f64 {
    const INFINITY: Self = Self::INFINITY;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;
    const NAN: Self = Self::NAN;

    fn of(value: f64) -> Self {
        value
    }

    #[expect(clippy::cast_precision_loss, reason = "trees are counted in thousands")]
    fn count(count: usize) -> Self {
        count as Self
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
    fn to_f32(self) -> f32 {
        self as f32
    }

    fn is_nan(self) -> bool {
        self.is_nan()
    }

    fn below(self) -> Self {
        if self == Self::NEG_INFINITY { Self::NAN } else { self.next_down() }
    }
}
