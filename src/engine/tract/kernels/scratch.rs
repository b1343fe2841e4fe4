//! Memory that a thread keeps between runs for values in passing.

use std::cell::Cell;

use bytemuck::{Pod, Zeroable};

/// One line of the processor's cache, so that no vector lies across two.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

const ZERO: Line = Line([0.0; 16]);

thread_local! {
    static SPARE: Cell<[Vec<Line>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// Lines that a thread keeps: a request with a large image must not hold memory for good.
const KEPT: usize = (32 << 20) / size_of::<Line>();

/// Two stretches of memory of these lengths with anything inside. Nested calls get new memory.
pub(super) fn with<T>(lengths: [usize; 2], work: impl FnOnce([&mut [f32]; 2]) -> T) -> T {
    let mut buffers = SPARE.take();
    for (buffer, length) in buffers.iter_mut().zip(lengths) {
        let lines = length.div_ceil(ZERO.0.len());
        if buffer.len() < lines {
            buffer.resize(lines, ZERO);
        }
    }
    let [first, second] = &mut buffers;
    let [one, two] = lengths;
    let result = work([
        &mut bytemuck::cast_slice_mut(first)[..one],
        &mut bytemuck::cast_slice_mut(second)[..two],
    ]);
    for buffer in &mut buffers {
        if buffer.len() > KEPT {
            *buffer = Vec::new();
        }
    }
    SPARE.set(buffers);
    result
}
