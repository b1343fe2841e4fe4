//! Where calls run: the first of a connection in the connection's own task, those beside it in
//! tasks of their own.
//!
//! Most connections have one call at a time. In the connection's task it costs no task, no thread
//! is woken for it, and its head, its message and its trailers leave in one write. Several at a
//! time are worth several threads.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use hyper::rt::Executor;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes the calls of one connection. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Beside(Arc<Place>);

/// The place beside the connection.
#[derive(Default)]
struct Place {
    is_taken: AtomicBool,
    /// The call that took it, before it is first polled.
    new: Mutex<Option<Call>>,
}

impl<F> Executor<F> for Beside
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, call: F) {
        if self.0.is_taken.swap(true, Ordering::Relaxed) {
            tokio::spawn(call);
            return;
        }
        let call = Box::pin(async { _ = call.await });
        *self.0.new.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
    }
}

/// A connection, and the call beside it.
pub(super) struct Together<C> {
    pub(super) connection: C,
    place: Arc<Place>,
    call: Option<Call>,
}

impl<C> Together<C> {
    /// The connection that gives its calls to this one.
    pub(super) fn new(connection: C, beside: &Beside) -> Self {
        Self { connection, place: Arc::clone(&beside.0), call: None }
    }
}

impl<C: Future + Unpin> Future for Together<C> {
    type Output = C::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        let this = self.get_mut();
        loop {
            if let Poll::Ready(ended) = Pin::new(&mut this.connection).poll(context) {
                return Poll::Ready(ended);
            }
            if this.call.is_none() && this.place.is_taken.load(Ordering::Relaxed) {
                this.call = this.place.new.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
            let Some(call) = &mut this.call else { return Poll::Pending };
            ready!(call.as_mut().poll(context));
            this.call = None;
            this.place.is_taken.store(false, Ordering::Relaxed);
            // What it left is written now, all at once.
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    use tokio::task::{try_id, yield_now};

    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    /// Where each of the calls ran that came at once: the task, by the order of their ends. Each
    /// gives way once.
    fn run(calls: usize) -> Vec<Option<tokio::task::Id>> {
        block_on(async move {
            let connection = tokio::spawn(async move {
                let (beside, ran) = (Beside::default(), Arc::new(Mutex::new(Vec::new())));
                let (executor, seen) = (beside.clone(), Arc::clone(&ran));
                let mut is_new = true;
                let connection = poll_fn(move |_| {
                    for _ in 0..if std::mem::take(&mut is_new) { calls } else { 0 } {
                        let ran = Arc::clone(&ran);
                        executor.execute(async move {
                            yield_now().await;
                            ran.lock().unwrap().push(try_id());
                        });
                    }
                    if ran.lock().unwrap().len() == calls { Poll::Ready(()) } else { Poll::Pending }
                });
                Together::new(connection, &beside).await;
                let all = std::mem::take(&mut *seen.lock().unwrap());
                (try_id(), all)
            });
            let (own, all) = connection.await.unwrap();
            all.into_iter().map(|id| id.filter(|id| Some(*id) != own)).collect()
        })
    }

    #[test]
    fn one_call_runs_in_the_task_of_its_connection_and_others_in_their_own() {
        assert_eq!(run(1), [None]);
        let all = run(3);
        assert_eq!(all.iter().filter(|id| id.is_none()).count(), 1, "{all:?}");
    }

    #[test]
    fn the_place_beside_a_connection_is_free_again_when_its_call_has_ended() {
        block_on(async {
            let (beside, ran) = (Beside::default(), Arc::new(AtomicUsize::new(0)));
            let (executor, count) = (beside.clone(), Arc::clone(&ran));
            let connection = poll_fn(move |_| {
                let ended = count.load(Ordering::Relaxed);
                if ended == 100 {
                    return Poll::Ready(());
                }
                let count = Arc::clone(&count);
                executor.execute(async move { _ = count.fetch_add(1, Ordering::Relaxed) });
                Poll::Pending
            });
            // None of them is a task, so nothing else need run.
            assert!(
                Pin::new(&mut Together::new(connection, &beside))
                    .poll(&mut Context::from_waker(std::task::Waker::noop()))
                    .is_ready()
            );
            assert_eq!(ran.load(Ordering::Relaxed), 100);
        });
    }
}
