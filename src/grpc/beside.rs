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
