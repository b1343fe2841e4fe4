//! The server's own interface, for operators.

pub(super) mod models;
