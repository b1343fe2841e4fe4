//! Which requests are followed, and what becomes of what is known of them. A request that is
//! not followed costs a look at its headers.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::context::{self, Context, SpanId, TraceId};
use super::otlp::{self, Finished, Traces};
use super::payload::{self, Payloads};
use super::record::{Begun, Call, Ended, Record, Told, Trace};
use super::share::Share;
use crate::metrics::Registry;

/// The head of a request.
#[derive(Clone, Copy)]
pub struct Arrived<'a> {
    pub id: &'a HeaderValue,
    pub headers: &'a HeaderMap,
    pub started: Instant,
}

/// What is told of requests, and where.
#[derive(Debug, Clone)]
pub struct Following {
    /// Of all requests, those that get a line in the log.
    pub requests: Share,
    pub traces: Option<otlp::Config>,
    pub payloads: Option<payload::Config>,
}

/// Follows requests. Cheap to clone.
#[derive(Clone, Default)]
pub struct Telemetry(Option<Arc<Parts>>);

pub(super) struct Parts {
    requests: Share,
    traces: Option<Traces>,
    pub(super) payloads: Option<Payloads>,
}

/// Sends at the end what was not sent yet.
#[must_use]
pub struct Flush {
    stop: watch::Sender<bool>,
    parts: Option<Arc<Parts>>,
    ends: Vec<oneshot::Receiver<()>>,
}

impl Telemetry {
    /// Starts what sends and writes, on the runtime that this is called on.
    ///
    /// # Errors
    /// A message for people: the file of payloads cannot be written, a thread or a client for
    /// HTTP cannot be had.
    pub fn start(config: &Following, metrics: &Registry) -> Result<(Self, Flush), String> {
        let (stop, stopped) = watch::channel(false);
        let mut ends = Vec::new();
        let traces = config.traces.as_ref().map(|config| Traces::start(config, metrics, stopped));
        let traces = traces.transpose()?.map(|(traces, end)| {
            ends.push(end);
            traces
        });
        let payloads = config.payloads.as_ref().map(|config| Payloads::start(config, metrics));
        let payloads = payloads.transpose()?.map(|(payloads, end)| {
            ends.push(end);
            payloads
        });
        let is_off = traces.is_none() && payloads.is_none() && config.requests.is_none();
        let parts = Parts { requests: config.requests, traces, payloads };
        let parts = (!is_off).then(|| Arc::new(parts));
        Ok((Self(parts.clone()), Flush { stop, parts, ends }))
    }

    /// Begins to follow a request from its head on, if that is wanted. `is_probe` is asked only
    /// where something is told: of probes come many, and each is like the others, so they are
    /// followed only if their callers trace them. `call` says what is asked for, if it is followed.
    pub fn follow(
        &self,
        arrived: Arrived,
        is_probe: impl FnOnce() -> bool,
        call: impl FnOnce() -> Call,
    ) -> Followed {
        let Arrived { id, headers, started } = arrived;
        let came = Context::of(headers);
        let trace = came.map(|context| context.trace);
        let record = self.0.as_ref().and_then(|parts| {
            let is_probe = is_probe();
            if is_probe && came.is_none() {
                return None;
            }
            let is_traced = parts.traces.as_ref().is_some_and(|traces| traces.takes(came));
            let is_logged = !is_probe && parts.requests.has(id.as_bytes());
            let has_payloads =
                parts.payloads.as_ref().is_some_and(|payloads| payloads.takes(id.as_bytes()));
            if !is_traced && !is_logged && !has_payloads {
                return None;
            }
            Some(Record::new(Begun {
                parts: Arc::clone(parts),
                id: id.to_str().unwrap_or("-").to_owned(),
                event: if has_payloads { payload::given_id(headers) } else { None },
                call: call(),
                at: at(started),
                started,
                trace: Trace::of(came, headers, is_traced),
                is_logged,
                has_payloads,
            }))
        });
        Followed { trace, record }
    }
}

/// That time by the wall's clock.
fn at(started: Instant) -> SystemTime {
    let now = SystemTime::now();
    now.checked_sub(started.elapsed()).unwrap_or(now)
}

impl Trace {
    fn of(came: Option<Context>, headers: &HeaderMap, is_traced: bool) -> Option<Self> {
        let state = if came.is_some() { context::state(headers) } else { String::new() };
        if !is_traced {
            // Handed on as it came.
            return Some(Self { context: came?, parent: None, state });
        }
        let (trace, span) = new_ids()?;
        let trace = came.map_or(trace, |came| came.trace);
        let context = Context { trace, span, sampled: true };
        Some(Self { context, parent: came.map(|came| came.span), state })
    }
}

/// None if the system gives no random bytes: then nothing is traced.
fn new_ids() -> Option<(TraceId, SpanId)> {
    Some((TraceId(context::random_id()?), SpanId(context::random_id()?)))
}

/// A request on its way. Dropped before its end, its caller has gone away.
pub struct Followed {
    trace: Option<TraceId>,
    record: Option<Record>,
}

impl Followed {
    /// The trace that the request belongs to, for its log line.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        let own = || Some(self.record.as_ref()?.0.begun.trace.as_ref()?.context.trace);
        self.trace.or_else(own).map(|trace| trace.to_string())
    }

    /// Where what becomes known of it goes.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Whether the request is one of those that get a line in the log.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.0.begun.is_logged)
    }

    /// What its line says.
    #[must_use]
    pub fn told(&self) -> Told {
        self.record.as_ref().map(Record::told).unwrap_or_default()
    }

    /// It ended, with an answer of so many bytes if that is known.
    pub fn end(mut self, ended: Ended, bytes: Option<usize>) {
        if let Some(record) = self.record.take() {
            finish(&record, ended, bytes);
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            finish(&record, Ended::Cancelled, None);
        }
    }
}

fn finish(record: &Record, ended: Ended, bytes: Option<usize>) {
    let mut facts = std::mem::take(&mut *record.facts());
    facts.response_bytes = bytes;
    // It was written before what went wrong afterwards, a deadline for example.
    if !ended.is_success() {
        facts.response = None;
    }
    let begun = &record.0.begun;
    if let Some(payloads) = &begun.parts.payloads {
        payloads.log(begun, &mut facts, SystemTime::now());
    }
    let is_sampled = begun.trace.as_ref().is_some_and(|trace| trace.context.sampled);
    if let Some(traces) = begun.parts.traces.as_ref().filter(|_| is_sampled) {
        let took = begun.started.elapsed();
        traces.push(Finished { record: record.clone(), facts, ended, took });
    }
}

impl Flush {
    /// Waits until everything is sent and written, but not for longer than this.
    pub async fn within(self, longest: Duration) {
        let Self { stop, parts, ends } = self;
        // Nobody listens where nothing is traced.
        let _ = stop.send(true);
        if let Some(payloads) = parts.as_ref().and_then(|parts| parts.payloads.as_ref()) {
            payloads.stop();
        }
        let all = async {
            for end in ends {
                // An error says that it has ended, too.
                let _ = end.await;
            }
        };
        if timeout(longest, all).await.is_err() {
            tracing::warn!(seconds = longest.as_secs(), "telemetry was cut off at the end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_and_not_zeros() {
        let (first, second) = (new_ids().unwrap(), new_ids().unwrap());
        assert!(first.0 != second.0 && first.1 != second.1);
        assert!(first.0.0 != [0; 16] && first.1.0 != [0; 8]);
    }

    #[test]
    fn without_settings_nothing_is_followed() {
        let off = Telemetry::default();
        let mut headers = HeaderMap::new();
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.insert(context::TRACEPARENT, HeaderValue::from_static(parent));
        let id = HeaderValue::from_static("1");
        let asked = || unreachable!("nobody asks what is called");
        let arrived = Arrived { id: &id, headers: &headers, started: Instant::now() };
        let followed = off.follow(arrived, || unreachable!("nobody asks for probes"), asked);
        assert!(followed.record().is_none() && !followed.is_logged());
        // The log says it all the same.
        assert_eq!(followed.trace_id().as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    }
}
