//! The typed storage behind a tensor.

use compact_str::CompactString;
use half::f16;

use super::DataType;

/// Elements in row-major order, one variant per datatype of the protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Bool(Vec<bool>),
    Uint8(Vec<u8>),
    Uint16(Vec<u16>),
    Uint32(Vec<u32>),
    Uint64(Vec<u64>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Fp16(Vec<f16>),
    Fp32(Vec<f32>),
    Fp64(Vec<f64>),
    /// Short texts, as categories are, take no memory of their own.
    Bytes(Vec<CompactString>),
}

/// Runs one generic expression for whatever the element type is:
/// `each!(data, values => values.len())`.
macro_rules! each {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            $crate::tensor::Data::Bool($values) => $body,
            $crate::tensor::Data::Uint8($values) => $body,
            $crate::tensor::Data::Uint16($values) => $body,
            $crate::tensor::Data::Uint32($values) => $body,
            $crate::tensor::Data::Uint64($values) => $body,
            $crate::tensor::Data::Int8($values) => $body,
            $crate::tensor::Data::Int16($values) => $body,
            $crate::tensor::Data::Int32($values) => $body,
            $crate::tensor::Data::Int64($values) => $body,
            $crate::tensor::Data::Fp16($values) => $body,
            $crate::tensor::Data::Fp32($values) => $body,
            $crate::tensor::Data::Fp64($values) => $body,
            $crate::tensor::Data::Bytes($values) => $body,
        }
    };
}
pub(crate) use each;

/// A Rust type that is the element of one datatype.
pub trait Element: Clone + Default + Send + 'static {
    const DATA_TYPE: DataType;

    fn wrap(values: Vec<Self>) -> Data;

    /// The values, if `data` is of this type.
    fn unwrap(data: &Data) -> Option<&[Self]>;

    /// The same, to be changed.
    fn unwrap_mut(data: &mut Data) -> Option<&mut [Self]>;
}

macro_rules! elements {
    ($($rust:ty => $variant:ident),* $(,)?) => {
        $(impl Element for $rust {
            const DATA_TYPE: DataType = DataType::$variant;

            fn wrap(values: Vec<Self>) -> Data {
                Data::$variant(values)
            }

            fn unwrap(data: &Data) -> Option<&[Self]> {
                match data {
                    Data::$variant(values) => Some(values),
                    _ => None,
                }
            }

            fn unwrap_mut(data: &mut Data) -> Option<&mut [Self]> {
                match data {
                    Data::$variant(values) => Some(values),
                    _ => None,
                }
            }
        })*

        impl Data {
            #[must_use]
            pub fn data_type(&self) -> DataType {
                match self {
                    $(Data::$variant(_) => DataType::$variant,)*
                }
            }

            /// Appends the elements of `from` at these places, and a default (nought, false,
            /// the empty string) for each `None`. Does nothing if the types differ.
            pub fn extend_picked(&mut self, from: &Data, picks: &[Option<usize>]) {
                match (self, from) {
                    $((Data::$variant(values), Data::$variant(from)) => {
                        let pick = |pick: &Option<usize>| {
                            pick.and_then(|pick| from.get(pick)).cloned().unwrap_or_default()
                        };
                        values.extend(picks.iter().map(pick));
                    })*
                    _ => {}
                }
            }

            /// No elements yet, of the given type.
            #[must_use]
            pub fn empty(data_type: DataType) -> Self {
                match data_type {
                    $(DataType::$variant => Data::$variant(Vec::new()),)*
                }
            }
        }
    };
}

elements! {
    bool => Bool,
    u8 => Uint8,
    u16 => Uint16,
    u32 => Uint32,
    u64 => Uint64,
    i8 => Int8,
    i16 => Int16,
    i32 => Int32,
    i64 => Int64,
    f16 => Fp16,
    f32 => Fp32,
    f64 => Fp64,
    CompactString => Bytes,
}

impl Data {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        each!(self, values => values.len())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as a slice of `T`, if that is their type.
    #[must_use]
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        T::unwrap(self)
    }
}

impl<T: Element> From<Vec<T>> for Data {
    fn from(values: Vec<T>) -> Self {
        T::wrap(values)
    }
}
