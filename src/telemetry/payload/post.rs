//! Events to a web server, one a request, in the binary form: attributes are headers, the body
//! is as it was.

use std::sync::Arc;

use http::header;
use reqwest::Client;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::event::{self, Attributes, Event};
use super::{Item, Metrics};
use crate::telemetry::outage::Outage;
use crate::telemetry::web::{self, Address};

/// Events under way at the same time; as many as KServe's agent has.
const AT_ONCE: u32 = 5;

/// What all deliveries share.
struct Sink {
    client: Client,
    address: Address,
    attributes: Attributes,
    metrics: Metrics,
    outage: std::sync::Mutex<Outage>,
}

pub(super) fn start(
    address: &Address,
    attributes: Attributes,
    mut came: mpsc::UnboundedReceiver<Item>,
    metrics: Metrics,
) -> Result<oneshot::Receiver<()>, String> {
    let sink = Arc::new(Sink {
        client: web::client()?,
        address: address.clone(),
        attributes,
        metrics,
        outage: std::sync::Mutex::new(Outage::new("payloads")),
    });
    let (ended, end) = oneshot::channel();
    tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(AT_ONCE as usize));
        while let Some(Item::Event(event)) = came.recv().await {
            // It is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let sink = Arc::clone(&sink);
            tokio::spawn(async move {
                sink.deliver(*event).await;
                drop(place);
            });
        }
        // Those under way.
        let _ = places.acquire_many(AT_ONCE).await;
        drop(ended);
    });
    Ok(end)
}

impl Sink {
    async fn deliver(&self, event: Event) {
        let delivered = self.attempt(event).await;
        let mut outage = self.outage.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match delivered {
            Ok(()) => {
                self.metrics.logged.inc();
                outage.worked();
            }
            Err(reason) => {
                self.metrics.sink.inc();
                outage.failed(&reason);
            }
        }
    }

    /// Once: what cannot be delivered is dropped, and what comes next has its chance.
    async fn attempt(&self, event: Event) -> Result<(), String> {
        let mut request = self.client.post(self.address.url());
        for (name, value) in self.attributes_of(&event) {
            request = request.header(name, value);
        }
        for (name, value) in event.trace() {
            request = request.header(name, value);
        }
        request = request.header(header::CONTENT_TYPE, event.content_type());
        // The room of the body is taken until it has gone.
        let (body, room) = event.into_body();
        let answer = request.body(body).send().await;
        drop(room);
        let status = answer.map_err(web::reason)?.status();
        if status.is_success() { Ok(()) } else { Err(format!("the sink says {status}")) }
    }

    fn attributes_of(&self, event: &Event) -> Vec<(String, String)> {
        let all = event.attributes(&self.attributes).into_iter();
        all.map(|(name, value)| (format!("ce-{name}"), event::header(&value))).collect()
    }
}
