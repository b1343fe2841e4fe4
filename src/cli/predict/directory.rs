//! Where files lie until they are whole.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::batch::{Job, Shard};
use crate::cli::Failure;
use crate::digest;
use crate::store::Place;

pub(super) enum Directory {
    /// Whoever asks for the same again finds it.
    Found(PathBuf),
    /// Of this process alone.
    Own(TempDir),
}

impl Directory {
    /// Beside a local output, so that files only need their names then. Two commands that write
    /// to pipes must not meet.
    pub(super) fn new(job: &Job, asked: Option<&str>, resume: bool) -> Result<Self, Failure> {
        if let Some(asked) = asked {
            return Ok(Self::Found(PathBuf::from(asked)));
        }
        let output = job.sharded_output();
        if output == "-" {
            if resume {
                let reason = "--resume: expected --work-dir where the standard output is written";
                return Err(Failure::Usage(reason.to_owned()));
            }
            let own = tempfile::tempdir();
            return own.map(Self::Own).map_err(|error| Failure::Work(error.to_string()));
        }
        let Place::Local(path) = Place::parse(&output).map_err(Failure::Usage)? else {
            return private(job).map(Self::Found);
        };
        if job.is_by_file() {
            let of = |s: Shard| format!("-{:05}-of-{:05}", s.index, s.of);
            let name = job.shard.map_or_else(String::new, of);
            return Ok(Self::Found(path.join(format!(".onnxd{name}.part"))));
        }
        let mut name = path.into_os_string();
        name.push(".part");
        Ok(Self::Found(name.into()))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Found(path) => path,
            Self::Own(directory) => directory.path(),
        }
    }

    /// Whether what lies there outlives the process.
    pub(super) fn stays(&self) -> bool {
        matches!(self, Self::Found(_))
    }
}

/// Among the temporary files, by what was asked for. Others may write there: it must be ours.
fn private(job: &Job) -> Result<PathBuf, Failure> {
    let asked = serde_json::to_vec(job).unwrap_or_default();
    let path = std::env::temp_dir().join(format!("onnxd-predict-{}", digest::short(asked)));
    let failed = |reason: String| {
        Failure::Work(format!("{}: {reason}; --work-dir names another one", path.display()))
    };
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed(error.to_string()));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(&path).map_err(|error| failed(error.to_string()))?;
    let own = rustix::process::geteuid().as_raw();
    if !found.is_dir() || found.uid() != own || found.mode() & 0o077 != 0 {
        return Err(failed("it is not this user's alone".to_owned()));
    }
    Ok(path)
}
