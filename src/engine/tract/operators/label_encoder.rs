//! `LabelEncoder` (ai.onnx.ml 1, 2 and 4): a table of keys and values.
//!
//! Version 1 has a list of strings, whose places are the integers; it maps both ways, and
//! the last of equal strings counts. Later versions map one way, and the first counts.
//! onnxruntime has only some pairs of types; here all of them work.

use std::fmt::Debug;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{NodeProto, TensorProto, tensor_proto};
use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{TractErrorContext, bail, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::category_mapper;
use super::keys::Keys;
use super::values::{expect_type, slice, tensor};

pub(super) fn build(context: &ParsingContext, node: &NodeProto) -> Built {
    let classes: Vec<String> = node.get_attr_opt_vec("classes_strings")?.unwrap_or_default();
    if !classes.is_empty() {
        let places = (0..).take(classes.len()).collect();
        return category_mapper::pairs(node, "LabelEncoder", places, classes);
    }
    let keys = list(context, node, "keys")?;
    let values = list(context, node, "values")?;
    ensure!(
        keys.len() == values.len(),
        "the attribute of keys has {} of them, that of values {}",
        keys.len(),
        values.len()
    );
    // Before version 4 a NaN equals nothing, itself included.
    let keys = Keys::new(keys, version(context) >= 4)?;
    let values = values_of(context, node, &values)?;
    bridge::node(node, LabelEncoder { keys, values })
}

/// Of the operators of ai.onnx.ml in this model.
fn version(context: &ParsingContext) -> i64 {
    let mut imports = context.model.opset_import.iter();
    imports.find(|import| import.domain == "ai.onnx.ml").map_or(1, |import| import.version)
}

/// The only attribute of `{side}_strings`, `{side}_int64s`, `{side}_floats` and
/// `{side}_tensor` that the node has.
fn list(context: &ParsingContext, node: &NodeProto, side: &str) -> TractResult<Tensor> {
    let kinds = ["strings", "int64s", "floats", "tensor"].map(|kind| format!("{side}_{kind}"));
    let found = node.attribute.iter().map(|attribute| &attribute.name);
    let found: Vec<&String> = found.filter(|name| kinds.contains(*name)).collect();
    let [name] = found[..] else {
        bail!("expected one of the attributes {}, came {}", kinds.join(", "), found.len())
    };
    let list = match &name[side.len()..] {
        "_strings" => tensor1(&node.get_attr_vec::<String>(name)?),
        "_int64s" => tensor1(&node.get_attr_vec::<i64>(name)?),
        "_floats" => tensor1(&node.get_attr_vec::<f32>(name)?),
        _ => load(context, node.get_attr(name)?, name)?,
    };
    ensure!(list.len() > 0, "attribute '{name}' is empty");
    Ok(list)
}

fn load(context: &ParsingContext, tensor: &TensorProto, name: &str) -> TractResult<Tensor> {
    let strings = tensor.data_type == tensor_proto::DataType::String as i32;
    ensure!(!strings || tensor.raw_data.is_empty(), "attribute '{name}' has strings as raw data");
    context.load_tensor(tensor).with_context(|| format!("attribute '{name}'"))
}

#[derive(Debug)]
struct LabelEncoder {
    keys: Keys,
    values: Box<dyn Values>,
}

impl Operator for LabelEncoder {
    fn name(&self) -> &'static str {
        "LabelEncoder"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &[self.keys.datum_type()])?;
        Ok(vec![Promise::new(self.values.datum_type(), x.dims.iter().cloned())])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let places = self.keys.find(&inputs[0])?;
        Ok(tvec!(self.values.at(&places, inputs[0].shape())?))
    }
}

trait Values: Debug + Send + Sync {
    fn datum_type(&self) -> DatumType;

    /// The values at these places; the default where there is no place.
    fn at(&self, places: &[Option<usize>], shape: &[usize]) -> TractResult<TValue>;
}

#[derive(Debug)]
struct Table<V> {
    values: Vec<V>,
    default: V,
}

impl<V: Datum + Clone> Values for Table<V>
where
    ArrayD<V>: IntoTensor,
{
    fn datum_type(&self) -> DatumType {
        V::datum_type()
    }

    fn at(&self, places: &[Option<usize>], shape: &[usize]) -> TractResult<TValue> {
        let value = |place: &Option<usize>| {
            place.and_then(|place| self.values.get(place)).unwrap_or(&self.default).clone()
        };
        tensor(shape, places.iter().map(value).collect())
    }
}

fn values_of(
    context: &ParsingContext,
    node: &NodeProto,
    values: &Tensor,
) -> TractResult<Box<dyn Values>> {
    let given = node.get_attr_opt("default_tensor")?;
    let given = given.map(|given| load(context, given, "default_tensor")).transpose()?;
    let given = given.as_ref();
    match values.datum_type() {
        DatumType::String => {
            let name = || Ok(node.get_attr_opt("default_string")?.unwrap_or("_Unused".to_owned()));
            table(values, given, name)
        }
        DatumType::I64 => {
            table(values, given, || Ok(node.get_attr_opt("default_int64")?.unwrap_or(-1i64)))
        }
        DatumType::F32 => {
            table(values, given, || Ok(node.get_attr_opt("default_float")?.unwrap_or(-0f32)))
        }
        // These have no other default than the tensor.
        DatumType::F64 => table(values, given, || Ok(-0f64)),
        DatumType::I32 => table(values, given, || Ok(-1i32)),
        DatumType::I16 => table(values, given, || Ok(-1i16)),
        other => {
            bail!("attribute 'values_tensor' holds {other:?}, which is not in the specification")
        }
    }
}

fn table<V: Datum + Clone>(
    values: &Tensor,
    given: Option<&Tensor>,
    otherwise: impl FnOnce() -> TractResult<V>,
) -> TractResult<Box<dyn Values>>
where
    ArrayD<V>: IntoTensor,
{
    let default = match given {
        None => otherwise()?,
        Some(given) => match slice::<V>(given).context("attribute 'default_tensor'")? {
            [default] => default.clone(),
            several => {
                bail!("attribute 'default_tensor' has {} values, expected one", several.len())
            }
        },
    };
    Ok(Box::new(Table { values: slice::<V>(values)?.to_vec(), default }))
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn every_pair_of_types_maps_as_with_onnxruntime() {
        answers::match_onnxruntime("ml_label_encoder_1.onnx");
        answers::match_onnxruntime("ml_label_encoder_2.onnx");
        answers::match_onnxruntime("ml_label_encoder_4.onnx");
    }

    #[test]
    fn types_that_onnxruntime_lacks_give_what_the_specification_says() {
        answers::match_onnxruntime("ml_beyond_label_encoder.onnx");
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        let refuses =
            |attribute, reason| refusals::refuses("ml_label_encoder_2.onnx", attribute, reason);
        refuses(refusals::strings("keys_strings", &["a"]), "1 of them, that of values 4");
        refuses(refusals::ints("keys_int64s", &[1]), "keys_tensor, came 2");
        refuses(refusals::strings("keys_strings", &[]), "attribute 'keys_strings' is empty");
    }
}
