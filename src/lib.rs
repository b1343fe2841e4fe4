//! onnxd serves ONNX models over HTTP and gRPC.
//!
//! The modules form a list in which each may name only those before it;
//! `tests/architecture.rs` keeps it so. ARCHITECTURE.md draws the picture.

pub mod digest;

pub mod vectors;

pub mod tensor;

pub mod metrics;

pub mod telemetry;

pub mod courtesy;

pub mod away;

pub mod coding;

pub mod follow;

pub mod store;

pub mod stats;

pub mod engine;

pub mod table;

pub mod features;

pub mod contract;

pub mod drift;

pub mod quality;

pub mod repository;

pub mod gate;

pub mod scheduler;

pub mod registry;

pub mod predict;

pub mod describe;

pub mod sockets;

pub mod access;

pub mod batch;

pub mod schedule;

pub mod jobs;

pub mod history;

pub mod http;

pub mod grpc;

pub mod config;

pub mod app;

pub mod cli;
