//! Typed tensors as they travel between the wire and the engine, and the codecs that
//! read and write their data.
//!
//! Nothing here knows HTTP, models or tract. A [`Tensor`] is always whole: its shape and
//! its number of elements agree from construction on, so nothing below checks again.

pub mod batch;
pub mod binary;
mod data;
mod data_type;
mod dictionary;
pub mod json;
mod memo;
mod shape;
mod wire;

pub use compact_str::{CompactString, format_compact};
pub(crate) use data::each;
pub use data::{Data, Element};
pub use data_type::{DataType, UnknownDataType};
pub use dictionary::Dictionary;
pub use memo::{Memo, short_key};
pub use shape::{Shape, ShapeError};
pub use wire::Wire;

/// Row-major data with its shape.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Shape,
    stored: Stored,
}

#[derive(Clone, Debug)]
enum Stored {
    Typed(Data),
    Wire(Box<Wire>),
    Dictionary(Box<Dictionary>),
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.data() == other.data()
    }
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
            Ok(Self { shape, stored: Stored::Typed(data) })
        } else {
            Err(LengthMismatch { expected: shape.elements(), found: data.len(), shape })
        }
    }

    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Numbers of `shape` as they came over the wire, which fill it.
    fn from_wire(shape: Shape, wire: Wire) -> Self {
        Self { shape, stored: Stored::Wire(Box::new(wire)) }
    }

    /// A tensor of the texts of a dictionary.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub fn of_dictionary(shape: Shape, dictionary: Dictionary) -> Result<Self, LengthMismatch> {
        let (expected, found) = (shape.elements(), dictionary.keys().len());
        if expected != found {
            return Err(LengthMismatch { shape, expected, found });
        }
        Ok(Self { shape, stored: Stored::Dictionary(Box::new(dictionary)) })
    }

    #[must_use]
    pub fn data(&self) -> &Data {
        match &self.stored {
            Stored::Typed(data) => data,
            Stored::Wire(wire) => wire.typed(),
            Stored::Dictionary(dictionary) => dictionary.typed(),
        }
    }

    /// The dictionary of its texts, if it was made of one.
    #[must_use]
    pub fn dictionary(&self) -> Option<&Dictionary> {
        if let Stored::Dictionary(dictionary) = &self.stored { Some(dictionary) } else { None }
    }

    /// The bytes that came over the wire, if it was made of those.
    #[must_use]
    pub fn wire(&self) -> Option<&Wire> {
        match &self.stored {
            Stored::Wire(wire) => Some(wire),
            Stored::Typed(_) | Stored::Dictionary(_) => None,
        }
    }

    #[must_use]
    pub fn data_type(&self) -> DataType {
        match &self.stored {
            Stored::Typed(data) => data.data_type(),
            Stored::Wire(wire) => wire.data_type(),
            Stored::Dictionary(_) => DataType::Bytes,
        }
    }

    /// About how much work it is: its elements, and for texts their bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        match &self.stored {
            Stored::Typed(Data::Bytes(texts)) => texts.iter().map(|text| text.len().max(1)).sum(),
            Stored::Dictionary(dictionary) => {
                dictionary.texts().map(|text| text.len().max(1)).sum()
            }
            Stored::Typed(_) | Stored::Wire(_) => self.shape.elements(),
        }
    }

    /// The size of the leading axis; `None` for a scalar.
    #[must_use]
    pub fn rows(&self) -> Option<usize> {
        self.shape.dims().first().copied()
    }

    /// Changes elements in place. What is of another type or not there stays as it is.
    pub fn put<T: Element>(&mut self, elements: impl Iterator<Item = (usize, T)>) {
        if !matches!(self.stored, Stored::Typed(_)) {
            self.stored = Stored::Typed(self.data().clone());
        }
        let Stored::Typed(data) = &mut self.stored else { return };
        let Some(values) = T::unwrap_mut(data) else { return };
        for (at, element) in elements {
            if let Some(slot) = values.get_mut(at) {
                *slot = element;
            }
        }
    }
}
