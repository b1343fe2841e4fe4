//! Files wherever they lie.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes that can be read from anywhere.
pub trait ReadAt: Send + Sync {
    fn len(&self) -> u64;

    /// Fills the buffer.
    ///
    /// # Errors
    /// It ends before, or cannot be read.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Debug)]
pub struct Local {
    file: File,
    bytes: u64,
}

impl Local {
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// # Errors
    /// Its length cannot be found out.
    pub fn new(file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

impl ReadAt for Local {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

/// Stub until the real one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Local(std::path::PathBuf),
    Remote(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Remote(text) => text.fmt(f),
        }
    }
}

impl Place {
    /// # Errors
    /// None.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::Local(text.into()))
    }

    #[must_use]
    pub fn join(&self, relative: &str) -> Self {
        Self::Local(format!("{}/{relative}", self.to_string().trim_end_matches('/')).into())
    }
}

#[derive(Debug, Clone)]
pub struct Found {
    pub place: Place,
    pub bytes: u64,
    pub identity: String,
    pub relative: String,
}

#[derive(Debug, Clone, Default)]
pub struct Stores;

impl Stores {
    /// # Errors
    /// Not there.
    pub fn find(&self, text: &str) -> Result<Vec<Found>, String> {
        let paths: Vec<_> =
            glob::glob(text).map_err(|e| e.to_string())?.filter_map(Result::ok).collect();
        let found = |path: std::path::PathBuf| {
            let meta = path.metadata().map_err(|e| e.to_string())?;
            Ok(Found {
                place: Place::Local(path.clone()),
                bytes: meta.len(),
                identity: format!("{:?}", meta.modified().ok()),
                relative: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            })
        };
        if paths.is_empty() {
            return Err(format!("no file is named {text}"));
        }
        paths.into_iter().map(found).collect()
    }

    /// # Errors
    /// Not there.
    pub fn open(&self, found: &Found) -> Result<std::sync::Arc<dyn ReadAt>, String> {
        Ok(std::sync::Arc::new(
            Local::open(Path::new(&found.place.to_string())).map_err(|e| e.to_string())?,
        ))
    }

    /// # Errors
    /// Not there.
    pub fn publish(&self, local: &Path, to: &Place) -> Result<(), String> {
        let to = to.to_string();
        let to = Path::new(&to);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(|e| e.to_string())?;
        }
        std::fs::rename(local, to).map_err(|e| e.to_string())
    }
}
