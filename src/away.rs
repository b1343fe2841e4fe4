//! Work that is too long for the threads that read and write requests.

/// Larger pieces of work (decoding, encoding, packing) leave the I/O thread; below this they take
/// some tens of microseconds, about what handing them over costs.
pub const INLINE_BYTES: usize = 32 * 1024;

/// Numbers are only moved or copied, which takes this part of what texts take.
pub const COPYING: usize = 32;

/// The work broke off, which none should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// Does work on about so many bytes: here if they are few, else away from the I/O threads.
///
/// # Errors
/// It panicked there.
pub async fn run<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Lost> {
    if bytes <= INLINE_BYTES {
        return Ok(work());
    }
    blocking(work).await
}

/// Does work away from the I/O threads.
///
/// # Errors
/// It panicked there.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Lost> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Lost)
}
