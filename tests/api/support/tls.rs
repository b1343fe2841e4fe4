//! Certificates, and clients that have or trust them.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use tempfile::TempDir;

use super::client::{Connection, connect};

/// Signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Identity {
    pub der: CertificateDer<'static>,
    pub cert: String,
    pub key: String,
    key_der: Vec<u8>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("there are keys");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key).expect("it signs itself"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// For a server or client that is here.
    pub fn identity(&self) -> Identity {
        self.signed(|_| {})
    }

    /// One whose time is over.
    pub fn expired(&self) -> Identity {
        self.signed(|params| {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        })
    }

    fn signed(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("they are names");
        change(&mut params);
        let key = KeyPair::generate().expect("there are keys");
        let cert = params.signed_by(&key, &self.0).expect("it is signed");
        Identity {
            der: cert.der().clone(),
            cert: cert.pem(),
            key: key.serialize_pem(),
            key_der: key.serialize_der(),
        }
    }
}

/// Files of a server, exchanged at once as Kubernetes does it: by a link to their directory.
pub struct TlsFiles {
    directory: TempDir,
}

impl TlsFiles {
    pub fn new(identity: &Identity, client_ca: &str) -> Self {
        let files = Self { directory: TempDir::new().expect("there is room for a directory") };
        files.exchange(&identity.cert, &identity.key, client_ca);
        files
    }

    pub fn exchange(&self, cert: &str, key: &str, client_ca: &str) {
        let root = self.directory.path();
        let next = tempfile::Builder::new().prefix("data").tempdir_in(root);
        let next = next.expect("there is room for a directory").keep();
        for (name, text) in [("cert.pem", cert), ("key.pem", key), ("ca.pem", client_ca)] {
            fs::write(next.join(name), text).expect("the directory is ours");
        }
        let link = root.join("link");
        symlink(next, &link).expect("the directory is ours");
        fs::rename(link, root.join("now")).expect("the directory is ours");
    }

    pub fn path(&self, name: &str) -> String {
        self.directory.path().join("now").join(name).display().to_string()
    }

    /// What `serve` must be told to use them.
    pub fn arguments(&self, client_ca: bool) -> Vec<String> {
        let mut arguments = vec!["--tls-cert".to_owned(), self.path("cert.pem")];
        arguments.extend(["--tls-key".to_owned(), self.path("key.pem")]);
        if client_ca {
            arguments.extend(["--tls-client-ca".to_owned(), self.path("ca.pem")]);
        }
        arguments
    }
}

/// A client that trusts these, and has a certificate or not.
pub fn client(
    roots: &[&Authority],
    own: Option<&Identity>,
    protocol: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.0.der().clone()).expect("it is a root");
    }
    let builder = ClientConfig::builder_with_provider(onnxd::sockets::tls::provider())
        .with_protocol_versions(versions)
        .expect("there are ciphers for it")
        .with_root_certificates(store);
    let mut config = match own {
        Some(own) => {
            let key = PrivatePkcs8KeyDer::from(own.key_der.clone()).into();
            builder.with_client_auth_cert(vec![own.der.clone()], key).expect("they fit")
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Arc::new(config)
}

/// A client for HTTP that trusts this one.
pub fn trusting(authority: &Authority) -> Arc<ClientConfig> {
    client(&[authority], None, "http/1.1", rustls::ALL_VERSIONS)
}

impl Connection {
    /// With TLS; the handshake is over.
    pub fn open_tls(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        Ok(Self::over(Box::new(shake_hands(address, config)?)))
    }

    /// The certificate that a server shows.
    pub fn shown(address: SocketAddr, config: &Arc<ClientConfig>) -> CertificateDer<'static> {
        let stream = shake_hands(address, config).expect("both agree on TLS");
        let shown = stream.conn.peer_certificates().expect("servers show one");
        shown[0].clone().into_owned()
    }
}

fn shake_hands(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
) -> io::Result<StreamOwned<ClientConnection, std::net::TcpStream>> {
    let mut stream = connect(address);
    let name = ServerName::try_from("localhost").expect("it is a name");
    let mut connection = ClientConnection::new(Arc::clone(config), name).expect("it can begin");
    connection.complete_io(&mut stream)?;
    Ok(StreamOwned::new(connection, stream))
}
