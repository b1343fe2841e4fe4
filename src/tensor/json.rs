//! JSON, straight between bytes and typed tensor data.
//!
//! A request of a hundred thousand numbers must not become a tree of a hundred thousand
//! values first, so this is a pull reader: the caller says what type comes next, and
//! numbers land in their final vector. Everything small (configuration, metadata) uses
//! `serde_json` instead.
//!
//! One deviation from RFC 8259, on purpose: the bare tokens `NaN`, `Infinity` and
//! `-Infinity` are read and written for floating types, as the clients of Triton and
//! TensorFlow Serving do.

#[cfg(test)]
mod agreement;
mod decimals;
mod many;
mod number;
mod reader;
mod skip;
mod stretch;
mod values;
mod writer;

pub use decimals::{Decimals, TOGETHER};
pub use reader::{JsonError, Kind, Reader};
pub use stretch::{short_f32, short_f64, short_i64};
pub use values::{FromJson, Nesting, read_nested};
pub use writer::{
    NonFinite, Unwritable, write_flat, write_key, write_nested, write_object, write_row,
    write_string,
};
