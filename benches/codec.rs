//! JSON and binary tensor data, against `serde_json` on the same text.
//!
//! `cargo bench --bench codec`

#![expect(clippy::expect_used, reason = "a benchmark that cannot go on stops")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use onnxd::tensor::json::{NonFinite, Reader, read_nested, write_flat};
use onnxd::tensor::{Data, DataType, Shape, binary};

const FLOATS: u32 = 3 * 224 * 224;

fn values() -> Vec<f32> {
    (0..FLOATS)
        .map(|index| {
            let level = index.wrapping_mul(2_654_435_761) >> 24;
            f32::from(u8::try_from(level).expect("8 bits")) / 255.0
        })
        .collect()
}

fn decode(criterion: &mut Criterion) {
    let texts: Vec<String> = values().iter().map(|value| format!("{value:.6}")).collect();
    let text = format!("[{}]", texts.join(","));
    let mut group = criterion.benchmark_group("decode 150528 floats");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("json", |bencher| {
        bencher.iter(|| {
            let mut values: Vec<f32> = Vec::with_capacity(FLOATS as usize);
            read_nested(&mut Reader::new(black_box(text.as_bytes())), &mut values).expect("JSON");
            values
        });
    });
    group.bench_function("serde_json", |bencher| {
        bencher.iter(|| serde_json::from_str::<Vec<f32>>(black_box(&text)).expect("JSON"));
    });
    let mut bytes = Vec::new();
    binary::encode(&Data::Fp32(values()), &mut bytes);
    let shape = Shape::new(vec![FLOATS as usize]).expect("it is small");
    group.bench_function("binary", |bencher| {
        bencher.iter(|| binary::decode(&shape, DataType::Fp32, black_box(&bytes)).expect("fits"));
    });
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let data = Data::Fp32(values());
    let mut group = criterion.benchmark_group("encode 150528 floats");
    group.throughput(Throughput::Elements(u64::from(FLOATS)));
    group.bench_function("json", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::with_capacity(2 << 20);
            write_flat(&mut out, black_box(&data), NonFinite::Bare).expect("FP32");
            out
        });
    });
    let values = values();
    group.bench_function("serde_json", |bencher| {
        bencher.iter(|| serde_json::to_vec(black_box(&values)).expect("JSON"));
    });
    group.finish();
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
