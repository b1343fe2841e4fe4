//! Every operation, and what is said of it. The table of routes in `http.rs` holds what exists;
//! a test goes over both.

mod data;
mod jobs;
mod models;
mod overview;
mod page;
mod v1;
mod v2;
mod watching;

use super::operation::Operation;

/// In the order of the page.
pub(super) fn all() -> Vec<Operation> {
    [
        v2::all(),
        v1::all(),
        v2::repository(),
        models::all(),
        overview::all(),
        data::all(),
        jobs::all(),
        watching::all(),
        page::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
