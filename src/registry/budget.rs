//! Memory that models may take together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The budget of all models.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Bytes; none where memory is not limited.
    limit: Option<u64>,
    taken: Mutex<u64>,
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    shared: Arc<Shared>,
    bytes: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Budget {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self(Arc::new(Shared { limit, taken: Mutex::new(0) }))
    }

    /// # Errors
    /// What is needed and what is left, for the one who set the budget.
    pub(super) fn reserve(&self, bytes: u64) -> Result<Reservation, String> {
        let mut reservation = Reservation { shared: Arc::clone(&self.0), bytes: 0 };
        reservation.resize(bytes)?;
        Ok(reservation)
    }
}

impl Reservation {
    /// Takes more, or gives some back.
    ///
    /// # Errors
    /// As [`Budget::reserve`]; the reservation is then as it was.
    pub(super) fn resize(&mut self, bytes: u64) -> Result<(), String> {
        let mut taken = self.shared.lock();
        let others = *taken - self.bytes;
        if let Some(limit) = self.shared.limit
            && others.saturating_add(bytes) > limit
            && bytes > self.bytes
        {
            return Err(format!(
                "it needs about {}, and of the {} of max-model-memory {} are left",
                megabytes(bytes),
                megabytes(limit),
                megabytes(limit.saturating_sub(others))
            ));
        }
        *taken = others.saturating_add(bytes);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        *self.shared.lock() -= self.bytes;
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_what_is_left() {
        let budget = Budget::new(Some(10_000_000));
        let first = budget.reserve(6_000_000).unwrap();
        let reason = budget.reserve(5_000_000).unwrap_err();
        assert_eq!(
            reason,
            "it needs about 5.0 MB, and of the 10.0 MB of max-model-memory 4.0 MB are left"
        );
        drop(first);
        assert!(budget.reserve(10_000_000).is_ok());
    }

    #[test]
    fn a_reservation_grows_within_the_budget_and_shrinks_always() {
        let budget = Budget::new(Some(10));
        let (mut a, _b) = (budget.reserve(4).unwrap(), budget.reserve(4).unwrap());
        assert!(a.resize(6).is_ok() && a.resize(7).is_err() && a.resize(1).is_ok());
        assert!(budget.reserve(5).is_ok() && budget.reserve(6).is_err());
        assert!(Budget::new(None).reserve(u64::MAX).is_ok());
    }
}
