//! Contracts against what their guide says: every code, and random contracts over random tables,
//! held against a checker that is as plain as can be.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

mod agreement;
mod by_row;
mod codes;
mod naive;
mod random;
mod repairs;
mod structure;
mod table;
