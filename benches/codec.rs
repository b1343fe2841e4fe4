//! JSON and binary tensor data, against `serde_json` on the same text.
//!
//! `cargo bench --bench codec`

#![expect(clippy::expect_used, reason = "a benchmark that cannot go on stops")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use onnxd::tensor::json::{NonFinite, Reader, read_nested, write_flat};
use onnxd::tensor::{Data, DataType, Shape, binary};

/// As in the server.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const FLOATS: u32 = 3 * 224 * 224;

/// From 0 to 1, in no order that a processor could learn.
fn values() -> Vec<f32> {
    let mut state: u64 = 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).expect("16 bits")) / 65535.0
    };
    (0..FLOATS).map(|_| next()).collect()
}

fn decode(criterion: &mut Criterion) {
    // All of six decimals, as few digits as tell them apart, and as Python writes them.
    type Write = fn(&f32) -> String;
    let styles: [(&str, Write); 3] = [
        ("six decimals", |value| format!("{value:.6}")),
        ("shortest", |value| ((value - 0.5) * 40.0).to_string()),
        ("doubles", |value| (f64::from(*value) * 3.0 + 0.1).to_string()),
    ];
    for (style, write) in styles {
        let texts: Vec<String> = values().iter().map(write).collect();
        let text = format!("[{}]", texts.join(","));
        let mut group = criterion.benchmark_group(format!("decode 150528 floats, {style}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("json", |bencher| {
            bencher.iter(|| {
                let mut values: Vec<f32> = Vec::with_capacity(FLOATS as usize);
                read_nested(&mut Reader::new(black_box(text.as_bytes())), &mut values)
                    .expect("JSON");
                values
            });
        });
        group.bench_function("serde_json", |bencher| {
            bencher.iter(|| serde_json::from_str::<Vec<f32>>(black_box(&text)).expect("JSON"));
        });
        group.finish();
    }
    let mut group = criterion.benchmark_group("decode 150528 floats");
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

/// What a buffer of one's own for each answer costs, against one that is used again.
fn buffers(criterion: &mut Criterion) {
    let all = values();
    for count in [10, FLOATS as usize] {
        let data = Data::Fp32(all[..count].to_vec());
        let mut group = criterion.benchmark_group(format!("encode {count} floats binary"));
        group.bench_function("into a new buffer", |bencher| {
            bencher.iter(|| {
                let mut out = Vec::with_capacity(binary::encoded_len(&data));
                binary::encode(black_box(&data), &mut out);
                out
            });
        });
        let mut out = Vec::new();
        group.bench_function("into the same again", |bencher| {
            bencher.iter(|| {
                out.clear();
                binary::encode(black_box(&data), &mut out);
                black_box(&out).len()
            });
        });
        group.finish();
    }
}

criterion_group!(benches, decode, encode, buffers);
criterion_main!(benches);
