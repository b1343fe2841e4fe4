//! The code and the descriptor of the gRPC protocol below `src/grpc/` are those that its
//! `.proto` gives. With `ONNXD_REGENERATE` set they are written instead of compared.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::fs;
use std::path::Path;

use prost::Message;
use tempfile::TempDir;

/// Stands before the code.
const HEAD: &str = "//! The messages and a client of `proto/inference.proto`, written by a \
                    program: `tests/generated.rs` says\n//! how. Changes belong there.\n\n";

/// The code and the descriptor.
fn generated() -> (String, Vec<u8>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compiler = protox::Compiler::new([root.join("proto")]).expect("proto is there");
    compiler.include_source_info(true);
    compiler.open_file("inference.proto").expect("the protocol compiles");
    let described = compiler.file_descriptor_set();
    let out = TempDir::new().expect("there is room for a directory");
    tonic_prost_build::configure()
        .build_transport(false)
        .build_server(false)
        // Not copied out of the message.
        .bytes(".inference.ModelInferRequest.raw_input_contents")
        .bytes(".inference.ModelInferResponse.raw_output_contents")
        .bytes(".inference.InferTensorContents.bytes_contents")
        .bytes(".inference.ModelRepositoryParameter")
        .out_dir(out.path())
        .compile_fds(described)
        .expect("code comes of it");
    let code = fs::read_to_string(out.path().join("inference.rs")).expect("it is there");
    compiler.include_source_info(false);
    (format!("{HEAD}{code}"), compiler.file_descriptor_set().encode_to_vec())
}

#[test]
fn the_committed_code_is_what_the_protocol_gives() {
    let grpc = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/grpc");
    let (code_file, descriptor_file) = (grpc.join("generated.rs"), grpc.join("descriptor.bin"));
    let (code, descriptor) = generated();
    if std::env::var_os("ONNXD_REGENERATE").is_some() {
        fs::write(&code_file, &code).expect("it can be written");
        fs::write(&descriptor_file, &descriptor).expect("it can be written");
    }
    let same = fs::read_to_string(code_file).expect("it is there") == code;
    assert!(same, "src/grpc/generated.rs differs: set ONNXD_REGENERATE and run this test");
    let same = fs::read(descriptor_file).expect("it is there") == descriptor;
    assert!(same, "src/grpc/descriptor.bin differs: set ONNXD_REGENERATE and run this test");
}
