//! The body of `ModelInfer`: the frame, packing, what is counted before it is kept, the message,
//! its tensors. The first byte says how it is packed and where its pieces end.
#![no_main]

use std::convert::Infallible;
use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use libfuzzer_sys::fuzz_target;
use onnxd::grpc::decoding;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime starts"));

const MAX_BODY: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let encoding = ["identity", "gzip", "deflate"][usize::from(first % 3)];
    let size = usize::from(first / 3).max(1);
    let pieces = body.chunks(size).map(|piece| Frame::data(Bytes::copy_from_slice(piece)));
    let body = StreamBody::new(stream::iter(pieces.map(Ok::<_, Infallible>)));
    let decoded = RUNTIME.block_on(decoding::infer(body, encoding, MAX_BODY));
    for input in decoded.into_iter().flatten() {
        assert_eq!(input.tensor.shape().elements(), input.tensor.data().len());
    }
});
