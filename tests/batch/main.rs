//! What `onnxd predict` promises, seen from outside: the real program reads files, writes files,
//! is killed and goes on.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

mod drift;
mod formats;
mod kills;
mod resume;
mod support;

