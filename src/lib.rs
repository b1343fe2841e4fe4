//! onnxd serves ONNX models over HTTP.
//!
//! The modules form a list in which each may name only those before it;
//! `tests/architecture.rs` keeps it so. ARCHITECTURE.md draws the picture.

pub mod tensor;

pub mod metrics;

pub mod engine;

pub mod scheduler;
