//! Where calls run: the youngest of a connection in the connection's own task, the others in tasks
//! of their own.
//!
//! Most connections have one call at a time. In the connection's task it costs no task, no thread
//! is woken for it, and its head, its message and its trailers leave in one write. Several at a
//! time are worth several threads, and a call that goes on, such as a watch, makes room for the
//! next.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use futures_util::FutureExt as _;
use hyper::rt::Executor;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes the calls of one connection. Cheap to clone.
///
/// hyper's calls hold what takes calls, and the place holds a call, so this must not hold the
/// place: neither would ever go.
#[derive(Clone)]
pub(super) struct Beside(Weak<Place>);

/// The place beside a connection.
#[derive(Default)]
struct Place {
    /// The connection is being polled, and looks here afterwards.
    is_looked_at: AtomicBool,
    /// A call that was not polled yet.
    new: Mutex<Option<Call>>,
}

impl Place {
    /// Gives the call back if there is one already, or nobody would look at it.
    fn put(&self, call: Call) -> Option<Call> {
        let mut new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
        if new.is_some() || !self.is_looked_at.load(Ordering::Relaxed) {
            return Some(call);
        }
        *new = Some(call);
        None
    }

    /// The call that was put here meanwhile; none is taken from now on.
    fn take(&self) -> Option<Call> {
        let mut new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_looked_at.store(false, Ordering::Relaxed);
        new.take()
    }
}

impl<F> Executor<F> for Beside
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, call: F) {
        // As in a task of its own, a panic is that of one call and not of its connection.
        let call = AssertUnwindSafe(call).catch_unwind().map(drop);
        let call: Call = Box::pin(call);
        let left = match self.0.upgrade() {
            Some(place) => place.put(call),
            None => Some(call),
        };
        if let Some(call) = left {
            tokio::spawn(call);
        }
    }
}

/// A connection, and the call beside it.
pub(super) struct Together<C> {
    pub(super) connection: C,
    place: Arc<Place>,
    call: Option<Call>,
}

impl<C> Together<C> {
    /// The connection that gives its calls to what `make` gets.
    pub(super) fn new(make: impl FnOnce(Beside) -> C) -> Self {
        let place = Arc::<Place>::default();
        Self { connection: make(Beside(Arc::downgrade(&place))), place, call: None }
    }
}

impl<C: Future + Unpin> Future for Together<C> {
    type Output = C::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        let this = self.get_mut();
        loop {
            this.place.is_looked_at.store(true, Ordering::Relaxed);
            let polled = Pin::new(&mut this.connection).poll(context);
            let new = this.place.take();
            if let Poll::Ready(ended) = polled {
                return Poll::Ready(ended);
            }
            // Whoever waits for something can do so elsewhere.
            if let Some(waiting) = new.and_then(|new| this.call.replace(new)) {
                tokio::spawn(waiting);
            }
            let Some(call) = &mut this.call else { return Poll::Pending };
            ready!(call.as_mut().poll(context));
            this.call = None;
            // What it left is written now, all at once.
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::sync::atomic::AtomicUsize;
    use std::task::Waker;

    use tokio::task::{Id, try_id, yield_now};

    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    fn poll_once<C: Future + Unpin>(together: &mut Together<C>) -> Poll<C::Output> {
        Pin::new(together).poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Where each of the calls ran that came at once, in the order of their ends: none is the task
    /// of the connection. Each gives way once.
    fn run(calls: usize) -> Vec<Option<Id>> {
        block_on(async move {
            let connection = tokio::spawn(async move {
                let ran = Arc::new(Mutex::new(Vec::new()));
                let seen = Arc::clone(&ran);
                let together = Together::new(|beside| {
                    let mut is_new = true;
                    poll_fn(move |_| {
                        for _ in 0..if std::mem::take(&mut is_new) { calls } else { 0 } {
                            let ran = Arc::clone(&ran);
                            beside.execute(async move {
                                yield_now().await;
                                ran.lock().unwrap().push(try_id());
                            });
                        }
                        let all_ended = ran.lock().unwrap().len() == calls;
                        if all_ended { Poll::Ready(()) } else { Poll::Pending }
                    })
                });
                // Others are not seen by this task when they end.
                tokio::select! {
                    () = together => {}
                    () = async { loop { yield_now().await } } => {}
                }
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
    fn calls_that_end_at_once_need_no_task() {
        // No runtime is there that could take one.
        let ran = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ran);
        let mut together = Together::new(|beside| {
            poll_fn(move |_| {
                if count.load(Ordering::Relaxed) == 100 {
                    return Poll::Ready(());
                }
                let count = Arc::clone(&count);
                beside.execute(async move { _ = count.fetch_add(1, Ordering::Relaxed) });
                Poll::Pending
            })
        });
        assert!(poll_once(&mut together).is_ready());
        assert_eq!(ran.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn a_call_that_goes_on_makes_room_for_the_next() {
        block_on(async {
            let ended = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&ended);
            let mut polls = 0;
            let mut together = Together::new(|beside| {
                poll_fn(move |_| {
                    polls += 1;
                    let count = Arc::clone(&count);
                    match polls {
                        1 => beside.execute(pending::<()>()),
                        2 => beside.execute(async move {
                            count.fetch_add(1, Ordering::Relaxed);
                        }),
                        _ => {}
                    }
                    Poll::<()>::Pending
                })
            });
            assert!(poll_once(&mut together).is_pending());
            assert!(poll_once(&mut together).is_pending());
            assert_eq!(ended.load(Ordering::Relaxed), 1);
        });
    }

    #[test]
    fn a_call_that_was_never_begun_goes_with_its_connection() {
        let held = Arc::new(());
        let call = Arc::clone(&held);
        let mut together = Together::new(|beside| {
            let mut call = Some(call);
            poll_fn(move |_| {
                // As hyper's do, the call holds what takes calls.
                let (own, call) = (beside.clone(), call.take());
                beside.execute(async move { drop((own, call)) });
                Poll::Ready("broken")
            })
        });
        assert_eq!(poll_once(&mut together), Poll::Ready("broken"));
        drop(together);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_panic_of_a_call_is_not_one_of_its_connection() {
        let mut is_new = true;
        let mut together = Together::new(|beside| {
            poll_fn(move |_| {
                if !std::mem::take(&mut is_new) {
                    return Poll::Ready(());
                }
                beside.execute(async { std::panic::resume_unwind(Box::new("a test")) });
                Poll::Pending
            })
        });
        assert!(poll_once(&mut together).is_ready());
    }

    #[test]
    fn calls_that_come_from_elsewhere_run_in_tasks() {
        block_on(async {
            let mut taken = None;
            let _together = Together::new(|beside| {
                taken = Some(beside);
                poll_fn(|_| Poll::<()>::Pending)
            });
            let (sender, ran) = tokio::sync::oneshot::channel();
            taken.unwrap().execute(async { _ = sender.send(try_id()) });
            assert!(ran.await.unwrap().is_some());
        });
    }
}
