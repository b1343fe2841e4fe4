//! The class labels of a classifier: integers or strings, one a class.

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{bail, format_err};

use super::values::tensor;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Labels {
    Ints(Vec<i64>),
    Strings(Vec<String>),
}

impl Labels {
    /// The labels in these attributes of the node; exactly one of the two has some.
    pub(super) fn of(node: &NodeProto, ints: &str, strings: &str) -> TractResult<Self> {
        let whole: Vec<i64> = node.get_attr_opt_vec(ints)?.unwrap_or_default();
        let named: Vec<String> = node.get_attr_opt_vec(strings)?.unwrap_or_default();
        match (whole.is_empty(), named.is_empty()) {
            (false, true) => Ok(Self::Ints(whole)),
            (true, false) => Ok(Self::Strings(named)),
            (true, true) => bail!("attributes '{ints}' and '{strings}' are empty, expected one"),
            (false, false) => bail!(
                "attribute '{ints}' has {} values and '{strings}' has {}, expected only one of them",
                whole.len(),
                named.len()
            ),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Ints(labels) => labels.len(),
            Self::Strings(labels) => labels.len(),
        }
    }

    pub(super) fn datum_type(&self) -> DatumType {
        match self {
            Self::Ints(_) => DatumType::I64,
            Self::Strings(_) => DatumType::String,
        }
    }

    /// The labels of these classes.
    ///
    /// # Errors
    /// If a class has no label.
    pub(super) fn tensor(&self, picks: &[usize], shape: &[usize]) -> TractResult<TValue> {
        match self {
            Self::Ints(labels) => tensor(shape, picked(labels, picks)?),
            Self::Strings(labels) => tensor(shape, picked(labels, picks)?),
        }
    }
}

fn picked<T: Clone>(labels: &[T], picks: &[usize]) -> TractResult<Vec<T>> {
    let missing = |class| format_err!("class {class} has no label, of {} there are", labels.len());
    picks.iter().map(|&pick| labels.get(pick).cloned().ok_or_else(|| missing(pick))).collect()
}
