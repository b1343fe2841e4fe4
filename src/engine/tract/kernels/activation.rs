//! What may follow a sum without another pass over memory.

use pulp::Simd;

/// A function of one number, as tract's operators of the same name compute it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::engine::tract) enum Activation {
    None,
    /// `max`, then `min`. What is not a number stays so.
    Clamp {
        low: f32,
        high: f32,
    },
    /// Negative numbers times a slope.
    Leaky {
        slope: f32,
    },
}

impl Activation {
    #[inline(always)]
    pub(super) fn of<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Self::None => x,
            // The second operand is what these instructions answer where one is not a number.
            Self::Clamp { low, high } => {
                let raised = simd.max_f32s(simd.splat_f32s(low), x);
                simd.min_f32s(simd.splat_f32s(high), raised)
            }
            Self::Leaky { slope } => {
                let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
                let scaled = simd.mul_f32s(x, simd.splat_f32s(slope));
                simd.select_f32s(negative, scaled, x)
            }
        }
    }
}
