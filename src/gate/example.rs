//! A request to begin with, for people who try a model: the first golden example, or noughts. As
//! it travels in protocol v2, which is also how golden examples are written.

use super::latency::one_row;
use super::runner::Named;
use crate::engine::Signature;
use crate::tensor::batch::zeros;
use crate::tensor::json::{NonFinite, Unwritable, write_flat, write_string};
use crate::tensor::{DataType, Shape, Tensor};

/// Bytes of an example that is kept for as long as its version serves.
const MOST_BYTES: usize = 256 << 10;

/// Numbers and texts of an example of noughts.
const MOST_NOUGHTS: usize = 1 << 18;

/// Why there is no example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoExample {
    #[error("the inputs have more than {MOST_NOUGHTS} values: too many to show")]
    TooLarge,
    #[error("{0} travels as binary data only, not as JSON")]
    Binary(DataType),
}

/// A golden example as a request, if it is one that can be said in so many bytes of JSON.
pub(super) fn of_golden(inputs: &[Named]) -> Option<String> {
    // Each value is two bytes at least: one that is far too large is not even written.
    let values = elements(inputs.iter().map(|input| input.tensor.shape()));
    if values > MOST_BYTES / 2 {
        return None;
    }
    let named = inputs.iter().map(|input| (input.name.as_str(), &input.tensor));
    text(named).ok().filter(|text| text.len() <= MOST_BYTES)
}

/// One row of noughts and empty texts; whatever else the signature leaves open is 1.
///
/// # Errors
/// [`NoExample`]
pub fn of_noughts(signature: &Signature) -> Result<String, NoExample> {
    let shapes: Option<Vec<Shape>> = signature.inputs.iter().map(|spec| one_row(spec, 1)).collect();
    let shapes = shapes.ok_or(NoExample::TooLarge)?;
    if elements(shapes.iter()) > MOST_NOUGHTS {
        return Err(NoExample::TooLarge);
    }
    let inputs = signature.inputs.iter().zip(shapes);
    let inputs: Vec<(&str, Tensor)> =
        inputs.map(|(spec, shape)| (spec.name.as_str(), zeros(shape, spec.data_type))).collect();
    let named = inputs.iter().map(|(name, tensor)| (*name, tensor));
    text(named).map_err(|Unwritable(data_type)| NoExample::Binary(data_type))
}

fn elements<'a>(shapes: impl Iterator<Item = &'a Shape>) -> usize {
    shapes.map(Shape::elements).fold(0, usize::saturating_add)
}

/// What JSON has no number for is null, which is read as a missing value.
fn text<'a>(inputs: impl Iterator<Item = (&'a str, &'a Tensor)>) -> Result<String, Unwritable> {
    let mut out = Vec::from(r#"{"inputs":["#);
    for (place, (name, tensor)) in inputs.enumerate() {
        out.extend_from_slice(if place > 0 { br#",{"name":"# } else { br#"{"name":"# });
        write_string(&mut out, name);
        let dims: Vec<String> = tensor.shape().dims().iter().map(usize::to_string).collect();
        let (data_type, dims) = (tensor.data_type(), dims.join(","));
        let head = format!(r#","datatype":"{data_type}","shape":[{dims}],"data":"#);
        out.extend_from_slice(head.as_bytes());
        write_flat(&mut out, tensor.data(), NonFinite::Null)?;
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    // Writers of JSON write UTF-8.
    Ok(String::from_utf8(out).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dim, TensorSpec};
    use crate::tensor::Data;

    fn signature(data_type: DataType, dims: Option<Vec<Dim>>) -> Signature {
        let spec = TensorSpec { name: "x \"1\"".to_owned(), data_type, dims, columns: None };
        Signature { inputs: vec![spec], outputs: vec![] }
    }

    fn named(data: Data) -> Named {
        let tensor = Tensor::new(Shape::new(vec![1, data.len()]).unwrap(), data).unwrap();
        Named { name: "x".to_owned(), tensor }
    }

    #[test]
    fn without_examples_a_row_is_noughts_and_empty_texts() {
        let open = Some(vec![Dim::Symbol("N".to_owned()), Dim::Fixed(2), Dim::Unknown]);
        assert_eq!(
            of_noughts(&signature(DataType::Fp32, open)).unwrap(),
            r#"{"inputs":[{"name":"x \"1\"","datatype":"FP32","shape":[1,2,1],"data":[0.0,0.0]}]}"#
        );
        assert_eq!(
            of_noughts(&signature(DataType::Bytes, None)).unwrap(),
            r#"{"inputs":[{"name":"x \"1\"","datatype":"BYTES","shape":[1,1],"data":[""]}]}"#
        );
    }

    #[test]
    fn what_cannot_be_shown_is_said() {
        let of = |data_type, size| {
            of_noughts(&signature(data_type, Some(vec![Dim::Unknown, Dim::Fixed(size)])))
        };
        assert_eq!(of(DataType::Fp32, MOST_NOUGHTS + 1), Err(NoExample::TooLarge));
        assert_eq!(of(DataType::Fp32, usize::MAX), Err(NoExample::TooLarge));
        assert_eq!(of(DataType::Fp16, 2), Err(NoExample::Binary(DataType::Fp16)));
    }

    #[test]
    fn a_golden_example_is_a_request_that_is_read_as_it_was() {
        let text =
            of_golden(&[named(Data::Fp32(vec![1.5, f32::NAN])), named(Data::Int64(vec![7]))]);
        assert_eq!(
            text.unwrap(),
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1.5,null]},{"name":"x","datatype":"INT64","shape":[1,1],"data":[7]}]}"#
        );
    }

    #[test]
    fn a_golden_example_that_is_large_is_not_kept() {
        assert!(of_golden(&[named(Data::Uint8(vec![0; MOST_BYTES / 2 + 1]))]).is_none());
        assert!(of_golden(&[named(Data::Fp32(vec![1.234_567; MOST_BYTES / 4]))]).is_none());
        assert!(of_golden(&[named(Data::Fp32(vec![1.0; MOST_BYTES / 8]))]).is_some());
    }
}
