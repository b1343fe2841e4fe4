//! What clients and operators see of the real program: it is started as they start it,
//! asked over real sockets, and stopped by its signal. Nothing here looks inside.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

#[path = "../fuzz/mod.rs"]
mod fuzz;
mod support;

mod access;
mod bad_input;
mod check;
mod cli;
mod contract;
mod dashboard;
mod diff;
mod drift;
mod fixtures;
mod golden;
mod grpc;
mod health;
mod history;
mod jobs;
mod lifecycle;
mod models;
mod openapi;
mod operations;
mod profile;
mod promotion;
mod quality;
mod score;
mod swap;
mod tabular;
mod target;
mod telemetry;
mod tls;
