//! The binary extension: JSON with the data behind it, cut where the first two bytes say, and
//! bodies that are nothing but one tensor. What is read must be the bytes that came.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use onnxd::engine::{Dim, Signature, TensorSpec};
use onnxd::http::decoding;
use onnxd::tensor::{DataType, binary};

const TYPES: [DataType; 4] = [DataType::Fp32, DataType::Bytes, DataType::Bool, DataType::Int64];

fuzz_target!(|data: &[u8]| {
    let Some((head, rest)) = data.split_first_chunk::<2>() else { return };
    let (json, blob) = rest.split_at(usize::from(head[0]).min(rest.len()));
    let pieces = || {
        let (first, second) = blob.split_at(usize::from(head[1]).min(blob.len()));
        vec![Bytes::copy_from_slice(first), Bytes::copy_from_slice(second)]
    };
    if let Ok(inputs) = decoding::v2(json, pieces()) {
        for input in inputs {
            assert_eq!(input.tensor.shape().elements(), input.tensor.data().len());
        }
    }
    for data_type in TYPES {
        let dims = Some(vec![Dim::Unknown, Dim::Fixed(2)]);
        let spec = TensorSpec { name: "x".to_owned(), data_type, dims, columns: None };
        let signature = Signature { inputs: vec![spec], outputs: Vec::new() };
        if let Ok(inputs) = decoding::v2_raw(pieces(), &signature) {
            let mut again = Vec::new();
            binary::encode(inputs[0].tensor.data(), &mut again);
            // Any byte but 0 is true.
            if data_type != DataType::Bool {
                assert_eq!(again, blob);
            }
        }
    }
});
