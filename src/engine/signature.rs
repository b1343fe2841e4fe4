//! What a model takes and gives, as its ONNX file declares it.

use std::fmt;

use super::Columns;
use crate::tensor::{DataType, Tensor};

/// Inputs and outputs in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    pub inputs: Vec<TensorSpec>,
    pub outputs: Vec<TensorSpec>,
}

/// One input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    pub name: String,
    pub data_type: DataType,
    /// `None` where the file does not even fix the rank.
    pub dims: Option<Vec<Dim>>,
    /// What the entries of the last axis stand for, where that is known.
    pub columns: Option<Columns>,
}

/// One dimension of a declared shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Dim {
    Fixed(usize),
    /// Dimensions that carry the same symbol have the same size in one request.
    Symbol(String),
    Unknown,
}

/// An input that does not fit the signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("input '{input}': {problem}")]
pub struct InputMismatch {
    pub input: String,
    /// What was expected and what came.
    pub problem: String,
}

impl Signature {
    #[must_use]
    pub fn input(&self, name: &str) -> Option<(usize, &TensorSpec)> {
        self.inputs.iter().enumerate().find(|(_, spec)| spec.name == name)
    }

    #[must_use]
    pub fn output(&self, name: &str) -> Option<(usize, &TensorSpec)> {
        self.outputs.iter().enumerate().find(|(_, spec)| spec.name == name)
    }

    /// How many rows may run together, of at most `most`: models of fixed shape take one at a
    /// time.
    ///
    /// # Errors
    /// The model takes exactly some other number of rows.
    pub fn rows_of_a_run(&self, most: usize) -> Result<usize, String> {
        let leading = self.inputs.iter().filter_map(|spec| spec.dims.as_ref()?.first());
        match leading.into_iter().find(|dim| matches!(dim, Dim::Fixed(_))) {
            None => Ok(most),
            Some(Dim::Fixed(1)) => Ok(1),
            Some(rows) => Err(format!("the model takes exactly {rows} rows, expected any number")),
        }
    }

    /// Checks inputs, given in the order of the signature, against it: types, ranks, fixed
    /// dimensions, and that one symbol means one size.
    ///
    /// # Errors
    /// [`InputMismatch`] for the first input that does not fit.
    pub fn check(&self, inputs: &[Tensor]) -> Result<(), InputMismatch> {
        let mut symbols = Symbols::default();
        for (spec, tensor) in self.inputs.iter().zip(inputs) {
            spec.check(tensor, &mut symbols)
                .map_err(|problem| InputMismatch { input: spec.name.clone(), problem })?;
        }
        Ok(())
    }

    /// Every input that does not fit, with its place; what is not there is not looked at.
    #[must_use]
    pub fn mismatches(&self, inputs: &[Option<&Tensor>]) -> Vec<(usize, InputMismatch)> {
        let mut symbols = Symbols::default();
        let given = self.inputs.iter().zip(inputs).enumerate();
        let given = given.filter_map(|(place, (spec, tensor))| Some((place, spec, (*tensor)?)));
        given
            .filter_map(|(place, spec, tensor)| {
                let problem = spec.check(tensor, &mut symbols).err()?;
                Some((place, InputMismatch { input: spec.name.clone(), problem }))
            })
            .collect()
    }
}

/// The size that each symbol has in this request, and the input that said so first.
#[derive(Default)]
struct Symbols<'a>(Vec<(&'a str, usize, &'a str)>);

impl TensorSpec {
    fn check<'a>(&'a self, tensor: &Tensor, symbols: &mut Symbols<'a>) -> Result<(), String> {
        if tensor.data_type() != self.data_type {
            return Err(format!(
                "expected datatype {}, came {}",
                self.data_type,
                tensor.data_type()
            ));
        }
        let Some(dims) = &self.dims else { return Ok(()) };
        let shape = tensor.shape();
        if dims.len() != shape.rank() {
            return Err(format!(
                "expected {} (shape {}), came {} (shape {shape})",
                dimensions(dims.len()),
                self.shape_text(),
                dimensions(shape.rank()),
            ));
        }
        for (axis, (dim, &size)) in dims.iter().zip(shape.dims()).enumerate() {
            self.check_dim(axis, dim, size, symbols)
                .map_err(|problem| format!("{problem} (shape {shape})"))?;
        }
        Ok(())
    }

    /// Whether the shape fits and that says nothing about other inputs.
    #[must_use]
    pub fn is_plain(&self, tensor: &Tensor) -> bool {
        let Some(dims) = &self.dims else { return true };
        let sizes = tensor.shape().dims();
        dims.len() == sizes.len()
            && dims.iter().zip(sizes).all(|(dim, size)| match dim {
                Dim::Unknown => true,
                Dim::Fixed(expected) => expected == size,
                Dim::Symbol(_) => false,
            })
    }

    fn check_dim<'a>(
        &'a self,
        axis: usize,
        dim: &'a Dim,
        size: usize,
        symbols: &mut Symbols<'a>,
    ) -> Result<(), String> {
        let declared = || self.shape_text();
        match dim {
            Dim::Unknown => Ok(()),
            Dim::Fixed(expected) if *expected == size => Ok(()),
            Dim::Fixed(expected) => Err(format!(
                "expected {expected} in dimension {axis} of shape {}, came {size}",
                declared()
            )),
            Dim::Symbol(symbol) => match symbols.0.iter().find(|(known, ..)| known == symbol) {
                None => {
                    symbols.0.push((symbol, size, &self.name));
                    Ok(())
                }
                Some((_, expected, _)) if *expected == size => Ok(()),
                Some((_, expected, other)) => Err(format!(
                    "dimension {axis} of shape {} is '{symbol}', which is {expected} in input '{other}', came {size}",
                    declared()
                )),
            },
        }
    }

    /// The declared shape as people read it: `[N, 64]`, `[?, 3]`, `[...]` for unknown rank.
    #[must_use]
    pub fn shape_text(&self) -> String {
        match &self.dims {
            None => "[...]".to_owned(),
            Some(dims) => {
                let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
                format!("[{}]", dims.join(", "))
            }
        }
    }

    /// The declared shape as the protocol writes it: -1 where a dimension varies. An
    /// unknown rank is written as one variable dimension.
    #[must_use]
    pub fn wire_shape(&self) -> Vec<i64> {
        self.dims.as_ref().map_or_else(
            || vec![-1],
            |dims| {
                dims.iter()
                    .map(|dim| match dim {
                        Dim::Fixed(size) => i64::try_from(*size).unwrap_or(i64::MAX),
                        Dim::Symbol(_) | Dim::Unknown => -1,
                    })
                    .collect()
            },
        )
    }

    /// Every dimension has a fixed size.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.dims.as_ref().is_some_and(|dims| dims.iter().all(|dim| matches!(dim, Dim::Fixed(_))))
    }
}

fn dimensions(rank: usize) -> String {
    if rank == 1 { "1 dimension".to_owned() } else { format!("{rank} dimensions") }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Symbol(name) => f.write_str(name),
            Self::Unknown => f.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;
    use crate::tensor::batch::zeros;

    fn signature() -> Signature {
        let spec = |name: &str, dims: Vec<Dim>| TensorSpec {
            name: name.to_owned(),
            data_type: DataType::Fp32,
            dims: Some(dims),
            columns: None,
        };
        let batch = || Dim::Symbol("N".to_owned());
        Signature {
            inputs: vec![spec("a", vec![batch(), Dim::Fixed(3)]), spec("b", vec![batch()])],
            outputs: vec![],
        }
    }

    fn check(a: &[usize], b: &[usize]) -> Result<(), String> {
        let tensor = |dims: &[usize]| zeros(Shape::new(dims.to_vec()).unwrap(), DataType::Fp32);
        signature().check(&[tensor(a), tensor(b)]).map_err(|error| error.to_string())
    }

    #[test]
    fn inputs_that_fit_pass() {
        assert_eq!(check(&[5, 3], &[5]), Ok(()));
    }

    #[test]
    fn a_wrong_rank_names_both_shapes() {
        let message =
            "input 'a': expected 2 dimensions (shape [N, 3]), came 1 dimension (shape [3])";
        assert_eq!(check(&[3], &[1]).unwrap_err(), message);
    }

    #[test]
    fn a_wrong_dimension_names_axis_and_sizes() {
        let message = "input 'a': expected 3 in dimension 1 of shape [N, 3], came 4 (shape [2, 4])";
        assert_eq!(check(&[2, 4], &[2]).unwrap_err(), message);
    }

    #[test]
    fn one_symbol_means_one_size_across_inputs() {
        let message = "input 'b': dimension 0 of shape [N] is 'N', which is 2 in input 'a', came 5 (shape [5])";
        assert_eq!(check(&[2, 3], &[5]).unwrap_err(), message);
    }
}
