//! Ids of requests.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

/// A longer id is not taken over: it would be copied into every log line.
const MAX_REQUEST_ID: usize = 128;

/// Ids are unique across processes by this, within one by the thread that gave them, and
/// within a thread by a counter.
static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
static THREADS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static THREAD: u64 = THREADS.fetch_add(1, Ordering::Relaxed);
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Where a request and its answer have it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request with these headers: the one that it came with, or a new one.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|id| id.len() <= MAX_REQUEST_ID);
    let new = || HeaderValue::from_str(&new_request_id());
    given.cloned().or_else(|| new().ok()).unwrap_or_else(|| HeaderValue::from_static("-"))
}

/// An id that no other request has.
fn new_request_id() -> String {
    let number = NEXT.get();
    NEXT.set(number + 1);
    THREAD.with(|thread| format!("{:08x}-{thread:x}-{number:x}", *PROCESS >> 32))
}
