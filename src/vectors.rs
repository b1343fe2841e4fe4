//! Many values at once, by the widest vectors that the processor turns out to have.

mod find;

pub use find::{Find, Search, search};

/// Work that is compiled for vectors.
pub trait Wide {
    type Output;

    /// To be inlined always, as all that it calls: only that is compiled for the vectors.
    fn work(self) -> Self::Output;
}

/// Works as this processor does it best.
#[inline]
pub fn wide<W: Wide>(work: W) -> W::Output {
    pulp::Arch::new().dispatch(Work(work))
}

struct Work<W>(W);

impl<W: Wide> pulp::WithSimd for Work<W> {
    type Output = W::Output;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as said above")]
    fn with_simd<S: pulp::Simd>(self, _: S) -> W::Output {
        self.0.work()
    }
}
