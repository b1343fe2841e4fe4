//! Plans for concrete shapes: bounded in number and bytes, least recently used first out,
//! each compiled once however many callers wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::engine::RunError;
use crate::tensor::Shape;

/// The shapes of all inputs, in order.
pub(super) type Key = Vec<Shape>;

type Answer<P> = Result<Arc<P>, RunError>;

/// How often a shape must be seen before a plan of its own is worth compiling while
/// another plan serves it.
const POPULAR: u32 = 4;

/// Shapes whose popularity is counted, and failures remembered; past that all are
/// forgotten, which only costs a recount.
const MAX_REMEMBERED: usize = 256;

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) plans: usize,
    pub(super) bytes: u64,
}

pub(super) struct PlanCache<P: ?Sized> {
    limits: Limits,
    inner: Mutex<Inner<P>>,
}

struct Inner<P: ?Sized> {
    ready: HashMap<Key, Held<P>>,
    compiling: HashMap<Key, Vec<oneshot::Sender<Answer<P>>>>,
    failed: HashMap<Key, RunError>,
    seen: HashMap<Key, u32>,
    clock: u64,
    bytes: u64,
}

struct Held<P: ?Sized> {
    plan: Arc<P>,
    bytes: u64,
    last_used: u64,
}

/// Who compiles.
pub(super) enum Claim<P: ?Sized> {
    Known(Answer<P>),
    /// Somebody else is at it; wait for the answer.
    Joined(oneshot::Receiver<Answer<P>>),
    /// The caller must see to it that [`PlanCache::settle`] is called.
    Owner(oneshot::Receiver<Answer<P>>),
}

impl<P: ?Sized> PlanCache<P> {
    pub(super) fn new(limits: Limits) -> Self {
        let inner = Inner {
            ready: HashMap::new(),
            compiling: HashMap::new(),
            failed: HashMap::new(),
            seen: HashMap::new(),
            clock: 0,
            bytes: 0,
        };
        Self { limits, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<P>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plan for these shapes, if it is ready.
    pub(super) fn get(&self, key: &[Shape]) -> Option<Arc<P>> {
        let mut inner = self.lock();
        inner.clock += 1;
        let now = inner.clock;
        let held = inner.ready.get_mut(key)?;
        held.last_used = now;
        Some(Arc::clone(&held.plan))
    }

    /// Counts a use of shapes that another plan serves; true when they have become popular
    /// enough for a plan of their own. Says so once.
    pub(super) fn has_become_popular(&self, key: &[Shape]) -> bool {
        let mut inner = self.lock();
        if let Some(seen) = inner.seen.get_mut(key) {
            *seen = seen.saturating_add(1);
            return *seen == POPULAR;
        }
        if inner.seen.len() >= MAX_REMEMBERED {
            inner.seen.clear();
        }
        inner.seen.insert(key.to_vec(), 1);
        POPULAR == 1
    }

    /// Finds the plan, joins those who wait for it, or makes the caller its compiler.
    pub(super) fn claim(&self, key: &[Shape]) -> Claim<P> {
        if let Some(plan) = self.get(key) {
            return Claim::Known(Ok(plan));
        }
        let mut inner = self.lock();
        if let Some(error) = inner.failed.get(key) {
            return Claim::Known(Err(error.clone()));
        }
        let (sender, receiver) = oneshot::channel();
        if let Some(waiting) = inner.compiling.get_mut(key) {
            waiting.push(sender);
            return Claim::Joined(receiver);
        }
        inner.compiling.insert(key.to_vec(), vec![sender]);
        Claim::Owner(receiver)
    }

    /// Ends a compilation: keeps the plan or the failure and tells everyone who waits.
    pub(super) fn settle(&self, key: &[Shape], answer: Answer<P>, bytes: u64) {
        let mut inner = self.lock();
        match &answer {
            Ok(plan) => inner.insert(key.to_vec(), Arc::clone(plan), bytes, self.limits),
            Err(error) => {
                if inner.failed.len() >= MAX_REMEMBERED {
                    inner.failed.clear();
                }
                inner.failed.insert(key.to_vec(), error.clone());
            }
        }
        let waiting = inner.compiling.remove(key).unwrap_or_default();
        drop(inner);
        for sender in waiting {
            // A caller that went away needs no answer.
            let _ = sender.send(answer.clone());
        }
    }

    /// Gives a claim back without an answer: everyone who waits is told `error`, and the
    /// next claim tries again.
    pub(super) fn abandon(&self, key: &[Shape], error: &RunError) {
        let waiting = self.lock().compiling.remove(key).unwrap_or_default();
        for sender in waiting {
            let _ = sender.send(Err(error.clone()));
        }
    }

    /// Plans held, and their bytes.
    pub(super) fn size(&self) -> (usize, u64) {
        let inner = self.lock();
        (inner.ready.len(), inner.bytes)
    }
}

impl<P: ?Sized> Inner<P> {
    fn insert(&mut self, key: Key, plan: Arc<P>, bytes: u64, limits: Limits) {
        self.clock += 1;
        let held = Held { plan, bytes, last_used: self.clock };
        if let Some(old) = self.ready.insert(key, held) {
            self.bytes -= old.bytes;
        }
        self.bytes += bytes;
        // The newest stays even if it alone is too large: its caller is waiting for it.
        while self.ready.len() > 1 && (self.ready.len() > limits.plans || self.bytes > limits.bytes)
        {
            let oldest = self.ready.iter().min_by_key(|(_, held)| held.last_used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { break };
            if let Some(evicted) = self.ready.remove(&key) {
                self.bytes -= evicted.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(size: usize) -> Key {
        vec![Shape::new(vec![size]).unwrap()]
    }

    fn cache(plans: usize, bytes: u64) -> PlanCache<usize> {
        PlanCache::new(Limits { plans, bytes })
    }

    #[test]
    fn one_caller_compiles_and_all_get_the_plan() {
        let cache = cache(4, 100);
        let Claim::Owner(mut first) = cache.claim(&key(1)) else { panic!("not the owner") };
        let Claim::Joined(mut second) = cache.claim(&key(1)) else { panic!("did not join") };
        cache.settle(&key(1), Ok(Arc::new(7)), 1);
        assert_eq!(*first.try_recv().unwrap().unwrap(), 7);
        assert_eq!(*second.try_recv().unwrap().unwrap(), 7);
        assert!(matches!(cache.claim(&key(1)), Claim::Known(Ok(_))));
    }

    #[test]
    fn a_shape_that_failed_is_not_compiled_again() {
        let cache = cache(4, 100);
        let error = RunError::Operator { reason: "no".to_owned() };
        let Claim::Owner(_) = cache.claim(&key(1)) else { panic!("not the owner") };
        cache.settle(&key(1), Err(error), 0);
        assert!(matches!(cache.claim(&key(1)), Claim::Known(Err(_))));
    }

    #[test]
    fn an_abandoned_claim_can_be_claimed_again() {
        let cache = cache(4, 100);
        let Claim::Owner(mut first) = cache.claim(&key(1)) else { panic!("not the owner") };
        cache.abandon(&key(1), &RunError::Operator { reason: "busy".to_owned() });
        assert!(first.try_recv().unwrap().is_err());
        assert!(matches!(cache.claim(&key(1)), Claim::Owner(_)));
    }

    #[test]
    fn the_least_recently_used_plan_leaves_first() {
        let cache = cache(2, 100);
        for size in [1, 2] {
            cache.settle(&key(size), Ok(Arc::new(size)), 1);
        }
        cache.get(&key(1));
        cache.settle(&key(3), Ok(Arc::new(3)), 1);
        assert!(cache.get(&key(2)).is_none());
        assert!(cache.get(&key(1)).is_some() && cache.get(&key(3)).is_some());
    }

    proptest! {
        #[test]
        fn no_sequence_of_shapes_grows_past_the_limits(
            sizes in proptest::collection::vec((0usize..1000, 1u64..40), 1..300)
        ) {
            let cache = cache(5, 100);
            for (size, bytes) in sizes {
                cache.has_become_popular(&key(size));
                cache.settle(&key(size), Ok(Arc::new(size)), bytes);
                let (plans, held) = cache.size();
                prop_assert!(plans <= 5 && held <= 100);
                let inner = cache.lock();
                prop_assert!(inner.seen.len() <= MAX_REMEMBERED && inner.compiling.is_empty());
                prop_assert_eq!(inner.ready.values().map(|held| held.bytes).sum::<u64>(), held);
            }
        }
    }
}
