//! The bodies of predictions and their answers, as `CloudEvents` in the form of KServe's inference
//! logger, to a file or a web server. They hold what callers sent, personal data included, so
//! nothing is kept unless it is asked for.
//!
//! Requests never wait for it: what waits to be written is bounded in bytes, and what finds no
//! room is dropped and counted.

mod event;
mod file;
mod post;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName};
use prometheus::IntCounter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::record::{Begun, Body, Facts, Form};
use super::share::Share;
use super::web::Address;
use crate::metrics::Registry;
pub use event::Attributes;
use event::{Event, Kind};

/// What is kept of which requests, and where.
#[derive(Debug, Clone)]
pub struct Config {
    pub sink: Sink,
    pub share: Share,
    pub mode: Mode,
    /// Larger bodies are left out: cut off, they would be no JSON.
    pub max_bytes: usize,
    /// Bytes of all that wait.
    pub queue: usize,
    pub attributes: Attributes,
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// One event a line. A file that is full is put aside as `.1`, what was there before as
    /// `.2` and so on.
    File { path: PathBuf, max_bytes: u64, files: usize },
    /// One event a request.
    Web(Address),
}

/// Which of the bodies are kept, in KServe's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    All,
    Request,
    Response,
}

/// A body that has room.
pub(super) struct Payload {
    form: Form,
    bytes: Vec<u8>,
    /// Held as long as it is here.
    room: OwnedSemaphorePermit,
}

/// For the writer.
enum Item {
    Event(Box<Event>),
    /// Nothing comes behind this.
    Stop,
}

pub(super) struct Payloads {
    share: Share,
    mode: Mode,
    max_bytes: usize,
    room: Arc<Semaphore>,
    queue: mpsc::UnboundedSender<Item>,
    metrics: Metrics,
}

#[derive(Clone)]
struct Metrics {
    logged: IntCounter,
    queue_full: IntCounter,
    too_large: IntCounter,
    sink: IntCounter,
}

impl Metrics {
    fn new(registry: &Registry) -> Self {
        let logged = registry.counter(
            "onnxd_payloads_logged_total",
            "Bodies of requests and answers that were written to the payload log.",
            &[],
        );
        let dropped = registry.counter(
            "onnxd_payloads_dropped_total",
            "Bodies that were meant for the payload log and are not there: too many waited, they \
             were too large, or the sink did not take them.",
            &["reason"],
        );
        let of = |reason| dropped.with_label_values(&[reason]);
        Self {
            logged: logged.with_label_values::<&str>(&[]),
            queue_full: of("queue_full"),
            too_large: of("too_large"),
            sink: of("sink"),
        }
    }
}

/// Where callers in KServe put the id of the events, which a chain of services shares.
const ID: HeaderName = HeaderName::from_static("ce-id");

/// A longer id is not taken over.
const MAX_ID: usize = 128;

pub(super) fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(ID)?.to_str().ok()?;
    (1..=MAX_ID).contains(&id.len()).then(|| id.to_owned())
}

/// Bytes of an event beside its body, about.
const OVERHEAD: usize = 1024;

impl Payloads {
    /// Starts to write. The receiver hears when nothing more will be written.
    pub(super) fn start(
        config: &Config,
        metrics: &Registry,
    ) -> Result<(Self, oneshot::Receiver<()>), String> {
        let (queue, came) = mpsc::unbounded_channel();
        let metrics = Metrics::new(metrics);
        let attributes = config.attributes.clone();
        let end = match &config.sink {
            Sink::File { path, max_bytes, files } => {
                let file = file::Files::open(path, *max_bytes, *files)?;
                file::start(file, attributes, came, metrics.clone())?
            }
            Sink::Web(address) => post::start(address, attributes, came, metrics.clone())?,
        };
        let payloads = Self {
            share: config.share,
            mode: config.mode,
            max_bytes: config.max_bytes,
            room: Arc::new(Semaphore::new(config.queue.min(Semaphore::MAX_PERMITS))),
            queue,
            metrics,
        };
        Ok((payloads, end))
    }

    pub(super) fn takes(&self, id: &[u8]) -> bool {
        self.share.has(id)
    }

    pub(super) fn request(&self, body: Body, copy: impl FnOnce(&mut Vec<u8>)) -> Option<Payload> {
        if self.mode == Mode::Response { None } else { self.keep(body, copy) }
    }

    pub(super) fn response(&self, body: Body, copy: impl FnOnce(&mut Vec<u8>)) -> Option<Payload> {
        if self.mode == Mode::Request { None } else { self.keep(body, copy) }
    }

    /// Copied, for what it came in may be much larger.
    fn keep(&self, body: Body, copy: impl FnOnce(&mut Vec<u8>)) -> Option<Payload> {
        if body.bytes > self.max_bytes {
            self.metrics.too_large.inc();
            return None;
        }
        let room = u32::try_from(body.bytes + OVERHEAD).ok();
        let room = room.and_then(|room| Arc::clone(&self.room).try_acquire_many_owned(room).ok());
        let Some(room) = room else {
            self.metrics.queue_full.inc();
            return None;
        };
        let mut bytes = Vec::with_capacity(body.bytes);
        copy(&mut bytes);
        Some(Payload { form: body.form, bytes, room })
    }

    /// Hands over what was kept of a request. An answer is there only if it succeeded.
    pub(super) fn log(&self, begun: &Begun, facts: &mut Facts, ended: SystemTime) {
        let (request, response) = (facts.request.take(), facts.response.take());
        for (kind, payload, time) in
            [(Kind::Request, request, begun.at), (Kind::Response, response, ended)]
        {
            let Some(payload) = payload else { continue };
            let event = Event::new(kind, begun, facts, time, payload);
            if self.queue.send(Item::Event(Box::new(event))).is_err() {
                self.metrics.sink.inc();
            }
        }
    }

    /// Has the writer end once it has written what there is.
    pub(super) fn stop(&self) {
        // An error says that it has ended.
        let _ = self.queue.send(Item::Stop);
    }
}
