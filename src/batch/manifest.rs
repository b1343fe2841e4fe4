//! What one shard did, beside its outputs: the last file that it publishes, so who finds it knows
//! that the shard is complete.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::job::{Job, Shard};
use super::journal::Identity;
use super::output;
use super::plan::{self, Plan};
use super::totals::Totals;
use crate::digest;
use crate::table::Encoder;

/// The end of every manifest's name.
pub(super) const EXTENSION: &str = ".manifest.json";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The same in all shards of a job.
    pub(super) identity: Identity,
    pub(super) shard: Shard,
    /// Files and row groups of all shards together.
    pub(super) units: usize,
    pub(super) read: Vec<Input>,
    pub(super) written: Vec<Written>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rejects: Option<Written>,
    pub(super) totals: Totals,
}

/// A file that was read, or some row groups of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Input {
    pub(super) file: String,
    pub(super) bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) row_groups: Option<Groups>,
    /// Where the file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Groups {
    pub(super) first: usize,
    pub(super) last: usize,
}

/// A file that was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Written {
    /// In the directory of the manifest, or a whole path or URL.
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<u64>,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Bytes before the first row.
    pub(super) head: u64,
}

/// A job that wrote all its files, which have not got their names yet.
pub(super) struct Done<'a> {
    pub(super) job: &'a Job,
    pub(super) plan: &'a Plan,
    pub(super) identity: Identity,
    pub(super) directory: &'a Path,
    pub(super) encoder: &'a Encoder,
    /// Of each output.
    pub(super) rows: &'a [Option<u64>],
    pub(super) rejects: Option<(&'a str, &'a Encoder)>,
    pub(super) totals: &'a Totals,
}

impl Done<'_> {
    /// Writes the manifest of a shard.
    pub(super) fn write(self, shard: Shard) -> io::Result<()> {
        let head = |encoder: &Encoder| encoder.head().map_err(io::Error::other);
        let outputs = self.plan.outputs.iter().zip(self.rows).enumerate();
        let outputs = outputs.map(|(at, (target, rows))| {
            let path = output::path(self.directory, at);
            written(&path, target.relative.clone(), Some(rows.unwrap_or(0)), &head(self.encoder)?)
        });
        let rejects = self.rejects.map(|(name, encoder)| {
            let path = output::path(self.directory, output::REJECTS);
            written(&path, beside(name, self.job)?, None, &head(encoder)?)
        });
        let mut identity = self.identity;
        if let Some(job) = identity.job.as_object_mut() {
            job.remove("shard");
        }
        let manifest = Manifest {
            identity,
            shard,
            units: self.plan.units,
            read: self.plan.read(),
            written: outputs.collect::<io::Result<_>>()?,
            rejects: rejects.transpose()?,
            totals: self.totals.clone(),
        };
        let mut text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
        text.push(b'\n');
        let mut file = File::create(output::path(self.directory, PART))?;
        file.write_all(&text)?;
        file.sync_all()
    }
}

/// Its name until it is published.
pub(super) const PART: &str = "manifest";

impl Plan {
    fn read(&self) -> Vec<Input> {
        let read = |part: &plan::Part| {
            let file = &self.files[part.file];
            let groups = part.groups.as_ref();
            Input {
                file: file.name.clone(),
                bytes: part.bytes,
                identity: file.found.as_ref().map(|found| found.identity.clone()),
                row_groups: groups
                    .map(|groups| Groups { first: groups.start, last: groups.end - 1 }),
                rows: part.rows,
            }
        };
        self.parts.iter().map(read).collect()
    }
}

/// The name of a shard's manifest; none where outputs have no names.
pub(super) fn name(job: &Job) -> Option<String> {
    let shard = job.shard.filter(|_| job.output != plan::STANDARD)?;
    let name = if job.is_by_file() {
        plan::sharded(&format!("{}shard", job.output), shard)
    } else {
        let (directory, file) = plan::split(&job.output);
        let stem = file.split('.').next().unwrap_or(file);
        plan::sharded(&format!("{directory}{stem}"), shard)
    };
    Some(name + EXTENSION)
}

/// The name of a file as somebody finds it who has the manifest.
fn beside(name: &str, job: &Job) -> io::Result<String> {
    let (directory, file) = plan::split(name);
    if directory == plan::split(&job.output).0 {
        return Ok(file.to_owned());
    }
    if name.contains("://") {
        return Ok(name.to_owned());
    }
    Ok(std::path::absolute(name)?.to_string_lossy().into_owned())
}

fn written(path: &Path, name: String, rows: Option<u64>, head: &[u8]) -> io::Result<Written> {
    let bytes = fs::metadata(path)?.len();
    let sha256 = sha256(File::open(path)?)?;
    Ok(Written { name, rows, bytes, sha256, head: head.len() as u64 })
}

pub(super) fn sha256(from: impl Read) -> io::Result<String> {
    let mut digest = digest::Stream::default();
    digest.read(from)?;
    Ok(digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_lies_beside_what_it_is_about() {
        let named = |output: &str| {
            let job = serde_json::json!({"input": "a.csv", "output": output, "shard": "3/8"});
            name(&serde_json::from_value(job).unwrap())
        };
        let expected = "s3://b/2013.d/y-00003-of-00008.manifest.json";
        assert_eq!(named("s3://b/2013.d/y.csv.gz").as_deref(), Some(expected));
        assert_eq!(named("out/").as_deref(), Some("out/shard-00003-of-00008.manifest.json"));
        assert_eq!(named("-"), None);
    }
}
