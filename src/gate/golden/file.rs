//! `golden.json`: the tolerance, and pairs of a request and its answer as they travel.

use std::fs;
use std::path::Path;

use crate::gate::runner::Named;
use crate::tensor::json::{FromJson, JsonError, Reader, read_nested};
use crate::tensor::{Data, DataType, Shape, Tensor, each};

pub(in crate::gate) struct Golden {
    pub(super) tolerance: Tolerance,
    pub(in crate::gate) examples: Vec<Example>,
}

/// How far numbers of floating types may be apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tolerance {
    pub(super) relative: f64,
    pub(super) absolute: f64,
}

pub(in crate::gate) struct Example {
    pub(in crate::gate) inputs: Vec<Named>,
    pub(super) outputs: Vec<Named>,
}

impl Default for Tolerance {
    /// What sums in FP32 of another order may differ by.
    fn default() -> Self {
        Self { relative: 1e-3, absolute: 1e-5 }
    }
}

/// The file does not hold golden examples.
#[derive(Debug)]
struct Damaged(String);

impl From<JsonError> for Damaged {
    fn from(error: JsonError) -> Self {
        Self(error.to_string())
    }
}

impl Damaged {
    fn within(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

/// # Errors
/// The reason why the file is of no use.
pub(in crate::gate) fn read(path: &Path) -> Result<Golden, String> {
    let text = fs::read(path).map_err(|error| format!("cannot read golden.json: {error}"))?;
    parse(&text).map_err(|damaged| format!("golden.json: {}", damaged.0))
}

fn parse(text: &[u8]) -> Result<Golden, Damaged> {
    let mut golden = Golden { tolerance: Tolerance::default(), examples: Vec::new() };
    let mut reader = Reader::new(text);
    reader.object::<Damaged>(|reader, key| {
        match key.as_ref() {
            "tolerance" => golden.tolerance = tolerance(reader)?,
            "examples" => {
                reader.array::<Damaged>(|reader| {
                    let place = format!("example {}", golden.examples.len());
                    let example = example(reader).map_err(|damaged| damaged.within(&place))?;
                    golden.examples.push(example);
                    Ok(())
                })?;
            }
            _ => reader.ignore()?,
        }
        Ok(())
    })?;
    reader.finish()?;
    if golden.examples.is_empty() {
        return Err(Damaged("it has no examples".to_owned()));
    }
    Ok(golden)
}

fn tolerance(reader: &mut Reader) -> Result<Tolerance, Damaged> {
    let mut tolerance = Tolerance::default();
    reader.object::<Damaged>(|reader, key| {
        let part = match key.as_ref() {
            "relative" => &mut tolerance.relative,
            "absolute" => &mut tolerance.absolute,
            _ => {
                let message =
                    format!("tolerance: unknown key '{key}', keys are: relative, absolute");
                return Err(Damaged(message));
            }
        };
        *part = f64::read(reader)?;
        if part.is_finite() && *part >= 0.0 {
            return Ok(());
        }
        Err(Damaged(format!("tolerance: '{key}' is {part}, expected a number from 0")))
    })?;
    Ok(tolerance)
}

fn example(reader: &mut Reader) -> Result<Example, Damaged> {
    let (mut inputs, mut outputs) = (None, None);
    reader.object::<Damaged>(|reader, key| {
        match key.as_ref() {
            "request" => inputs = tensors(reader, "inputs")?,
            "response" => outputs = tensors(reader, "outputs")?,
            _ => reader.ignore()?,
        }
        Ok(())
    })?;
    let missing = |what: &str| Damaged(format!("it has no {what}"));
    let inputs = inputs.ok_or_else(|| missing("request with inputs"))?;
    let outputs = outputs.filter(|list: &Vec<Named>| !list.is_empty());
    Ok(Example { inputs, outputs: outputs.ok_or_else(|| missing("response with outputs"))? })
}

/// The list of tensors that an object has under this key.
fn tensors(reader: &mut Reader, list: &str) -> Result<Option<Vec<Named>>, Damaged> {
    let mut found = None;
    reader.object::<Damaged>(|reader, key| {
        if key != list {
            reader.ignore()?;
            return Ok(());
        }
        let mut tensors = Vec::new();
        reader.array::<Damaged>(|reader| {
            tensors.push(tensor(reader)?);
            Ok(())
        })?;
        found = Some(tensors);
        Ok(())
    })?;
    Ok(found)
}

fn tensor(reader: &mut Reader) -> Result<Named, Damaged> {
    let (mut name, mut shape, mut data_type, mut data) = (None, None, None, None);
    reader.object::<Damaged>(|reader, key| {
        match key.as_ref() {
            "name" => name = Some(reader.string()?.into_owned()),
            "shape" => shape = Some(read_shape(reader)?),
            "datatype" => {
                let parsed = reader.string()?.parse::<DataType>();
                data_type = Some(parsed.map_err(|error| Damaged(error.to_string()))?);
            }
            // It may stand before its type.
            "data" => data = Some(reader.skip()?),
            _ => reader.ignore()?,
        }
        Ok(())
    })?;
    let name = name.ok_or_else(|| Damaged("a tensor has no 'name'".to_owned()))?;
    let place = format!("tensor '{name}'");
    let missing = |key: &str| Damaged(format!("{place} has no '{key}'"));
    let shape = shape.ok_or_else(|| missing("shape"))?;
    let data_type = data_type.ok_or_else(|| missing("datatype"))?;
    let span = data.ok_or_else(|| missing("data"))?;
    let tensor = read_data(&mut reader.within(&span), shape, data_type)
        .map_err(|damaged| damaged.within(&place))?;
    Ok(Named { name, tensor })
}

fn read_shape(reader: &mut Reader) -> Result<Shape, Damaged> {
    let mut dims: Vec<i64> = Vec::new();
    reader.array::<JsonError>(|reader| {
        dims.push(i64::read(reader)?);
        Ok(())
    })?;
    Shape::from_signed(&dims).map_err(|error| Damaged(error.to_string()))
}

/// Data comes flat or nested like its shape.
fn read_data(reader: &mut Reader, shape: Shape, data_type: DataType) -> Result<Tensor, Damaged> {
    let mut data = Data::empty(data_type);
    let nesting = each!(&mut data, values => read_nested(reader, values))?;
    if nesting.len() > 1 && nesting != shape.dims() {
        let message = format!("it is nested as {nesting:?}, expected {shape} or a flat list");
        return Err(Damaged(message));
    }
    Tensor::new(shape, data).map_err(|error| Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(text: &str) -> String {
        parse(text.as_bytes()).map(drop).unwrap_err().0
    }

    #[test]
    fn data_may_be_flat_or_nested_and_hold_what_is_not_a_number() {
        let text = r#"{"examples": [{"request": {"id": "1", "inputs": [
            {"data": [[1, NaN], [-Infinity, 4]], "shape": [2, 2], "datatype": "FP32", "name": "x"},
            {"name": "t", "datatype": "BYTES", "shape": [1, 1], "data": ["a"]}]},
            "response": {"outputs": [{"name": "y", "datatype": "INT64", "shape": [1], "data": [9007199254740993]}]}}]}"#;
        let golden = parse(text.as_bytes()).unwrap();
        assert_eq!(golden.tolerance, Tolerance::default());
        let example = &golden.examples[0];
        let numbers = example.inputs[0].tensor.data().as_slice::<f32>().unwrap();
        assert!(numbers[1].is_nan() && numbers[2] == f32::NEG_INFINITY);
        assert_eq!(example.inputs[1].tensor.data(), &Data::Bytes(vec!["a".into()]));
        assert_eq!(example.outputs[0].tensor.data(), &Data::Int64(vec![9_007_199_254_740_993]));
    }

    #[test]
    fn damage_is_named() {
        assert_eq!(damage(r#"{"examples": []}"#), "it has no examples");
        assert_eq!(
            damage(r#"{"examples": [{"request": {"inputs": []}}]}"#),
            "example 0: it has no response with outputs"
        );
        let short = r#"{"examples": [{"request": {"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1]}]}}]}"#;
        assert_eq!(damage(short), "example 0: tensor 'x': shape [2] holds 2 elements, came 1");
        assert!(damage("{\"examples\": [").contains("at byte"));
        assert_eq!(
            damage(r#"{"tolerance": {"rel": 1}}"#),
            "tolerance: unknown key 'rel', keys are: relative, absolute"
        );
    }
}
