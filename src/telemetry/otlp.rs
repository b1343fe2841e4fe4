//! Sends spans to a collector: OTLP over HTTP, in batches, in the background. Requests hand over
//! what is known of them and never wait; what the collector does not take in time is dropped
//! and counted.
//!
//! Not by OpenTelemetry's own crates: what a request that is not sampled may cost, what is
//! dropped and what is logged must be ours to decide, and what would be left of them are a
//! queue and the messages.

pub mod messages;
mod spans;

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use prometheus::IntCounter;
use prost::Message;
use reqwest::Client;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::context::{Context, random_id};
use super::outage::Outage;
use super::record::{Ended, Facts, Record};
use super::share::Share;
use super::web::{self, Address};
use crate::metrics::Registry;
use messages::{
    ExportTraceServiceRequest, ExportTraceServiceResponse, InstrumentationScope, KeyValue,
    Resource, ResourceSpans, ScopeSpans,
};

/// Where spans go, and of which requests.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where spans are posted to, with the path.
    pub address: Address,
    /// Of the requests that belong to no trace yet, those that begin one. A trace that another
    /// has begun is followed if it says that it is sampled, and else not.
    pub share: Share,
    pub service: String,
    /// More attributes of whatever runs here.
    pub resource: Vec<(String, String)>,
    /// Sent with each batch; they may be secrets.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Requests that may wait to be sent.
const QUEUE: usize = 2048;

/// What the setting says if nobody does.
const DEFAULT_SERVICE: &str = "onnxd";

/// Requests of one batch, and the time until an unfinished batch goes.
const BATCH: usize = 128;
const DELAY: Duration = Duration::from_secs(2);

/// Between attempts; after the last one a batch is dropped.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// A request that has ended.
pub(super) struct Finished {
    pub(super) record: Record,
    pub(super) facts: Facts,
    pub(super) ended: Ended,
    pub(super) took: Duration,
}

/// Decides which requests are traced, and takes them when they have ended.
pub(super) struct Traces {
    share: Share,
    queue: mpsc::Sender<Finished>,
    metrics: Metrics,
}

#[derive(Clone)]
struct Metrics {
    exported: IntCounter,
    queue_full: IntCounter,
    refused: IntCounter,
    unreachable: IntCounter,
}

impl Metrics {
    fn new(registry: &Registry) -> Self {
        let exported =
            registry.counter("onnxd_spans_exported_total", "Spans that the collector took.", &[]);
        let dropped = registry.counter(
            "onnxd_spans_dropped_total",
            "Spans that never reached the collector: its queue here was full, it refused them, \
             or it could not be reached.",
            &["reason"],
        );
        let of = |reason| dropped.with_label_values(&[reason]);
        Self {
            exported: exported.with_label_values::<&str>(&[]),
            queue_full: of("queue_full"),
            refused: of("refused"),
            unreachable: of("unreachable"),
        }
    }
}

impl Traces {
    /// Starts to send. The receiver hears when nothing more will be sent.
    pub(super) fn start(
        config: &Config,
        metrics: &Registry,
        stopped: watch::Receiver<bool>,
    ) -> Result<(Self, oneshot::Receiver<()>), String> {
        let (queue, came) = mpsc::channel(QUEUE);
        let (ended, end) = oneshot::channel();
        let metrics = Metrics::new(metrics);
        let mut exporter = Exporter {
            client: web::client()?,
            config: config.clone(),
            came,
            stopped,
            metrics: metrics.clone(),
            outage: Outage::new("traces"),
        };
        tokio::spawn(async move {
            exporter.run().await;
            drop(ended);
        });
        Ok((Self { share: config.share, queue, metrics }, end))
    }

    pub(super) fn takes(&self, came: Option<Context>) -> bool {
        came.map_or_else(|| self.share.by_chance(), |context| context.sampled)
    }

    pub(super) fn push(&self, finished: Finished) {
        let count = spans::count(&finished.facts);
        if self.queue.try_send(finished).is_err() {
            self.metrics.queue_full.inc_by(count);
        }
    }
}

struct Exporter {
    client: Client,
    config: Config,
    came: mpsc::Receiver<Finished>,
    stopped: watch::Receiver<bool>,
    metrics: Metrics,
    outage: Outage,
}

/// Why spans were not taken.
enum Failure {
    /// It makes sense to try again.
    Passing(String),
    Lasting(String),
}

impl Exporter {
    async fn run(&mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.fill(&mut batch).await {
            self.send(&mut batch).await;
        }
        // What requests left behind that ended before the server did.
        while let Ok(finished) = self.came.try_recv() {
            batch.push(finished);
            if batch.len() == BATCH {
                self.send(&mut batch).await;
            }
        }
        if !batch.is_empty() {
            self.send(&mut batch).await;
        }
    }

    /// Waits for a batch. Returns whether there will be more.
    async fn fill(&mut self, batch: &mut Vec<Finished>) -> bool {
        let mut until = None;
        loop {
            let room = BATCH - batch.len();
            let Self { came, stopped, .. } = self;
            let coming = async {
                match until {
                    None => Some(came.recv_many(batch, room).await),
                    Some(until) => timeout_at(until, came.recv_many(batch, room)).await.ok(),
                }
            };
            tokio::select! {
                received = coming => match received {
                    Some(0) => return false,
                    None => return true,
                    Some(_) => {}
                },
                _ = stopped.wait_for(|stopped| *stopped) => return false,
            }
            if batch.len() == BATCH {
                return true;
            }
            until = until.or_else(|| Some(Instant::now() + DELAY));
        }
    }

    /// Sends a batch, several times if need be, and leaves it empty.
    async fn send(&mut self, batch: &mut Vec<Finished>) {
        let (body, count) = self.encoded(batch);
        batch.clear();
        let mut pauses = PAUSES.iter();
        loop {
            let failure = match self.attempt(body.clone()).await {
                Ok(rejected) => {
                    let rejected = rejected.min(count);
                    self.metrics.refused.inc_by(rejected);
                    self.metrics.exported.inc_by(count - rejected);
                    self.outage.worked();
                    return;
                }
                Err(failure) => failure,
            };
            let (Failure::Passing(reason) | Failure::Lasting(reason)) = &failure;
            self.outage.failed(reason);
            if matches!(failure, Failure::Lasting(_)) {
                self.metrics.refused.inc_by(count);
                return;
            }
            let pause = pauses.next().filter(|_| !*self.stopped.borrow());
            let Some(pause) = pause else { break };
            tokio::select! {
                () = sleep(*pause) => {}
                // Once more, and not again.
                _ = self.stopped.wait_for(|stopped| *stopped) => {}
            }
        }
        self.metrics.unreachable.inc_by(count);
    }

    fn encoded(&self, batch: &[Finished]) -> (bytes::Bytes, u64) {
        // Ids that cannot be had are all alike, which only a broken system brings about.
        let id = || random_id().unwrap_or([0, 0, 0, 0, 0, 0, 0, 1]);
        let mut all = Vec::with_capacity(batch.len() * spans::MOST);
        for finished in batch {
            spans::add(&mut all, finished, id);
        }
        let count = all.len() as u64;
        let scope = InstrumentationScope {
            name: "onnxd".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let spans = ScopeSpans { scope: Some(scope), spans: all };
        let resource = Some(Resource { attributes: self.resource() });
        let of_this = ResourceSpans { resource, scope_spans: vec![spans] };
        let request = ExportTraceServiceRequest { resource_spans: vec![of_this] };
        (request.encode_to_vec().into(), count)
    }

    fn resource(&self) -> Vec<KeyValue> {
        const SERVICE: &str = "service.name";
        let own = [
            (SERVICE, self.config.service.as_str()),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("telemetry.sdk.name", "onnxd"),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ];
        let given = self.config.resource.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        // The name has a setting of its own, which counts more, if it says anything.
        let is_named = self.config.service != DEFAULT_SERVICE;
        let given = given.filter(|(key, _)| *key != SERVICE || !is_named);
        let own = own.into_iter().filter(|(key, _)| {
            (*key == SERVICE && is_named)
                || !self.config.resource.iter().any(|(known, _)| known == key)
        });
        own.chain(given).map(|(key, value)| KeyValue::text(key, value)).collect()
    }

    /// One attempt; how many spans the collector did not want.
    async fn attempt(&self, body: bytes::Bytes) -> Result<u64, Failure> {
        let mut request = self.client.post(self.config.address.url()).body(body);
        request = request.header(header::CONTENT_TYPE, "application/x-protobuf");
        for (name, value) in &self.config.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await;
        let answer = answer.map_err(|error| Failure::Passing(web::reason(error)))?;
        let status = answer.status();
        if !status.is_success() {
            let reason = format!("the collector says {status}");
            return Err(match status.as_u16() {
                429 | 502 | 503 | 504 => Failure::Passing(reason),
                _ => Failure::Lasting(reason),
            });
        }
        let said = ExportTraceServiceResponse::decode(beginning(answer).await).unwrap_or_default();
        let rejected = said.partial_success.map_or(0, |partial| partial.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or(0))
    }
}

/// What a collector says of spans that it refused is short: no more of it is read.
async fn beginning(mut answer: reqwest::Response) -> bytes::Bytes {
    const MOST: usize = 64 << 10;
    let mut all = bytes::BytesMut::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        all.extend_from_slice(&piece);
        if all.len() > MOST {
            break;
        }
    }
    all.freeze()
}
