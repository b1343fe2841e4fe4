//! A range of a remote object, continued where it broke, from one content only.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;

use super::client::{Body, Client, Meta};
use super::refusal::Refusal;
use super::tries::Tries;
use super::{BLOCK, Config, Place};

/// A transfer must bring so much in so much waiting, or it is broken off and continued anew.
const SLOWEST: (u64, Duration) = (64 << 10, Duration::from_secs(20));

/// What is transferred.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) client: Client,
    pub(super) meta: Meta,
    pub(super) place: Place,
    pub(super) config: Arc<Config>,
}

impl Source {
    /// From an offset to the end, as a stream that stays open: also from servers that send
    /// nothing but whole files.
    pub(super) fn from(self, offset: u64) -> Transfer {
        let at = offset.min(self.meta.bytes);
        Transfer { tries: Tries::new(&self.config), at, end: None, body: None, source: self }
    }

    pub(super) fn range(&self, range: Range<u64>) -> Transfer {
        let tries = Tries::new(&self.config);
        // A server that sends no parts may still send the whole.
        let whole = range.start == 0 && range.end == self.meta.bytes;
        let end = (!whole).then_some(range.end);
        Transfer { tries, at: range.start, end, body: None, source: self.clone() }
    }
}

pub(super) struct Transfer {
    pub(super) source: Source,
    at: u64,
    /// `None` is the end of the object.
    end: Option<u64>,
    body: Option<Open>,
    tries: Tries,
}

/// A running answer.
struct Open {
    body: Body,
    /// Bytes that come first and are known.
    skip: u64,
    /// What came and was not asked for yet.
    pending: Bytes,
    /// Bytes that came, and the time that they were waited for.
    pace: (u64, Duration),
}

impl Transfer {
    pub(super) fn left(&self) -> u64 {
        self.end.unwrap_or(self.source.meta.bytes).saturating_sub(self.at)
    }

    /// Up to [`BLOCK`] bytes, all there are before the end; none at the end.
    ///
    /// # Errors
    /// The reason, when trying again has no hope.
    pub(super) async fn block(&mut self) -> Result<Bytes, String> {
        let bytes = usize::try_from(self.left()).unwrap_or(BLOCK).min(BLOCK);
        let mut block = BytesMut::with_capacity(bytes);
        while block.len() < bytes {
            block.extend_from_slice(&self.next(bytes - block.len()).await?);
        }
        Ok(block.freeze())
    }

    /// The next bytes, at most so many, at least one.
    ///
    /// # Errors
    /// The reason, when trying again has no hope.
    pub(super) async fn next(&mut self, most: usize) -> Result<Bytes, String> {
        loop {
            match self.chunk(most).await {
                Ok(chunk) if chunk.is_empty() => {}
                Ok(chunk) => {
                    self.at += chunk.len() as u64;
                    self.tries.brought(chunk.len());
                    return Ok(chunk);
                }
                Err(refusal) => {
                    self.body = None;
                    self.tries.failed(refusal).await?;
                }
            }
        }
    }

    async fn chunk(&mut self, most: usize) -> Result<Bytes, Refusal> {
        let mut open = match self.body.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        if open.pending.is_empty() {
            open.pending = self.arriving(&mut open).await?;
        }
        let known = usize::try_from(open.skip).unwrap_or(usize::MAX).min(open.pending.len());
        open.skip -= known as u64;
        open.pending.advance(known);
        let chunk = open.pending.split_to(open.pending.len().min(most));
        self.body = Some(open);
        Ok(chunk)
    }

    async fn arriving(&mut self, open: &mut Open) -> Result<Bytes, Refusal> {
        let stall = self.source.config.stall;
        let began = Instant::now();
        let chunk = match tokio::time::timeout(stall, open.body.chunks.next()).await {
            Err(_) => return Err(self.broke(&format!("nothing came for {stall:?}"))),
            Ok(None) => return Err(self.broke("it was truncated")),
            Ok(Some(Err(refusal @ Refusal::Passing(_)))) => {
                return Err(self.broke(&refusal.text()));
            }
            Ok(Some(chunk)) => chunk?,
        };
        let (bytes, waited) = &mut open.pace;
        *bytes += chunk.len() as u64;
        *waited += began.elapsed();
        if *waited >= SLOWEST.1 {
            if *bytes < SLOWEST.0 {
                return Err(self.broke("it is too slow"));
            }
            open.pace = (0, Duration::ZERO);
        }
        Ok(chunk)
    }

    async fn open(&mut self) -> Result<Open, Refusal> {
        let range = self.at..self.end.unwrap_or(u64::MAX);
        let (body, skip) = match self.get(range).await {
            Err(Refusal::NoRanges) if self.end.is_none() => (self.get(0..u64::MAX).await?, self.at),
            other => (other?, 0),
        };
        if !body.meta.same_as(&self.source.meta) {
            return Err(Refusal::Changed);
        }
        Ok(Open { body, skip, pending: Bytes::new(), pace: (0, Duration::ZERO) })
    }

    async fn get(&mut self, range: Range<u64>) -> Result<Body, Refusal> {
        let Source { client, meta, .. } = &self.source;
        client.get(&meta.key, meta.etag.as_deref(), range).await
    }

    fn broke(&self, how: &str) -> Refusal {
        let bytes = self.source.meta.bytes;
        Refusal::Passing(format!("the transfer broke off: {how} ({} of {bytes} bytes)", self.at))
    }
}
