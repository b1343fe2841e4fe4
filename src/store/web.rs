//! A local file to a web server, in one request that is sent while it is read: the crate for
//! stores would hold all of it in memory.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Client, ClientBuilder, redirect};

use super::refusal::Refusal;
use super::tries::persist;
use super::upload::{piece, unreadable};
use super::{Config, Remote};

/// Until a server takes a connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const PIECE: u64 = 256 << 10;

/// A client that goes to the places that it is told and to no others, whatever these say.
pub(super) fn straight() -> ClientBuilder {
    Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(redirect::Policy::none())
}

/// # Errors
/// The reason, without the names of places.
pub(super) async fn put(config: &Config, to: &Remote, local: &Path) -> Result<(), String> {
    let file = Arc::new(File::open(local).map_err(unreadable)?);
    let bytes = file.metadata().map_err(unreadable)?.len();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = straight()
        .build()
        .map_err(|_| "no connection can be made with these settings".to_owned())?;
    persist(config, || attempt(config, &client, to, &file, bytes)).await
}

async fn attempt(
    config: &Config,
    client: &Client,
    to: &Remote,
    file: &Arc<File>,
    bytes: u64,
) -> Result<(), Refusal> {
    let sent = Arc::new(AtomicU64::new(0));
    let (file, counted) = (Arc::clone(file), Arc::clone(&sent));
    let pieces = stream::try_unfold(0, move |at: u64| {
        let (file, counted) = (Arc::clone(&file), Arc::clone(&counted));
        async move {
            counted.store(at, Ordering::Relaxed);
            if at == bytes {
                return Ok::<_, std::io::Error>(None);
            }
            let length = PIECE.min(bytes - at);
            let piece = piece(&file, at, length).await.map_err(std::io::Error::other)?;
            Ok(Some((piece, at + length)))
        }
    });
    let request = client.put(to.to_string()).header(CONTENT_LENGTH, bytes);
    let answer = tokio::select! {
        answer = request.body(Body::wrap_stream(pieces)).send() => answer,
        () = silence(&sent, config.upload) => {
            return Err(Refusal::Passing("no answer in time".to_owned()));
        }
    };
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(Refusal::of_status(answer.status().as_u16())),
        // The texts of the crate name the URL.
        Err(error) if error.is_connect() => Err(Refusal::Passing("cannot connect".to_owned())),
        Err(_) => Err(Refusal::Passing("the connection broke".to_owned())),
    }
}

/// Ends when nothing was taken for so long.
async fn silence(sent: &AtomicU64, longest: Duration) {
    let mut before = u64::MAX;
    loop {
        let now = sent.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
        tokio::time::sleep(longest).await;
    }
}
