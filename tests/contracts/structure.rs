//! Inputs of any names, types and shapes.

use onnxd::contract::{Code, Contract, Document};
use onnxd::engine::Signature;
use onnxd::tensor::{Data, DataType, Shape, Tensor};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::table::{Input, signature};

fn model() -> Signature {
    let input = |name: &str, data_type, width| Input {
        name: name.to_owned(),
        data_type,
        width,
        cells: Vec::new(),
    };
    signature(&[input("a", DataType::Fp32, 2), input("b", DataType::Bytes, 1)])
}

fn tensor(data_type: DataType, dims: Vec<usize>) -> Tensor {
    let shape = Shape::new(dims).expect("a small shape");
    let picks = vec![None; shape.elements()];
    let mut data = Data::empty(data_type);
    data.extend_picked(&Data::empty(data_type), &picks);
    Tensor::new(shape, data).expect("it fits")
}

fn any_input() -> impl Strategy<Value = (String, Tensor)> {
    let name = prop_oneof![3 => select(vec!["a", "b"]).prop_map(str::to_owned), 1 => ".*"];
    let of = select(vec![DataType::Fp32, DataType::Bytes, DataType::Int64]);
    (name, of, vec(0usize..4, 0..4)).prop_map(|(name, of, dims)| (name, tensor(of, dims)))
}

proptest! {
    #[test]
    fn any_inputs_are_refused_or_are_those_of_the_model(given in vec(any_input(), 0..5)) {
        let signature = model();
        let contract = Contract::new(&Document::default(), &signature).expect("it compiles");
        let named = given.iter().map(|(name, tensor)| (name.as_str(), tensor));
        let of = |name: &str| given.iter().filter(|(other, _)| other == name).collect::<Vec<_>>();
        let (a, b) = (of("a"), of("b"));
        let fits = |found: &[&(String, Tensor)], of_type, width| {
            matches!(found, [(_, tensor)] if tensor.data_type() == of_type
                && matches!(tensor.shape().dims(), [_, columns] if *columns == width))
        };
        let all = fits(&a, DataType::Fp32, 2) && fits(&b, DataType::Bytes, 1) && given.len() == 2;
        match contract.structure(&signature, named) {
            Ok(()) => prop_assert!(all),
            Err(refusal) => {
                prop_assert!(!all);
                prop_assert_eq!(refusal.total, refusal.violations.len() as u64);
                let missing = refusal.violations.iter();
                let missing = missing.filter(|it| it.code == Code::MissingFeature).count();
                prop_assert_eq!(missing, usize::from(a.is_empty()) + usize::from(b.is_empty()));
            }
        }
    }
}

#[test]
fn a_hundred_of_very_many_unknown_inputs_are_listed_and_all_are_counted() {
    let signature = model();
    let contract = Contract::new(&Document::default(), &signature).expect("it compiles");
    let one = tensor(DataType::Fp32, vec![1, 2]);
    // Of a name that there is: each but the first came before.
    let twins = std::iter::repeat_n(("a", &one), 200_000);
    let refusal = contract.structure(&signature, twins).expect_err("they are twins");
    assert_eq!((refusal.total, refusal.violations.len()), (200_000, 100));
    let long = "x".repeat(1 << 20);
    let unknown = std::iter::repeat_n((long.as_str(), &one), 50);
    let refusal = contract.structure(&signature, unknown).expect_err("they are unknown");
    assert_eq!(refusal.total, 52, "both of the model are missing as well");
    let shown: usize = refusal.violations.iter().map(|it| it.feature.len()).sum();
    assert!(shown < 50 * 300, "names that callers send are shortened: {shown} bytes");
}
