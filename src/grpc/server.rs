//! Accepts connections, and leads each call to its service.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;
use tower::util::BoxCloneSyncService;
use tower::{Service as _, ServiceExt as _};

use super::body::{Counted, Limited};
use super::calls::{self, Call, SERVICE};
use super::connection::{self, Active, Calls, Stop};
use super::error::Error;
use super::head::{Head, is_grpc};
use super::health::Checks;
use super::message::Room;
use super::{Api, DESCRIPTOR, access};
use crate::access::{Access, Door, Need};
use crate::sockets::{Arrival, Listener};

/// Serves until `stop` becomes true, then stops accepting and gives the calls under way `drain`
/// time to end. Returns whether all of them did.
pub async fn serve(
    listener: Listener,
    api: Api,
    access: &Access,
    stop: watch::Receiver<bool>,
    drain: Duration,
) -> bool {
    let services = Services::new(&api, Stop(stop.clone()));
    // Closes when no connection holds its other end any more.
    let (held, mut all_ended) = mpsc::channel::<Infallible>(1);
    listener
        .accept(stop, |arrival: Arrival| {
            let connection = Arc::new(Connection {
                services: services.clone(),
                door: access.door(arrival.is_near()).clone(),
                room: Room::new(api.config.max_body),
                calls: Arc::default(),
            });
            let (held, stop) = (held.clone(), services.stop.clone());
            let (wait, calls) = (api.config.read_timeout, Arc::clone(&connection.calls));
            tokio::spawn(async move {
                let Some(stream) = arrival.open().await else { return };
                let answer = |request| Arc::clone(&connection).answer(request);
                connection::run(stream, stop, wait, calls, answer).await;
                drop(held);
            });
        })
        .await;
    drop(held);
    timeout(drain, all_ended.recv()).await.is_ok()
}

/// What the calls of one connection share.
struct Connection {
    services: Services,
    door: Door,
    room: Room,
    calls: Arc<Calls>,
}

type Reflection = BoxCloneSyncService<Request<Limited>, Response<Body>, Infallible>;

/// All services. Cheap to clone, once for each connection.
#[derive(Clone)]
struct Services {
    api: Api,
    stop: Stop,
    health: HealthServer<Checks>,
    /// In the two versions that clients speak.
    reflection: Option<(Reflection, Reflection)>,
}

const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";
const REFLECTION_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// Bytes of a probe.
const MAX_PROBE: usize = 16 * 1024;

impl Services {
    fn new(api: &Api, stop: Stop) -> Self {
        let mut health = HealthServer::new(Checks::new(api.clone(), stop.clone()))
            .max_decoding_message_size(MAX_PROBE);
        for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Deflate] {
            health = health.accept_compressed(encoding);
        }
        Self { api: api.clone(), stop, health, reflection: reflection() }
    }
}

impl Connection {
    /// The call is under way from when this is called, not from when it is first polled.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Body>> + Send + 'static {
        let active = Active::begin(&self.calls);
        self.answer_active(request, active)
    }

    async fn answer_active(
        self: Arc<Self>,
        request: Request<Incoming>,
        mut active: Active,
    ) -> Response<Body> {
        let services = &self.services;
        let path = request.uri().path().to_owned();
        let names = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        let (service, name) = names.unwrap_or_default();
        // What is called says what it needs; its path is not looked at a second time.
        let (call, need) = match Call::named(name).filter(|_| service == SERVICE) {
            Some((call, need)) => (Some(call), need),
            // To watch holds a place.
            None if service == HealthServer::<Checks>::NAME && name == "Check" => {
                (None, Need::Public)
            }
            None => (None, Need::Any),
        };
        if let Some(refused) = self.refusal(need, &request) {
            // Not a prediction: its message is not read.
            active.refused();
            let head = Head::start(&services.api, path, request.into_parts().0.headers, call);
            return head.end_other(refused.into_http());
        }
        let response = if !is_grpc(&request) {
            let head = Head::start(&services.api, path, request.into_parts().0.headers, call);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            head.end_other(response)
        } else if let Some(other) = Other::named(services, service) {
            // Tonic looks at them as well.
            let headers = request.headers().clone();
            let head = Head::start(&services.api, path, headers, None);
            active.is_stream();
            // Larger than predictions, and rare.
            head.end_other(Box::pin(other.answer(services, request)).await)
        } else {
            let (parts, body) = request.into_parts();
            let mut head = Head::start(&services.api, path, parts.headers, call);
            let result = match call {
                None => Err(Error::Unknown(head.path().to_owned())),
                Some(call) => {
                    head.begins(&services.api, call);
                    let (api, room) = (&services.api, &self.room);
                    let answer =
                        async |head: &mut Head| calls::answer(api, call, head, room, body).await;
                    head.answer(answer).await
                }
            };
            head.end(result)
        };
        active.is_answered();
        response.map(|body| Body::new(Counted { body, _active: active }))
    }
}

impl Connection {
    /// Why the call may not come in, if it may not.
    fn refusal(&self, need: Need, request: &Request<Incoming>) -> Option<Status> {
        let path = request.uri().path();
        match self.door.admit(need, request.headers(), request.uri().authority()) {
            Ok(name) => {
                if let (Some(name), Need::OPERATE) = (name, need) {
                    tracing::info!(key.name = &*name, grpc.path = path, "operated with a key");
                }
                None
            }
            Err(refused) => Some(access::status(&refused)),
        }
    }
}

/// Whether a path is one that probes ask for.
pub(super) fn is_probe(path: &str) -> bool {
    let named = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    named.is_some_and(|(service, name)| match service {
        SERVICE => ["ServerLive", "ServerReady", "ModelReady"].contains(&name),
        other => other == HealthServer::<Checks>::NAME,
    })
}

/// Whether a path is one of a service that is not onnxd's own.
pub(super) fn is_other(path: &str) -> bool {
    let methods: [(&str, &[&str]); 3] = [
        (HealthServer::<Checks>::NAME, &["Check", "Watch"]),
        (REFLECTION, &["ServerReflectionInfo"]),
        (REFLECTION_ALPHA, &["ServerReflectionInfo"]),
    ];
    let named = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    named.is_some_and(|(service, method)| {
        methods.iter().any(|(known, names)| *known == service && names.contains(&method))
    })
}

/// A service that is not onnxd's own.
enum Other {
    Health(HealthServer<Checks>),
    Reflection(Reflection),
}

impl Other {
    fn named(services: &Services, name: &str) -> Option<Self> {
        match (name, &services.reflection) {
            (HealthServer::<Checks>::NAME, _) => Some(Self::Health(services.health.clone())),
            (REFLECTION, Some((v1, _))) => Some(Self::Reflection(v1.clone())),
            (REFLECTION_ALPHA, Some((_, alpha))) => Some(Self::Reflection(alpha.clone())),
            _ => None,
        }
    }

    async fn answer(self, services: &Services, request: Request<Incoming>) -> Response<Body> {
        let wait = services.api.config.read_timeout;
        let stopped = Box::pin(services.stop.clone().stopped());
        let request = request.map(|body| Limited::new(body, wait, stopped));
        let answer = match self {
            Self::Health(mut health) => health.call(request).await,
            Self::Reflection(reflection) => reflection.oneshot(request).await,
        };
        answer.unwrap_or_else(|never| match never {})
    }
}

fn reflection() -> Option<(Reflection, Reflection)> {
    let builder = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTOR)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // A test holds that the descriptor can be read.
    let (v1, alpha) = (builder().build_v1().ok()?, builder().build_v1alpha().ok()?);
    Some((BoxCloneSyncService::new(v1), BoxCloneSyncService::new(alpha)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_descriptor_can_be_read() {
        assert!(super::reflection().is_some());
    }
}
