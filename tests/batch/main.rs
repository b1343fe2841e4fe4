//! What `onnxd predict` promises, seen from outside: the real program reads files, writes files,
//! is killed and goes on.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

mod bad_rows;
mod company;
mod cores;
mod drift;
mod formats;
mod hard_tables;
mod hard_texts;
mod interrupt;
mod kills;
mod many_files;
mod names;
mod resume;
mod support;
