//! What the tests have in common: the program, a directory, and rows.

mod command;
mod data;
mod echo;
mod tables;

pub use command::{Finished, Work, fixture, flight_delay};
pub use data::{flights, gzipped, unzipped, zstd_of};
pub use echo::{Echo, whole_numbers};
pub use tables::{arrow_file, batches_of, parquet_file};
