//! What is known to be written: one line of JSON after each segment. Who goes on with a job reads
//! it, believes what the files bear out, and does the rest.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::model::Model;
use super::read::Mark;
use super::totals::Totals;

pub(super) const NAME: &str = "journal";
const FORMAT: u32 = 1;

/// What must be the same for a job to be gone on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) format: u32,
    pub(super) program: String,
    /// Of the model file.
    pub(super) model: String,
    pub(super) contract: String,
    /// Eight digits of the profile by whose bins rows are counted; empty without one.
    #[serde(default)]
    pub(super) reference: String,
    /// The job as it was asked for, without limits that only judge it.
    pub(super) job: serde_json::Value,
    /// Digest of names, sizes and identities of the files.
    pub(super) inputs: String,
}

/// A segment in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Piece {
    pub(super) bytes: u64,
    pub(super) crc: u32,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "text",
        deserialize_with = "bytes"
    )]
    pub(super) index: Vec<u8>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Where the next task begins.
    pub(super) after: Mark,
    pub(super) output: usize,
    pub(super) segment: Piece,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rejects: Option<Piece>,
    /// Rows of this segment.
    pub(super) written: u64,
    /// Of everything up to here; not in every entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) totals: Option<Totals>,
}

pub(super) struct Journal {
    file: File,
    /// Rows that run together in this job. Sums may be rounded otherwise in other company, so who
    /// goes on with it keeps to them, whatever the model costs there.
    pub(super) rows_at_once: usize,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    #[serde(flatten)]
    identity: Identity,
    /// Earlier builds did not say.
    #[serde(default)]
    rows_at_once: Option<usize>,
}

/// Why a journal is not gone on with.
#[derive(Debug)]
pub(super) enum Trouble {
    Io(io::Error),
    Busy,
    /// What differs.
    Other(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Identity {
    pub(super) fn new(model: &dyn Model, job: serde_json::Value, inputs: String) -> Self {
        Self {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            model: model.sha256().to_owned(),
            contract: model.contract().map_or("", |contract| contract.id()).to_owned(),
            reference: model.reference().map_or_else(String::new, |it| it.id.clone()),
            job,
            inputs,
        }
    }

    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        if (self.format, &self.program) != (other.format, &other.program) {
            return Some("it was begun by another version of onnxd");
        }
        if self.model != other.model {
            return Some("the model is another one");
        }
        if self.contract != other.contract {
            return Some("the contract is another one");
        }
        if self.reference != other.reference {
            return Some("the reference profile is another one");
        }
        if self.job != other.job {
            return Some("the job is another one");
        }
        (self.inputs != other.inputs).then_some("the inputs have changed")
    }
}

impl Journal {
    /// Opens the journal of a directory and holds it; with what it says, if it is to be gone on
    /// with and is of this job. Else so many rows are to run together.
    pub(super) fn open(
        directory: &Path,
        identity: &Identity,
        rows_at_once: usize,
        resume: bool,
    ) -> Result<(Self, Vec<Entry>), Trouble> {
        std::fs::create_dir_all(directory)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(directory.join(NAME))?;
        // Two that write to the same files would spoil them.
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| Trouble::Busy)?;
        let mut journal = Self { file, rows_at_once };
        let entries = if resume { journal.read(identity)? } else { Vec::new() };
        if entries.is_empty() {
            journal.rows_at_once = rows_at_once;
            journal.keep(identity, &[])?;
        }
        Ok((journal, entries))
    }

    /// All whole lines.
    fn read(&mut self, identity: &Identity) -> Result<Vec<Entry>, Trouble> {
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        let Ok(known) = serde_json::from_slice::<Head>(&line) else { return Ok(Vec::new()) };
        if let Some(difference) = identity.difference(&known.identity) {
            return Err(Trouble::Other(difference.to_owned()));
        }
        self.rows_at_once = known.rows_at_once.unwrap_or(self.rows_at_once);
        let (mut entries, mut length) = (Vec::new(), line.len() as u64);
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line)?;
            match serde_json::from_slice(&line) {
                Ok(entry) if line.ends_with(b"\n") => entries.push(entry),
                _ => break,
            }
            length += line.len() as u64;
        }
        // What comes next must not stand behind half a line.
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        Ok(entries)
    }

    /// Writes the journal anew with these entries, where the files bear out no more.
    pub(super) fn keep(&mut self, identity: &Identity, entries: &[Entry]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        let (identity, rows_at_once) = (identity.clone(), Some(self.rows_at_once));
        self.line(&Head { identity, rows_at_once })?;
        entries.iter().try_for_each(|entry| self.line(entry))
    }

    pub(super) fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.line(entry)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value).map_err(io::Error::other)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    BASE64.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
