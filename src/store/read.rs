//! Reading a file: anywhere, or from one end to the other with the network a block ahead.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::transfer::{Source, Transfer};
use super::{Error, Place, Stores};

/// A file that can be read anywhere, by several threads.
pub trait ReadAt: Send + Sync {
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills the buffer.
    ///
    /// # Errors
    /// The file ends before, changed, or cannot be read; the text names it.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// Whether a range lies within a file.
pub(super) fn check_range(
    place: &Place,
    bytes: u64,
    offset: u64,
    buffer: &[u8],
) -> io::Result<u64> {
    let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= bytes);
    end.ok_or_else(|| {
        let reason = format!("{} bytes at {offset} are wanted, it has {bytes}", buffer.len());
        io::Error::new(io::ErrorKind::UnexpectedEof, Error::read(place, reason))
    })
}

pub(super) struct RemoteFile {
    stores: Stores,
    source: Source,
}

impl RemoteFile {
    pub(super) fn new(stores: &Stores, source: Source) -> Self {
        Self { stores: stores.clone(), source }
    }
}

impl ReadAt for RemoteFile {
    fn len(&self) -> u64 {
        self.source.meta.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let place = &self.source.place;
        let end = check_range(place, self.len(), offset, buffer)?;
        if buffer.is_empty() {
            return Ok(());
        }
        let mut transfer = self.source.range(offset..end);
        let fill = async {
            let mut filled = 0;
            while filled < buffer.len() {
                let chunk = transfer.next(buffer.len() - filled).await?;
                buffer[filled..filled + chunk.len()].copy_from_slice(&chunk);
                filled += chunk.len();
            }
            Ok(())
        };
        self.stores.wait(fill).map_err(|reason| io::Error::other(Error::read(place, reason)))
    }
}

/// A file from an offset to its end. Of a remote one at most two blocks of [`super::BLOCK`]
/// bytes are in memory: the one that is read, and the one that is fetched meanwhile.
pub struct Sequential(Kind);

enum Kind {
    Direct { file: Arc<dyn ReadAt>, at: u64 },
    Ahead(Ahead),
}

struct Ahead {
    place: Place,
    blocks: mpsc::Receiver<Result<Bytes, String>>,
    current: Bytes,
    /// Bytes that are still to come.
    left: u64,
    /// Once broken it stays so, and does not end as a file does.
    broken: Option<String>,
    pump: JoinHandle<()>,
    /// The pump runs on it.
    _runtime: Arc<Runtime>,
}

impl Sequential {
    pub(super) fn of(file: Arc<dyn ReadAt>, offset: u64) -> Self {
        Self(Kind::Direct { file, at: offset })
    }

    pub(super) fn ahead(runtime: &Arc<Runtime>, transfer: Transfer) -> Self {
        let (place, left) = (transfer.source.place.clone(), transfer.left());
        let (sender, blocks) = mpsc::channel(1);
        let pump = runtime.spawn(pump(transfer, sender));
        Self(Kind::Ahead(Ahead {
            place,
            blocks,
            current: Bytes::new(),
            left,
            broken: None,
            pump,
            _runtime: Arc::clone(runtime),
        }))
    }
}

async fn pump(mut transfer: Transfer, blocks: mpsc::Sender<Result<Bytes, String>>) {
    while transfer.left() > 0 {
        // A block is fetched only when there is room for it.
        let Ok(room) = blocks.reserve().await else { return };
        let block = transfer.block().await;
        let failed = block.is_err();
        room.send(block);
        if failed {
            return;
        }
    }
}

impl Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.left == 0 {
            return Ok(0);
        }
        if self.current.is_empty() && self.broken.is_none() {
            match self.blocks.blocking_recv() {
                Some(Ok(block)) => self.current = block,
                Some(Err(reason)) => self.broken = Some(reason),
                None => self.broken = Some("the transfer ended early".to_owned()),
            }
        }
        if let Some(reason) = &self.broken {
            return Err(io::Error::other(Error::read(&self.place, reason)));
        }
        let bytes = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..bytes]);
        self.left -= bytes as u64;
        Ok(bytes)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Ahead(ahead) => ahead.read(buffer),
            Kind::Direct { file, at } => {
                let left = usize::try_from(file.len().saturating_sub(*at)).unwrap_or(usize::MAX);
                let bytes = buffer.len().min(left);
                if bytes == 0 {
                    return Ok(0);
                }
                file.read_at(*at, &mut buffer[..bytes])?;
                *at += bytes as u64;
                Ok(bytes)
            }
        }
    }
}
