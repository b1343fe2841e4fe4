//! Imputer (ai.onnx.ml 1): another value in place of the one that means "missing".
//!
//! onnxruntime has it for float32 and int64 only.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{DimLike, bail, ensure};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{NUMBERS, expect_type, slice, tensor};

const FLOATS: [DatumType; 2] = [DatumType::F32, DatumType::F64];

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let floats: Vec<f32> = node.get_attr_opt_vec("imputed_value_floats")?.unwrap_or_default();
    let ints: Vec<i64> = node.get_attr_opt_vec("imputed_value_int64s")?.unwrap_or_default();
    let imputer = match (floats.is_empty(), ints.is_empty()) {
        (false, true) => {
            let missing = node.get_attr_opt("replaced_value_float")?.unwrap_or(0.0);
            Imputer::Floats { missing, imputed: floats }
        }
        (true, false) => {
            let missing = node.get_attr_opt("replaced_value_int64")?.unwrap_or(0);
            Imputer::Ints { missing, imputed: ints }
        }
        (true, true) => {
            bail!("attributes 'imputed_value_floats' and 'imputed_value_int64s' are empty")
        }
        (false, false) => bail!(
            "attributes 'imputed_value_floats' and 'imputed_value_int64s' have values, expected only one of them"
        ),
    };
    bridge::node(node, imputer)
}

/// The value that means "missing", and what replaces it: one for each column or one for all.
#[derive(Debug)]
enum Imputer {
    Floats { missing: f32, imputed: Vec<f32> },
    Ints { missing: i64, imputed: Vec<i64> },
}

impl Operator for Imputer {
    fn name(&self) -> &'static str {
        "Imputer"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        expect_type(x.datum_type, &NUMBERS)?;
        let (given, imputed) = (x.datum_type, self.attribute());
        ensure!(
            FLOATS.contains(&given) == matches!(self, Self::Floats { .. }),
            "attribute '{imputed}' does not suit an input of {given:?}"
        );
        if let Self::Ints { imputed: ints, .. } = self
            && given == DatumType::I32
            && let Some(wide) = ints.iter().find(|&&value| i32::try_from(value).is_err())
        {
            bail!("attribute '{imputed}' holds {wide}, which no I32 can be");
        }
        if let Some(columns) = x.dims.last().and_then(|dim| dim.to_usize().ok()) {
            self.expect_columns(columns, x.dims.len())?;
        }
        Ok(vec![Promise::new(given, x.dims.iter().cloned())])
    }

    #[expect(clippy::float_cmp, reason = "the value that means missing is exact")]
    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        self.expect_columns(x.shape().last().copied().unwrap_or(1), x.rank())?;
        let imputed = match (self, x.datum_type()) {
            (Self::Floats { missing, imputed }, DatumType::F32) => {
                let missing = |x: f32| x == *missing || (x.is_nan() && missing.is_nan());
                impute(x, imputed, missing)
            }
            (Self::Floats { missing, imputed }, _) => {
                let wide: Vec<f64> = imputed.iter().map(|&value| value.into()).collect();
                let missing = f64::from(*missing);
                impute(x, &wide, |x| x == missing || (x.is_nan() && missing.is_nan()))
            }
            (Self::Ints { missing, imputed }, DatumType::I64) => {
                impute(x, imputed, |x| x == *missing)
            }
            (Self::Ints { missing, imputed }, _) => {
                let narrow = imputed.iter().map(|&value| i32::try_from(value));
                let narrow: Vec<i32> = narrow.collect::<Result<_, _>>()?;
                impute(x, &narrow, |x: i32| i64::from(x) == *missing)
            }
        };
        Ok(tvec!(imputed?))
    }
}

impl Imputer {
    fn attribute(&self) -> &'static str {
        match self {
            Self::Floats { .. } => "imputed_value_floats",
            Self::Ints { .. } => "imputed_value_int64s",
        }
    }

    fn expect_columns(&self, columns: usize, rank: usize) -> TractResult<()> {
        let values = match self {
            Self::Floats { imputed, .. } => imputed.len(),
            Self::Ints { imputed, .. } => imputed.len(),
        };
        ensure!(
            values == 1 || (values == columns && rank <= 2),
            "attribute '{}' has {values} values for {columns} columns in {rank} dimensions",
            self.attribute()
        );
        Ok(())
    }
}

fn impute<T: Datum + Copy>(
    x: &TValue,
    imputed: &[T],
    is_missing: impl Fn(T) -> bool,
) -> TractResult<TValue>
where
    ArrayD<T>: IntoTensor,
{
    let columns = imputed.iter().cycle();
    let filled = slice::<T>(x)?.iter().zip(columns);
    tensor(x.shape(), filled.map(|(&x, &fill)| if is_missing(x) { fill } else { x }).collect())
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn missing_values_are_replaced_as_with_onnxruntime() {
        answers::match_onnxruntime("ml_imputer.onnx");
    }

    #[test]
    fn types_that_onnxruntime_lacks_give_what_the_specification_says() {
        answers::match_onnxruntime("ml_beyond_imputer.onnx");
    }

    #[test]
    fn values_that_do_not_fit_the_columns_are_refused() {
        let refuses = |attribute, reason| refusals::refuses("ml_imputer.onnx", attribute, reason);
        refuses(
            refusals::floats("imputed_value_floats", &[1.0, 2.0]),
            "attribute 'imputed_value_floats' has 2 values for 3 columns",
        );
        refuses(refusals::floats("imputed_value_floats", &[]), "'imputed_value_int64s' are empty");
        refuses(refusals::ints("imputed_value_int64s", &[1]), "expected only one of them");
    }
}
