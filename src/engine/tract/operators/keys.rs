//! The keys of a `LabelEncoder`: where in the list of values an input's value stands.
//!
//! Of equal keys the first one counts. NaN is a key only where the operator's version says
//! so; 0.0 and -0.0 are one key.

use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::bail;

use super::values::{slice, strings};

#[derive(Debug)]
pub(super) struct Keys {
    datum_type: DatumType,
    places: Places,
    nan_is_a_key: bool,
}

#[derive(Debug)]
enum Places {
    Strings(HashMap<String, usize>),
    /// By the bits of numbers, see [`Number`].
    Numbers(HashMap<u64, usize>),
}

impl Keys {
    pub(super) fn new(keys: Tensor, nan_is_a_key: bool) -> TractResult<Self> {
        let datum_type = keys.datum_type();
        let keys = keys.into_tvalue();
        let places = if datum_type == DatumType::String {
            Places::Strings(first_places(strings(&keys)?.iter().cloned().map(Some)))
        } else {
            Places::Numbers(first_places(all_bits(&keys, nan_is_a_key)?.into_iter()))
        };
        Ok(Self { datum_type, places, nan_is_a_key })
    }

    pub(super) fn datum_type(&self) -> DatumType {
        self.datum_type
    }

    /// The place of each value, if it is a key.
    pub(super) fn find(&self, x: &TValue) -> TractResult<Vec<Option<usize>>> {
        Ok(match &self.places {
            Places::Strings(places) => {
                strings(x)?.iter().map(|key| places.get(key).copied()).collect()
            }
            Places::Numbers(places) => {
                let bits = all_bits(x, self.nan_is_a_key)?.into_iter();
                bits.map(|key| places.get(&key?).copied()).collect()
            }
        })
    }
}

fn first_places<K: Eq + std::hash::Hash>(
    keys: impl DoubleEndedIterator<Item = Option<K>> + ExactSizeIterator,
) -> HashMap<K, usize> {
    keys.enumerate().rev().filter_map(|(place, key)| Some((key?, place))).collect()
}

fn all_bits(x: &TValue, nan_is_a_key: bool) -> TractResult<Vec<Option<u64>>> {
    fn of<T: Number>(x: &TValue, nan_is_a_key: bool) -> TractResult<Vec<Option<u64>>> {
        Ok(slice::<T>(x)?.iter().map(|key| key.bits(nan_is_a_key)).collect())
    }
    match x.datum_type() {
        DatumType::I64 => of::<i64>(x, nan_is_a_key),
        DatumType::I32 => of::<i32>(x, nan_is_a_key),
        DatumType::I16 => of::<i16>(x, nan_is_a_key),
        DatumType::F32 => of::<f32>(x, nan_is_a_key),
        DatumType::F64 => of::<f64>(x, nan_is_a_key),
        other => bail!("keys of {other:?} are not in the specification"),
    }
}

/// Equal numbers of one type have equal bits, and no others.
trait Number: Datum {
    /// `None` for what is no key.
    fn bits(&self, nan_is_a_key: bool) -> Option<u64>;
}

impl Number for i64 {
    fn bits(&self, _: bool) -> Option<u64> {
        Some(self.cast_unsigned())
    }
}

impl Number for i32 {
    fn bits(&self, _: bool) -> Option<u64> {
        Some(self.cast_unsigned().into())
    }
}

impl Number for i16 {
    fn bits(&self, _: bool) -> Option<u64> {
        Some(self.cast_unsigned().into())
    }
}

impl Number for f64 {
    fn bits(&self, nan_is_a_key: bool) -> Option<u64> {
        if self.is_nan() {
            return nan_is_a_key.then(|| f64::NAN.to_bits());
        }
        // Makes -0.0 zero.
        Some((self + 0.0).to_bits())
    }
}

impl Number for f32 {
    fn bits(&self, nan_is_a_key: bool) -> Option<u64> {
        f64::from(*self).bits(nan_is_a_key)
    }
}
