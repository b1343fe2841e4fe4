//! TLS: certificates of the server and of its clients, read again when their files change.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::follow::{self, Followed};

/// Files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The server's certificate, and those between it and a root.
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Whose certificates clients must have.
    pub client_ca: Option<PathBuf>,
}

impl Files {
    fn all(&self) -> Vec<PathBuf> {
        let files = [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()];
        files.into_iter().flatten().cloned().collect()
    }

    fn configs(&self, contents: &[Vec<u8>]) -> Result<Configs, String> {
        let [cert, key, rest @ ..] = contents else { return Err("files are missing".to_owned()) };
        let named = |file: &PathBuf, what: &str| format!("{}: {what}", file.display());
        let chain = certificates(cert).map_err(|error| named(&self.cert, &error))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| named(&self.key, &format!("no private key in PEM: {error}")))?;
        let clients = match (&self.client_ca, rest) {
            (Some(file), [ca]) => Some(verifier(ca).map_err(|error| named(file, &error))?),
            _ => None,
        };
        let config = |clients: Option<&Arc<dyn ClientCertVerifier>>, protocol: &[u8]| {
            let builder = ServerConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?;
            let builder = match clients {
                Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients)),
                None => builder.with_no_client_auth(),
            };
            // Holds that they belong together, too.
            let mut config =
                builder.with_single_cert(chain.clone(), key.clone_key()).map_err(|error| {
                    named(&self.cert, &format!("with {}: {error}", self.key.display()))
                })?;
            config.alpn_protocols = vec![protocol.to_vec()];
            if clients.is_some() {
                // Whose certificate has expired must not go on with what was agreed before.
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.send_tls13_tickets = 0;
            }
            Ok::<_, String>(Arc::new(config))
        };
        Ok(Configs {
            http: config(clients.as_ref(), b"http/1.1")?,
            grpc: config(clients.as_ref(), b"h2")?,
            metrics: config(None, b"http/1.1")?,
        })
    }
}

/// Certificates in PEM, at least one.
///
/// # Errors
/// There is none, or one cannot be read.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| format!("no certificates in PEM: {error}"))?;
    if all.is_empty() { Err("it holds no certificate in PEM".to_owned()) } else { Ok(all) }
}

/// The ciphers.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn verifier(ca: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| error.to_string())
}

/// Which listener it is for.
#[derive(Debug, Clone, Copy)]
pub enum For {
    Http,
    Grpc,
    /// Certificates of clients are not demanded: who asks probes has none.
    Metrics,
}

struct Configs {
    http: Arc<ServerConfig>,
    grpc: Arc<ServerConfig>,
    metrics: Arc<ServerConfig>,
}

/// What is said in handshakes from now on. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<ArcSwap<Configs>>);

impl Tls {
    /// Reads the files and follows them from now on.
    ///
    /// # Errors
    /// They cannot be read, or do not belong together.
    pub fn new(files: Files) -> Result<Self, String> {
        let contents = follow::read(&files.all())?;
        let tls = Self(Arc::new(ArcSwap::from_pointee(files.configs(&contents)?)));
        let (setting, all, followed) =
            ("tls-cert, tls-key, tls-client-ca", files.all(), tls.clone());
        let take = move |contents: &[Vec<u8>]| {
            // Sessions that began with the old files end with them.
            followed.0.store(Arc::new(files.configs(contents)?));
            Ok(())
        };
        Followed::new(setting, all, &contents, take).start();
        Ok(tls)
    }

    /// For a listener whose clients have so long for the handshake.
    #[must_use]
    pub fn acceptor(&self, listener: For, wait: Duration) -> Acceptor {
        Acceptor { tls: self.clone(), listener, wait }
    }
}

/// Does handshakes.
#[derive(Clone)]
pub struct Acceptor {
    tls: Tls,
    listener: For,
    wait: Duration,
}

impl Acceptor {
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let configs = self.tls.0.load_full();
        let config = match self.listener {
            For::Http => &configs.http,
            For::Grpc => &configs.grpc,
            For::Metrics => &configs.metrics,
        };
        let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
        timeout(self.wait, handshake).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}
