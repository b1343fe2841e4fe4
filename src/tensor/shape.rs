//! Concrete shapes whose number of elements is known to fit.

use std::fmt;

/// A concrete shape. The product of its dimensions fits a `usize` by construction.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    dims: Vec<usize>,
    elements: usize,
}

/// A list of numbers that is no shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    #[error("dimension {axis} of shape {dims:?} is negative")]
    Negative { axis: usize, dims: Vec<i64> },
    #[error("shape {dims:?} has more elements than can be addressed")]
    Overflow { dims: Vec<i64> },
    #[error("shape has {found} dimensions, at most {MAX_RANK} are allowed")]
    Rank { found: usize },
}

/// More axes than any operator uses; keeps hostile shapes from growing anything.
pub const MAX_RANK: usize = 32;

/// Elements above this cannot exist in memory for any type (2^48 bytes of address space).
const MAX_ELEMENTS: usize = 1 << 48;

impl Shape {
    /// # Errors
    /// [`ShapeError`] if the product of the dimensions overflows or the rank is absurd.
    pub fn new(dims: Vec<usize>) -> Result<Self, ShapeError> {
        if dims.len() > MAX_RANK {
            return Err(ShapeError::Rank { found: dims.len() });
        }
        // A zero anywhere makes the product zero, but the other factors must still be sane:
        // strides are computed from them.
        let fits = dims
            .iter()
            .filter(|&&dim| dim != 0)
            .try_fold(1usize, |product, &dim| product.checked_mul(dim))
            .is_some_and(|product| product <= MAX_ELEMENTS);
        if !fits {
            let dims = dims.iter().map(|&dim| i64::try_from(dim).unwrap_or(i64::MAX)).collect();
            return Err(ShapeError::Overflow { dims });
        }
        let elements = dims.iter().product();
        Ok(Self { dims, elements })
    }

    /// A shape from the signed numbers of a request.
    ///
    /// # Errors
    /// [`ShapeError`] if a dimension is negative or the product overflows.
    pub fn from_signed(dims: &[i64]) -> Result<Self, ShapeError> {
        let unsigned: Result<Vec<usize>, usize> = dims
            .iter()
            .enumerate()
            .map(|(axis, &dim)| usize::try_from(dim).map_err(|_| axis))
            .collect();
        match unsigned {
            Ok(dims) => Self::new(dims),
            Err(axis) => Err(ShapeError::Negative { axis, dims: dims.to_vec() }),
        }
    }

    #[must_use]
    pub fn scalar() -> Self {
        Self { dims: Vec::new(), elements: 1 }
    }

    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    #[must_use]
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// Number of elements; 1 for a scalar.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.elements
    }

    /// Elements of one row along the leading axis; 1 for a scalar.
    #[must_use]
    pub fn row_elements(&self) -> usize {
        self.dims.iter().skip(1).product()
    }

    /// The same shape with another leading axis. Only called with row counts that were
    /// summed from existing tensors, so the product fits.
    #[must_use]
    pub(crate) fn with_rows(&self, rows: usize) -> Self {
        let mut dims = self.dims.clone();
        dims[0] = rows;
        let elements = dims.iter().product();
        Self { dims, elements }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_past_the_address_space_is_refused_even_beside_a_zero() {
        assert!(matches!(Shape::from_signed(&[i64::MAX, 2]), Err(ShapeError::Overflow { .. })));
        assert!(matches!(Shape::from_signed(&[0, i64::MAX, 4]), Err(ShapeError::Overflow { .. })));
    }

    #[test]
    fn a_negative_dimension_is_named_by_its_axis() {
        let error = Shape::from_signed(&[2, -3]).unwrap_err();
        assert_eq!(error.to_string(), "dimension 1 of shape [2, -3] is negative");
    }

    #[test]
    fn a_scalar_holds_one_element() {
        assert_eq!(Shape::from_signed(&[]).unwrap().elements(), 1);
    }
}
