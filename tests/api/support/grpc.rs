//! A gRPC client: the generated one over a connection of hyper's, which tests can misuse.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use onnxd::grpc::generated::grpc_inference_service_client::GrpcInferenceServiceClient;
use onnxd::grpc::generated::{ModelInferRequest, ModelInferResponse};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::{IntoRequest, Response, Status};

/// A call that takes longer than this is a failure of the server.
const PATIENCE: Duration = Duration::from_mins(1);

/// One connection, for many calls at the same time.
#[derive(Clone)]
pub struct Channel(http2::SendRequest<Body>);

impl tower::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<http::Response<Incoming>, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// The client of the protocol.
pub type Client = GrpcInferenceServiceClient<Channel>;

/// A connection with a thread of its own that works on it.
pub struct Grpc {
    runtime: Runtime,
    address: SocketAddr,
    channel: Channel,
}

impl Grpc {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(address, async |stream| stream)
    }

    /// The same with TLS.
    pub fn connect_tls(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        Self::over(address, async move |stream| {
            let name = ServerName::try_from("localhost").expect("it is a name");
            let connected = TlsConnector::from(config).connect(name, stream).await;
            connected.expect("both agree on TLS")
        })
    }

    fn over<T>(address: SocketAddr, wrap: impl AsyncFnOnce(TcpStream) -> T) -> Self
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let channel = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.expect("the server accepts");
            let stream = TokioIo::new(wrap(stream).await);
            let handshake = http2::handshake(TokioExecutor::new(), stream);
            let (sender, connection) = handshake.await.expect("the server speaks HTTP/2");
            tokio::spawn(connection);
            Channel(sender)
        });
        Self { runtime, address, channel }
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub fn origin(&self) -> http::Uri {
        format!("http://{}", self.address).parse().expect("it is a URI")
    }

    pub fn client(&self) -> Client {
        Client::with_origin(self.channel(), self.origin()).max_decoding_message_size(1 << 30)
    }

    /// Waits for a call.
    pub fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        let patient = async { tokio::time::timeout(PATIENCE, call).await };
        self.runtime.block_on(patient).expect("the server answers in time")
    }

    /// Starts a call and does not wait for it.
    pub fn begin<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.runtime.spawn(call)
    }

    pub fn infer(
        &self,
        request: impl IntoRequest<ModelInferRequest>,
    ) -> Result<Response<ModelInferResponse>, Status> {
        self.wait(self.client().model_infer(request))
    }

    /// What a call that is no gRPC, or half of it, is told.
    pub fn post(&self, path: &str, body: Body, headers: &[(&str, &str)]) -> Status {
        let answer = self.head(path, body, headers);
        Status::from_header_map(answer.headers()).unwrap_or_else(|| panic!("no status: {answer:?}"))
    }

    /// The head of the answer to any call.
    pub fn head(
        &self,
        path: &str,
        body: Body,
        headers: &[(&str, &str)],
    ) -> http::Response<Incoming> {
        self.send(path, body, &[&[("content-type", "application/grpc")], headers].concat())
    }

    /// The answer to what has these headers.
    pub fn send(
        &self,
        path: &str,
        body: Body,
        headers: &[(&str, &str)],
    ) -> http::Response<Incoming> {
        let mut request = http::Request::post(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(body).expect("the request is one"))
    }

    /// The answer to a request as it is.
    pub fn ask(&self, request: http::Request<Body>) -> http::Response<Incoming> {
        let answer = self.wait(async {
            let mut channel = self.channel();
            poll_fn(|context| tower::Service::poll_ready(&mut channel, context)).await?;
            tower::Service::call(&mut channel, request).await
        });
        answer.expect("the server answers")
    }
}

/// A body that begins and does not go on.
pub struct Stalled(pub Option<Bytes>);

impl hyper::body::Body for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Poll::Pending,
        }
    }
}

/// The next message of a stream.
pub async fn next<T>(stream: &mut tonic::Streaming<T>) -> Option<T> {
    let mut message = pin!(stream.message());
    poll_fn(|context| message.as_mut().poll(context)).await.expect("the stream goes on")
}
