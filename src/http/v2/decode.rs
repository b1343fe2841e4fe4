//! The body of an infer request into typed tensors: JSON, JSON followed by binary data,
//! or one raw tensor.

mod input;
mod raw;

use std::time::Duration;

use axum::body::Bytes;

use crate::http::exchange::DecodeError;
use crate::predict::{NamedTensor, Priority};
use crate::tensor::json::{FromJson, JsonError, Kind, Reader};

pub(in crate::http) use raw::decode_raw;

/// A decoded request.
#[derive(Debug, Default)]
pub(in crate::http) struct InferRequest {
    pub(super) id: Option<String>,
    pub(super) inputs: Vec<NamedTensor>,
    /// The outputs to return; all if empty.
    pub(super) outputs: Vec<RequestedOutput>,
    /// Outputs are binary unless one says otherwise.
    pub(super) binary_outputs: bool,
    /// NaN and infinities become `null`.
    pub(super) strict_json: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) priority: Priority,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RequestedOutput {
    pub(super) name: String,
    pub(super) binary: Option<bool>,
    /// The best so many classes instead of the tensor.
    pub(super) classes: Option<usize>,
}

/// Inputs or outputs of one request. No model has so many; an entry takes more memory than
/// its text.
const MAX_TENSORS: usize = 10_000;

/// Decodes JSON and the binary data that stood behind it, in pieces.
pub(in crate::http) fn decode(json: &[u8], blob: Vec<Bytes>) -> Result<InferRequest, DecodeError> {
    let mut request = InferRequest::default();
    let mut inputs = None;
    let mut reader = Reader::new(json);
    reader.object::<DecodeError>(|reader, key| {
        match key.as_ref() {
            "id" if reader.null() => {}
            "id" => request.id = Some(reader.string()?.into_owned()),
            "parameters" => request.read_parameters(reader)?,
            "inputs" => inputs = Some(input::read_all(reader)?),
            "outputs" => request.outputs = read_outputs(reader)?,
            _ => reader.ignore()?,
        }
        Ok(())
    })?;
    reader.finish()?;
    let inputs = inputs.ok_or_else(|| DecodeError("the request has no 'inputs'".to_owned()))?;
    request.inputs = input::finish(inputs, &Reader::new(json), blob)?;
    Ok(request)
}

impl InferRequest {
    pub(in crate::http) fn into_inputs(self) -> Vec<NamedTensor> {
        self.inputs
    }

    fn read_parameters(&mut self, reader: &mut Reader) -> Result<(), DecodeError> {
        if reader.null() {
            return Ok(());
        }
        reader.object(|reader, key| {
            match key.as_ref() {
                "binary_data_output" => {
                    self.binary_outputs = boolean(reader, "binary_data_output")?;
                }
                "strict_json" => self.strict_json = boolean(reader, "strict_json")?,
                "timeout" => {
                    let micros = unsigned(reader, "timeout")?;
                    // Zero means "no timeout of my own", as in Triton.
                    self.timeout = (micros > 0).then(|| Duration::from_micros(micros));
                }
                "priority" => self.priority = Priority::of(unsigned(reader, "priority")?),
                _ => reader.ignore()?,
            }
            Ok(())
        })
    }
}

fn boolean(reader: &mut Reader, name: &str) -> Result<bool, DecodeError> {
    reader.boolean().map_err(|error| DecodeError(format!("parameter '{name}': {error}")))
}

/// A number, also where a client has written it as a string.
fn unsigned(reader: &mut Reader, name: &str) -> Result<u64, DecodeError> {
    let error = |error: JsonError| DecodeError(format!("parameter '{name}': {error}"));
    if reader.kind()? == Kind::String {
        let text = reader.string()?;
        return text.parse().map_err(|_| {
            DecodeError(format!("parameter '{name}': expected a whole number, came \"{text}\""))
        });
    }
    whole(reader).map_err(error)
}

/// A whole number, also where it has a point and noughts behind it: JSON has one kind of number.
fn whole<T: FromJson + TryFrom<i128>>(reader: &mut Reader) -> Result<T, JsonError> {
    let mut ahead = reader.clone();
    let error = match T::read(reader) {
        Ok(number) => return Ok(number),
        Err(error) => error,
    };
    let float = f64::read(&mut ahead).ok().filter(|float| float.fract() == 0.0);
    #[expect(clippy::cast_possible_truncation, reason = "what is too large becomes no number")]
    let number = float.and_then(|float| T::try_from(float as i128).ok()).ok_or(error)?;
    *reader = ahead;
    Ok(number)
}

fn read_outputs(reader: &mut Reader) -> Result<Vec<RequestedOutput>, DecodeError> {
    let mut outputs = Vec::new();
    if reader.null() {
        return Ok(outputs);
    }
    reader.array::<DecodeError>(|reader| {
        let mut output = RequestedOutput::default();
        let mut name = None;
        reader.object::<DecodeError>(|reader, key| {
            match key.as_ref() {
                "name" => name = Some(reader.string()?.into_owned()),
                "parameters" if !reader.null() => reader.object(|reader, key| {
                    match key.as_ref() {
                        "binary_data" => output.binary = Some(boolean(reader, "binary_data")?),
                        "classification" => {
                            let classes = unsigned(reader, "classification")?;
                            let classes = usize::try_from(classes).unwrap_or(usize::MAX);
                            output.classes = (classes > 0).then_some(classes);
                        }
                        _ => reader.ignore()?,
                    }
                    Ok::<(), DecodeError>(())
                })?,
                "parameters" => {}
                _ => reader.ignore()?,
            }
            Ok(())
        })?;
        if outputs.len() == MAX_TENSORS {
            return Err(DecodeError(format!("more than {MAX_TENSORS} outputs")));
        }
        output.name =
            name.ok_or_else(|| DecodeError("a requested output has no 'name'".to_owned()))?;
        outputs.push(output);
        Ok(())
    })?;
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tensor::Data;

    fn message(body: &str) -> String {
        decode(body.as_bytes(), Vec::new()).unwrap_err().0
    }

    /// JSON up to `end`, and what follows in two pieces.
    fn decode_cut(body: &[u8], end: Option<usize>) {
        let (json, rest) = body.split_at(end.unwrap_or(body.len()).min(body.len()));
        let (first, second) = rest.split_at(rest.len() / 2);
        let pieces = [Bytes::copy_from_slice(first), Bytes::copy_from_slice(second)];
        let _ = decode(json, pieces.to_vec());
    }

    #[test]
    fn keys_may_come_in_any_order() {
        let body = r#"{"inputs":[{"data":[[1,2],[3,4]],"parameters":{},"shape":[2,2],
            "datatype":"INT64","name":"x"}],"id":"7"}"#;
        let request = decode(body.as_bytes(), Vec::new()).unwrap();
        assert_eq!(request.id.as_deref(), Some("7"));
        assert_eq!(request.inputs[0].tensor.data(), &Data::Int64(vec![1, 2, 3, 4]));
    }

    #[test]
    fn whole_numbers_may_have_a_point() {
        let body = r#"{"parameters":{"timeout":2.0,"priority":1e0},"inputs":[{"name":"x",
            "shape":[1.0],"datatype":"FP32","data":[1]}]}"#;
        let request = decode(body.as_bytes(), Vec::new()).unwrap();
        assert_eq!(request.timeout, Some(Duration::from_micros(2)));
        assert_eq!(request.inputs[0].tensor.shape().dims(), [1]);
        let wrong =
            |number| message(&format!(r#"{{"parameters":{{"timeout":{number}}},"inputs":[]}}"#));
        for number in ["1.5", "-1.0", "1e30", "NaN", "Infinity", "null"] {
            assert!(
                wrong(number).starts_with("parameter 'timeout': expected"),
                "{}",
                wrong(number)
            );
        }
    }

    #[test]
    fn an_id_of_null_is_none() {
        let request = decode(br#"{"id":null,"inputs":[]}"#, Vec::new()).unwrap();
        assert_eq!(request.id, None);
    }

    #[test]
    fn more_tensors_than_any_model_has_are_refused_before_they_are_kept() {
        let inputs = format!(r#"{{"inputs":[{}{{}}]}}"#, "{},".repeat(MAX_TENSORS));
        assert_eq!(message(&inputs), "more than 10000 inputs");
        let outputs = r#"{"name":"y"},"#.repeat(MAX_TENSORS);
        let outputs = format!(r#"{{"inputs":[],"outputs":[{outputs}{{"name":"y"}}]}}"#);
        assert_eq!(message(&outputs), "more than 10000 outputs");
    }

    #[test]
    fn data_that_is_nested_unlike_its_shape_is_refused() {
        let body = r#"{"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32",
            "data":[[1,2],[3,4],[5,6]]}]}"#;
        assert_eq!(
            message(body),
            "input 'x': data: it is nested as [3, 2], expected [2, 3] or a flat list"
        );
    }

    #[test]
    fn an_input_cannot_carry_json_and_binary_data() {
        let body = r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],
            "parameters":{"binary_data_size":4}}]}"#;
        assert_eq!(message(body), "input 'x': it has both 'data' and 'binary_data_size'");
    }

    #[test]
    fn a_shape_too_large_for_its_data_reserves_no_memory() {
        let body =
            r#"{"inputs":[{"name":"x","shape":[1099511627776],"datatype":"FP32","data":[1]}]}"#;
        assert_eq!(
            message(body),
            "input 'x': data: shape [1099511627776] holds 1099511627776 elements, came 1"
        );
    }

    proptest! {
        #[test]
        fn no_body_makes_decoding_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            end in proptest::option::of(0usize..100),
        ) {
            decode_cut(&bytes, end);
        }

        #[test]
        fn no_damage_to_a_good_body_makes_decoding_panic(
            cut in 0usize..130,
            byte: u8,
            end in proptest::option::of(0usize..130),
        ) {
            let good = br#"{"id":"a","parameters":{"timeout":5},"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[[1.5,-2e3]]}],"outputs":[]}"#;
            let mut damaged = good.to_vec();
            if let Some(place) = damaged.get_mut(cut) {
                *place = byte;
            }
            decode_cut(&damaged, end);
            decode_cut(&good[..cut.min(good.len())], end);
        }
    }
}
