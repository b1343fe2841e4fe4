//! Contracts as owners write them, compiled for a model and held against rows of it, good and bad.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use onnxd::contract::Contract;
use onnxd::engine::{Columns, Dim, Label, Role, Signature, TensorSpec};
use onnxd::repository::Settings;
use onnxd::tensor::{Data, DataType, Shape, Tensor};

static SIGNATURE: LazyLock<Signature> = LazyLock::new(|| {
    let spec = |name: &str, data_type, width, columns| TensorSpec {
        name: name.to_owned(),
        data_type,
        dims: Some(vec![Dim::Unknown, Dim::Fixed(width)]),
        columns,
    };
    let names = ["a", "b"].map(|name| Label::Text(name.to_owned())).to_vec();
    Signature {
        inputs: vec![
            spec("x", DataType::Fp32, 2, Columns::new(names, Role::Features).ok()),
            spec("whole", DataType::Int64, 1, None),
            spec("text", DataType::Bytes, 1, None),
        ],
        outputs: vec![spec("y", DataType::Fp32, 1, None)],
    }
});

fn tensor(width: usize, data: Data) -> Tensor {
    let shape = Shape::new(vec![3, width]).expect("a small shape");
    Tensor::new(shape, data).expect("it fits")
}

fuzz_target!(|text: &str| {
    let Ok(document) = Settings::parse_contract(text) else { return };
    let Ok(contract) = Contract::new(&document, &SIGNATURE) else { return };
    let inputs = || {
        vec![
            tensor(2, vec![1.0_f32, -2.5, f32::NAN, 0.0, f32::INFINITY, 1e30].into()),
            tensor(1, Data::Int64(vec![0, i64::MIN, i64::MAX])),
            tensor(1, Data::Bytes(vec!["".into(), "UA".into(), "é\u{0}".into()])),
        ]
    };
    let _ = contract.inputs(inputs(), |input| input);
    let (_, verdicts, _) = contract.rows(inputs());
    assert!(verdicts.rows().len() <= 3, "there are no more rows");
    let _ = contract.answer(&[tensor(1, vec![0.5_f32, f32::NAN, -1.0].into())]);
    let _ = (contract.report(), contract.quarantine());
});
