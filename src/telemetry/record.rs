//! What is known of one request that is followed. Few are: the others have none of this.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::context::{Context, SpanId};
use super::follow::Parts;
use super::payload::Payload;

/// A stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct Timed {
    pub started: Instant,
    pub took: Duration,
}

impl Timed {
    /// What took from then until now.
    #[must_use]
    pub fn since(started: Instant) -> Self {
        Self { started, took: started.elapsed() }
    }
}

/// Parts of the time of a request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Stages {
    pub decode: Timed,
    /// Waiting for a plan and a worker.
    pub queue: Timed,
    /// From the begin of its first run to the end of its last one.
    pub infer: Timed,
    pub encode: Timed,
    /// Rows that ran together.
    pub batch_rows: usize,
}

/// What was asked for.
#[derive(Debug)]
pub enum Call {
    Http {
        method: String,
        /// Without the query, which may hold secrets.
        path: String,
        /// The template that the path fits.
        route: Option<&'static str>,
    },
    Grpc {
        /// `package.Service/Method`.
        method: String,
        /// Whether there is such a method: else its name is any text of the caller.
        is_known: bool,
    },
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub enum Ended {
    /// With this status.
    Http(u16),
    /// With a code of this name; whether it is a failure of the server.
    Grpc { code: &'static str, is_ours: bool },
    /// Its caller went away.
    Cancelled,
}

impl Ended {
    pub(super) fn is_success(self) -> bool {
        match self {
            Self::Http(status) => (200..300).contains(&status),
            Self::Grpc { code, .. } => code == "OK",
            Self::Cancelled => false,
        }
    }
}

/// What is known at the head of a request.
pub(super) struct Begun {
    pub(super) parts: Arc<Parts>,
    pub(super) id: String,
    /// The id of its events, if the caller gives one.
    pub(super) event: Option<String>,
    pub(super) call: Call,
    pub(super) at: SystemTime,
    pub(super) started: Instant,
    pub(super) trace: Option<Trace>,
    pub(super) is_logged: bool,
    pub(super) has_payloads: bool,
}

/// Where a request stands in its trace.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    /// What others are told. If it is sampled, the span is that of this request, else the
    /// caller's.
    pub(super) context: Context,
    /// The caller's span.
    pub(super) parent: Option<SpanId>,
    /// What other parties say of the trace.
    pub(super) state: String,
}

/// What becomes known later.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) model: Option<(String, u64)>,
    pub(super) rows: Option<usize>,
    pub(super) stages: Option<Stages>,
    /// How it counts, in a word.
    pub(super) outcome: Option<&'static str>,
    pub(super) request_bytes: Option<usize>,
    pub(super) response_bytes: Option<usize>,
    pub(super) request: Option<Payload>,
    pub(super) response: Option<Payload>,
}

/// A handle; all clones are one record.
#[derive(Clone)]
pub struct Record(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) begun: Begun,
    facts: Mutex<Facts>,
}

/// What the log line of a request says beside what is always there.
#[derive(Debug, Default)]
pub struct Told {
    pub route: Option<&'static str>,
    pub model: Option<String>,
    pub version: Option<u64>,
    pub rows: Option<usize>,
    pub request_bytes: Option<usize>,
}

impl Record {
    pub(super) fn new(begun: Begun) -> Self {
        Self(Arc::new(Inner { begun, facts: Mutex::default() }))
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request goes to this version.
    pub fn resolved(&self, model: &str, version: u64) {
        self.facts().model = Some((model.to_owned(), version));
    }

    /// It has its answer.
    pub fn answered(&self, rows: usize, stages: Stages) {
        let mut facts = self.facts();
        facts.rows = Some(rows);
        facts.stages = Some(stages);
    }

    /// It failed, or its caller went away.
    pub fn failed(&self, outcome: &'static str) {
        self.facts().outcome = Some(outcome);
    }

    /// The body of the request, unpacked; `copy` is called only if somebody wants it.
    pub fn came(&self, body: Body, copy: impl FnOnce(&mut Vec<u8>)) {
        self.facts().request_bytes = Some(body.bytes);
        let payload = self.payloads().and_then(|payloads| payloads.request(body, copy));
        self.facts().request = payload;
    }

    /// The body of the answer, before it is packed.
    pub fn went(&self, body: Body, copy: impl FnOnce(&mut Vec<u8>)) {
        let payload = self.payloads().and_then(|payloads| payloads.response(body, copy));
        self.facts().response = payload;
    }

    fn payloads(&self) -> Option<&super::payload::Payloads> {
        let begun = &self.0.begun;
        begun.parts.payloads.as_ref().filter(|_| begun.has_payloads)
    }

    pub(super) fn told(&self) -> Told {
        let route = match &self.0.begun.call {
            Call::Http { route, .. } => *route,
            Call::Grpc { .. } => None,
        };
        let facts = self.facts();
        let model = facts.model.as_ref();
        Told {
            route,
            model: model.map(|(name, _)| name.clone()),
            version: model.map(|(_, version)| *version),
            rows: facts.rows,
            request_bytes: facts.request_bytes,
        }
    }
}

/// A body that came or goes.
#[derive(Debug, Clone)]
pub struct Body {
    pub bytes: usize,
    pub form: Form,
}

/// How a body is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Json,
    /// JSON of so many bytes, and binary tensors behind it.
    JsonAndBinary(usize),
    Protobuf,
}
