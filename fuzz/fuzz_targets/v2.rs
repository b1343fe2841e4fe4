//! Bodies of `/infer` in JSON. What was read and is written again must be read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onnxd::http::decoding;
use onnxd::tensor::json::{NonFinite, write_flat, write_string};
use onnxd::tensor::{Tensor, binary};

fuzz_target!(|body: &[u8]| {
    let Ok(inputs) = decoding::v2(body, Vec::new()) else { return };
    let mut again = b"{\"inputs\":[".to_vec();
    for (index, input) in inputs.iter().enumerate() {
        let tensor = &input.tensor;
        assert_eq!(tensor.shape().elements(), tensor.data().len());
        if index > 0 {
            again.push(b',');
        }
        again.extend_from_slice(b"{\"name\":");
        write_string(&mut again, &input.name);
        let (kind, shape) = (tensor.data_type(), tensor.shape().dims());
        again.extend_from_slice(
            format!(",\"datatype\":\"{kind}\",\"shape\":{shape:?},\"data\":").as_bytes(),
        );
        if write_flat(&mut again, tensor.data(), NonFinite::Bare).is_err() {
            // Texts that are not UTF-8 cannot be in JSON.
            return;
        }
        again.push(b'}');
    }
    again.extend_from_slice(b"]}");
    let read = decoding::v2(&again, Vec::new()).expect("what is written here is read here");
    assert_eq!(inputs.len(), read.len());
    for (one, other) in inputs.iter().zip(&read) {
        assert_eq!(one.name, other.name);
        assert_eq!(one.tensor.shape(), other.tensor.shape());
        // As bytes, since NaN is no equal of itself.
        assert_eq!(bytes(&one.tensor), bytes(&other.tensor));
    }
});

fn bytes(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = Vec::new();
    binary::encode(tensor.data(), &mut bytes);
    bytes
}
