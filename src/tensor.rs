//! Typed tensors as they travel between the wire and the engine, and the codecs that
//! read and write their data.
//!
//! Nothing here knows HTTP, models or tract. A [`Tensor`] is always whole: its shape and
//! its number of elements agree from construction on, so nothing below checks again.

pub mod batch;
pub mod binary;
mod data;
mod data_type;
pub mod json;
mod shape;

pub use compact_str::{CompactString, format_compact};
pub(crate) use data::each;
pub use data::{Data, Element};
pub use data_type::{DataType, UnknownDataType};
pub use shape::{Shape, ShapeError};

/// Row-major data with its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Shape,
    data: Data,
}

/// The data does not fill the shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("shape {shape} holds {expected} elements, came {found}")]
pub struct LengthMismatch {
    pub shape: Shape,
    pub expected: usize,
    pub found: usize,
}

impl Tensor {
    /// A tensor of `shape`, row-major.
    ///
    /// # Errors
    /// [`LengthMismatch`] if `data` does not hold exactly `shape.elements()` elements.
    pub fn new(shape: Shape, data: Data) -> Result<Self, LengthMismatch> {
        if shape.elements() == data.len() {
            Ok(Self { shape, data })
        } else {
            Err(LengthMismatch { expected: shape.elements(), found: data.len(), shape })
        }
    }

    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    #[must_use]
    pub fn data_type(&self) -> DataType {
        self.data.data_type()
    }

    #[must_use]
    pub fn into_parts(self) -> (Shape, Data) {
        (self.shape, self.data)
    }

    /// About how much work it is: its elements, and for texts their bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        match &self.data {
            Data::Bytes(texts) => texts.iter().map(|text| text.len().max(1)).sum(),
            other => other.len(),
        }
    }

    /// The size of the leading axis; `None` for a scalar.
    #[must_use]
    pub fn rows(&self) -> Option<usize> {
        self.shape.dims().first().copied()
    }
}
