//! Casts between numbers and texts, in the forms of onnxruntime: `%.8g` for floats of every
//! size, `NaN`, `INF` and `-INF`, 0 and 1 for truth values.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_hir::internal::{
    AxesMapping, EvalContext, EvalOp, Op, StaticName, TDim, TypedOp, as_op, bail, format_err,
    op_as_typed_op, op_out_of_plan,
};

use super::refusal;

/// Takes over from tract every cast from or to texts. Must come before the optimiser, which
/// evaluates what is constant.
pub(super) fn take_over(model: &mut TypedModel) -> TractResult<()> {
    for node in 0..model.nodes().len() {
        let Some(to) = model.node(node).op_as::<Cast>().map(|cast| cast.to) else { continue };
        let from = model.node_input_facts(node)?[0].datum_type;
        if from != to && (from == DatumType::String || to == DatumType::String) {
            model.node_mut(node).op = Box::new(TextCast { to });
        }
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct TextCast {
    to: DatumType,
}

impl TextCast {
    fn cast(&self, input: &Tensor) -> TractResult<Tensor> {
        if self.to != DatumType::String {
            return self.read(input);
        }
        let texts: Vec<String> = match input.datum_type() {
            DatumType::F64 | DatumType::F32 | DatumType::F16 => {
                doubles(input)?.iter().map(|&x| general(x)).collect()
            }
            DatumType::U64 => {
                let numbers = input.try_as_plain_ram()?;
                numbers.as_slice::<u64>()?.iter().map(ToString::to_string).collect()
            }
            _ => {
                let numbers = input.cast_to::<i64>()?;
                let numbers = numbers.try_as_plain_ram()?;
                numbers.as_slice::<i64>()?.iter().map(ToString::to_string).collect()
            }
        };
        tensor1(&texts).into_shape(input.shape())
    }

    /// Numbers out of texts.
    fn read(&self, input: &Tensor) -> TractResult<Tensor> {
        let texts = input.try_as_plain_ram()?;
        let texts = texts.as_slice::<String>()?;
        let wrong = |text: &str| format_err!("\"{text}\" is no number of type {:?}", self.to);
        let numbers = if self.to.is_float() {
            let number = |text: &String| text.trim().parse::<f64>().map_err(|_| wrong(text));
            tensor1(&texts.iter().map(number).collect::<TractResult<Vec<f64>>>()?)
        } else {
            let number = |text: &String| match text.trim() {
                "true" | "True" => Ok(1),
                "false" | "False" => Ok(0),
                text => text.parse::<i128>().map_err(|_| wrong(text)),
            };
            let numbers = texts.iter().map(number).collect::<TractResult<Vec<i128>>>()?;
            let (low, high) = range(self.to);
            if let Some(number) = numbers.iter().find(|number| !(low..=high).contains(*number)) {
                bail!("\"{number}\" is out of the range of {:?}", self.to);
            }
            // In range, so nothing is lost.
            if self.to == DatumType::U64 {
                tensor1(&numbers.iter().flat_map(|&n| u64::try_from(n)).collect::<Vec<_>>())
            } else {
                tensor1(&numbers.iter().flat_map(|&n| i64::try_from(n)).collect::<Vec<_>>())
            }
        };
        let to = if self.to == TDim::datum_type() { DatumType::I64 } else { self.to };
        let numbers = numbers.cast_to_dt(to)?.into_owned().into_shape(input.shape())?;
        Ok(numbers.cast_to_dt(self.to)?.into_owned())
    }
}

fn doubles(input: &Tensor) -> TractResult<Vec<f64>> {
    let doubles = input.cast_to::<f64>()?;
    Ok(doubles.try_as_plain_ram()?.as_slice::<f64>()?.to_vec())
}

fn range(to: DatumType) -> (i128, i128) {
    match to {
        DatumType::I8 => (i8::MIN.into(), i8::MAX.into()),
        DatumType::I16 => (i16::MIN.into(), i16::MAX.into()),
        DatumType::I32 => (i32::MIN.into(), i32::MAX.into()),
        DatumType::U8 => (0, u8::MAX.into()),
        DatumType::U16 => (0, u16::MAX.into()),
        DatumType::U32 => (0, u32::MAX.into()),
        DatumType::U64 => (0, u64::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}

/// Significant digits of a number as text.
const DIGITS: i32 = 8;

/// The number as C's `%.8g` writes it: without zeros at the end; with an exponent below -4
/// or where there are more digits than 8.
fn general(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "INF" } else { "-INF" }.to_owned();
    }
    let scientific = format!("{number:.7e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Decimals that leave so many digits in all; none are left for larger exponents.
    let decimals = usize::try_from(DIGITS - 1 - exponent).ok();
    if let Some(decimals) = decimals.filter(|_| exponent >= -4) {
        return shortened(&format!("{number:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", shortened(mantissa), exponent.abs())
}

/// Without zeros behind the point, and without the point where nothing is left behind it.
fn shortened(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

impl Op for TextCast {
    fn name(&self) -> StaticName {
        "Cast".into()
    }

    op_as_typed_op!();
}

impl EvalOp for TextCast {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        Ok(tvec!(refusal::of_values(self.cast(&inputs[0]))?.into_tvalue()))
    }
}

impl TypedOp for TextCast {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(self.to.fact(inputs[0].shape.clone())))
    }

    fn axes_mapping(
        &self,
        inputs: &[&TypedFact],
        outputs: &[&TypedFact],
    ) -> TractResult<AxesMapping> {
        AxesMapping::natural(inputs, outputs)
    }

    as_op!();
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn numbers_become_texts_as_c_writes_them() {
        let floats = [0.0, -0.0, 1.5, 1e10, 1e-5, 123_456_789.0, 0.0001, 12_345_678.0, 1e7];
        let texts: Vec<String> = floats.iter().map(|&x| general(x)).collect();
        let expected =
            ["0", "-0", "1.5", "1e+10", "1e-05", "1.2345679e+08", "0.0001", "12345678", "10000000"];
        assert_eq!(texts, expected);
        assert_eq!([1.0 / 3.0, 5e-324].map(general), ["0.33333333", "4.9406565e-324"]);
        assert_eq!([f64::NAN, f64::NEG_INFINITY].map(general), ["NaN", "-INF"]);
    }
}
