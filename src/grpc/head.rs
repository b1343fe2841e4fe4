//! What is done around every call: it gets an id, is counted and followed from its head on, and
//! is logged: failures of the server as warnings, of the others a share, and the rest only at
//! debug level.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::{Code, Status};

use super::calls::{self, Call};
use super::error::Error;
use super::reply::{self, Reply};
use super::{Api, code, server, timeout as deadline};
use crate::coding::Coding;
use crate::predict::{self, Watch};
use crate::registry::Protocol;
use crate::scheduler::Rejection;
use crate::telemetry::{self, Arrived, Ended, Followed, REQUEST_ID, request_id};

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Follows a call from its head to its answer.
pub(super) struct Head {
    started: Instant,
    id: HeaderValue,
    path: String,
    followed: Followed,
    pub(super) headers: HeaderMap,
    /// The time that the caller gives, if it says so.
    pub(super) timeout: Option<Duration>,
    /// The account of a prediction.
    pub(super) watch: Option<Watch>,
}

impl Head {
    /// `call` is the one that the path names, if it is one of the protocol.
    pub(super) fn start(api: &Api, path: String, headers: HeaderMap, call: Option<Call>) -> Self {
        let (started, id) = (Instant::now(), request_id(&headers));
        let called = || telemetry::Call::Grpc {
            method: path.trim_start_matches('/').to_owned(),
            is_known: call.is_some() || server::is_other(&path),
        };
        let arrived = Arrived { id: &id, headers: &headers, started };
        let followed = api.telemetry.follow(arrived, || server::is_probe(&path), called);
        Self { started, id, path, followed, headers, timeout: None, watch: None }
    }

    /// The call was let in. If it is a prediction it counts from now on.
    pub(super) fn begins(&mut self, api: &Api, call: Call) {
        if call == Call::ModelInfer {
            let record = self.followed.record().cloned();
            self.watch = Some(api.predictor.watch(Protocol::Grpc, record));
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// How the message of the call is packed, if it is.
    pub(super) fn coding(&self) -> Result<Coding, Error> {
        let name = self.headers.get(ENCODING).map_or("", |value| value.to_str().unwrap_or("?"));
        calls::coding(name)
    }

    /// The coding of the answer to a call that is packed so: the same. Clients say that they could
    /// unpack one whether or not they want it.
    pub(super) fn answer_coding(&self, coding: Coding) -> Coding {
        let accepted = self.headers.get_all(ACCEPT_ENCODING).iter();
        let mut accepted = accepted.filter_map(|value| value.to_str().ok());
        let is_accepted =
            accepted.any(|names| names.split(',').any(|name| name.trim() == coding.as_str()));
        if is_accepted { coding } else { Coding::Identity }
    }

    /// What must come within the time that the server waits for a caller.
    pub(super) async fn in_time<T>(
        &self,
        api: &Api,
        coming: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let wait = api.config.read_timeout;
        let mut coming = pin!(coming);
        // Most messages are there with their heads; those need no timer.
        match poll_fn(|context| Poll::Ready(coming.as_mut().poll(context))).await {
            Poll::Ready(came) => came,
            Poll::Pending => {
                let slow = |_| Error::SlowBody { seconds: wait.as_secs() };
                timeout(wait, coming).await.map_err(slow)?
            }
        }
    }

    /// Waits for an answer as long as the caller does. One that panics is an error.
    pub(super) async fn answer(
        &mut self,
        answer: impl AsyncFnOnce(&mut Self) -> Result<Reply, Error>,
    ) -> Result<Reply, Error> {
        self.timeout = deadline::of(&self.headers)?;
        let Some(given) = self.timeout else { return caught(answer(self)).await };
        let left = given.saturating_sub(self.started.elapsed());
        let answered = timeout(left, caught(answer(self))).await;
        let late = || predict::Error::from(Rejection::DeadlineExceeded(given));
        answered.unwrap_or_else(|_| Err(late().into()))
    }

    /// Accounts for a failure, writes the log line, and the id into the answer.
    pub(super) fn end(mut self, result: Result<Reply, Error>) -> Response<Body> {
        let (mut response, code, bytes) = match result {
            Ok(reply) => {
                let bytes = reply.bytes();
                (reply.into_http(), Code::Ok, Some(bytes))
            }
            Err(error) => {
                if let Some(watch) = &mut self.watch {
                    watch.failed(error.outcome(), error.refusal());
                }
                self.log(error.code(), error.is_ours().then(|| error.message()), None);
                (reply::failed(&error), error.code(), None)
            }
        };
        if code == Code::Ok {
            self.log(code, None, bytes);
        }
        self.told(&mut response, code, bytes);
        response
    }

    /// The same for what tonic answers.
    pub(super) fn end_other(self, mut response: Response<Body>) -> Response<Body> {
        let status = Status::from_header_map(response.headers());
        let code = status.as_ref().map_or(Code::Ok, Status::code);
        self.log(code, None, None);
        self.told(&mut response, code, None);
        response
    }

    fn told(mut self, response: &mut Response<Body>, code: Code, bytes: Option<usize>) {
        // It never comes again, so it need not be kept in the tables of HPACK.
        self.id.set_sensitive(true);
        response.headers_mut().insert(REQUEST_ID, self.id);
        let ended = Ended::Grpc { code: code::name(code), is_ours: code::is_ours(code) };
        self.followed.end(ended, bytes);
    }

    fn log(&self, code: Code, failure: Option<String>, bytes: Option<usize>) {
        let id = self.id.to_str().unwrap_or("");
        let ms = self.started.elapsed().as_secs_f64() * 1e3;
        // The level of an event is fixed where it is written, its fields need not be twice.
        macro_rules! log {
            ($level:ident, $($last:tt)*) => {
                tracing::$level!(
                    request.id = id,
                    grpc.path = self.path,
                    grpc.status = i32::from(code),
                    ms,
                    trace_id = self.followed.trace_id(),
                    $($last)*
                )
            };
        }
        if let Some(reason) = failure {
            log!(warn, reason, "request failed");
        } else if self.followed.is_logged() {
            let told = self.followed.told();
            log!(
                info,
                model.name = told.model,
                model.version = told.version,
                rows = told.rows,
                request.bytes = told.request_bytes,
                response.bytes = bytes,
                "request"
            );
        } else {
            log!(debug, "request");
        }
    }
}

async fn caught(answer: impl Future<Output = Result<Reply, Error>>) -> Result<Reply, Error> {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or(Err(Error::Internal))
}

/// Whether this is a call at all.
pub(super) fn is_grpc<B>(request: &Request<B>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    request.method() == http::Method::POST
        && rest.is_some_and(|rest| matches!(rest, [] | [b';', ..]) || rest.starts_with(b"+proto"))
}
