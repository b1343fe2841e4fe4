//! Bodies of `:predict`, for models of one and of several inputs.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use onnxd::engine::{Columns, Dim, Label, Role, Signature, TensorSpec};
use onnxd::http::decoding;
use onnxd::tensor::DataType;

static SIGNATURES: LazyLock<[Signature; 3]> = LazyLock::new(|| {
    let matrix = vec![Dim::Unknown, Dim::Fixed(2)];
    let names = ["a", "b"].map(|name| Label::Text(name.to_owned())).to_vec();
    let named = TensorSpec {
        columns: Columns::new(names, Role::Features).ok(),
        ..spec("x", DataType::Fp32, Some(matrix.clone()))
    };
    let column = Some(vec![Dim::Unknown, Dim::Fixed(1)]);
    let several = vec![
        spec("number", DataType::Fp64, column.clone()),
        spec("whole", DataType::Int64, None),
        spec("text", DataType::Bytes, column),
        spec("truth", DataType::Bool, Some(vec![Dim::Unknown])),
    ];
    [
        Signature { inputs: vec![spec("x", DataType::Fp32, Some(matrix))], outputs: Vec::new() },
        Signature { inputs: vec![named], outputs: Vec::new() },
        Signature { inputs: several, outputs: Vec::new() },
    ]
});

fn spec(name: &str, data_type: DataType, dims: Option<Vec<Dim>>) -> TensorSpec {
    TensorSpec { name: name.to_owned(), data_type, dims, columns: None }
}

fuzz_target!(|body: &[u8]| {
    for signature in SIGNATURES.iter() {
        if let Ok(inputs) = decoding::v1(body, signature) {
            for input in inputs {
                let (_, spec) = signature.input(&input.name).expect("it is one of the model's");
                assert_eq!(input.tensor.data_type(), spec.data_type);
                assert_eq!(input.tensor.shape().elements(), input.tensor.data().len());
            }
        }
    }
});
