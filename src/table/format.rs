//! How the rows of a file are written down, and how its bytes are packed.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv,
    Ndjson,
    Parquet,
    Arrow,
}

/// Compression of a whole file. That inside of Parquet and Arrow is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    None,
    Gzip,
    Zstd,
}

/// What a file is, as its name or somebody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    pub format: Format,
    pub packing: Packing,
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Csv, Self::Ndjson, Self::Parquet, Self::Arrow];

    /// The usual extension of files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Whether files can be read from the beginning to the end only.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Ndjson)
    }

    fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            "arrow" | "feather" | "ipc" => Some(Self::Arrow),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "CSV",
            Self::Ndjson => "NDJSON",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow",
        })
    }
}

impl Packing {
    /// What is appended to the extension of a packed file.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

impl Kind {
    /// By the extension of a file's name.
    ///
    /// # Errors
    /// Which extensions there are.
    pub fn of_name(name: &str) -> Result<Self, String> {
        let lower = name.to_ascii_lowercase();
        let (rest, packing) = match lower.rsplit_once('.') {
            Some((rest, "gz")) => (rest, Packing::Gzip),
            Some((rest, "zst" | "zstd")) => (rest, Packing::Zstd),
            _ => (lower.as_str(), Packing::None),
        };
        let extension = rest.rsplit_once('.').map(|(_, extension)| extension);
        match extension.and_then(Format::of_extension) {
            Some(format) => Self { format, packing }.checked(),
            None => Err("expected a file .csv, .ndjson, .parquet or .arrow; texts also with .gz \
                         or .zst behind it"
                .to_owned()),
        }
    }

    /// As a person writes it: `csv`, `ndjson.gz`.
    ///
    /// # Errors
    /// Which formats there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::of_name(&format!(".{text}")).map_err(|_| {
            format!(
                "'{text}' is no format, expected csv, ndjson, parquet or arrow; texts also as \
                 csv.gz or csv.zst"
            )
        })
    }

    /// # Errors
    /// Columns are compressed one by one inside of their files.
    pub fn checked(self) -> Result<Self, String> {
        if self.format.is_text() || self.packing == Packing::None {
            return Ok(self);
        }
        Err(format!("{} is compressed inside of the file, not as a whole", self.format))
    }

    /// The extension of files of this kind, with its point.
    #[must_use]
    pub fn extension(self) -> String {
        format!(".{}{}", self.format.as_str(), self.packing.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_format_and_packing() {
        let of = |name| Kind::of_name(name).map(Kind::extension);
        assert_eq!(of("a/b.c.CSV").as_deref(), Ok(".csv"));
        assert_eq!(of("b.jsonl.gz").as_deref(), Ok(".ndjson.gz"));
        assert_eq!(of("b.csv.zst").as_deref(), Ok(".csv.zst"));
        assert_eq!(of("b.feather").as_deref(), Ok(".arrow"));
        assert!(of("b.xlsx").is_err() && of("csv").is_err() && of("b.gz").is_err());
        assert!(of("b.parquet.gz").unwrap_err().starts_with("Parquet is compressed inside"));
        assert_eq!(Kind::parse("csv.gz").map(Kind::extension).as_deref(), Ok(".csv.gz"));
        assert!(Kind::parse("xls").unwrap_err().starts_with("'xls' is no format"));
    }
}
