//! Files made of segments that need nothing of each other.
//!
//! A segment is some rows as the format writes them, as bytes that can stand anywhere in the file.
//! So segments are made side by side, and one that was written needs never be made again. What the
//! end of a file has to say about them is kept beside them, a few bytes each.

mod arrow;
mod csv;
mod join;
mod ndjson;
mod parquet;
mod text;

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};

use super::format::{Format, Kind, Packing};
use super::values::{ColumnType, Values};
pub use join::Joined;

/// A column of a file that is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Heading {
    pub name: String,
    pub kind: ColumnType,
}

pub struct Encoder {
    kind: Kind,
    schema: SchemaRef,
}

/// Some rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segment {
    pub bytes: Vec<u8>,
    /// What the end of the file has to say about them; empty in texts.
    pub index: Vec<u8>,
}

/// Where a segment stands, and its index.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Bytes of the file before it.
    pub at: u64,
    pub index: Vec<u8>,
}

impl Encoder {
    #[must_use]
    pub fn new(kind: Kind, columns: &[Heading]) -> Self {
        let field = |heading: &Heading| Field::new(&heading.name, heading.kind.0.clone(), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        Self { kind, schema }
    }

    /// What a file begins with.
    ///
    /// # Errors
    /// A column cannot be written.
    pub fn head(&self) -> Result<Vec<u8>, String> {
        match self.kind.format {
            Format::Csv => pack(self.kind.packing, csv::head(&self.schema)),
            Format::Ndjson => Ok(Vec::new()),
            Format::Parquet => Ok(parquet::MAGIC.to_vec()),
            Format::Arrow => arrow::head(&self.schema),
        }
    }

    /// What a stream of Arrow begins with, which is what a file has behind its first bytes.
    /// Segments are the same in both.
    ///
    /// # Errors
    /// A column cannot be written.
    pub fn stream_head(&self) -> Result<Vec<u8>, String> {
        arrow::stream_head(&self.schema)
    }

    /// What a stream of Arrow ends with.
    #[must_use]
    pub fn stream_tail(&self) -> Vec<u8> {
        arrow::END_OF_STREAM.to_vec()
    }

    /// Some rows: columns in the order of the headings, all of one length.
    ///
    /// # Errors
    /// A value cannot be written.
    pub fn segment(&self, columns: Vec<Values>) -> Result<Segment, String> {
        match self.kind.format {
            Format::Csv | Format::Ndjson => self.segment_of(self.text(columns)?),
            Format::Parquet => parquet::segment(&self.batch(columns)?),
            Format::Arrow => arrow::segment(&self.batch(columns)?),
        }
    }

    /// Whether texts of rows that follow each other make a segment, by [`Self::segment_of`].
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self.kind.format, Format::Csv | Format::Ndjson)
    }

    /// Some rows as a text.
    ///
    /// # Errors
    /// A value cannot be written, or the file is no text.
    pub fn text(&self, columns: Vec<Values>) -> Result<Vec<u8>, String> {
        let batch = self.batch(columns)?;
        match self.kind.format {
            Format::Csv => csv::rows(&batch),
            Format::Ndjson => ndjson::rows(&batch),
            Format::Parquet | Format::Arrow => Err("the file is no text".to_owned()),
        }
    }

    /// The rows of this text.
    ///
    /// # Errors
    /// It cannot be packed.
    pub fn segment_of(&self, text: Vec<u8>) -> Result<Segment, String> {
        Ok(Segment { bytes: pack(self.kind.packing, text)?, index: Vec::new() })
    }

    fn batch(&self, columns: Vec<Values>) -> Result<RecordBatch, String> {
        let columns = columns.into_iter().map(|values| values.0).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        batch.map_err(|error| error.to_string())
    }

    /// What a file ends with.
    ///
    /// # Errors
    /// An index is none.
    pub fn tail(&self, segments: &[Placed]) -> Result<Vec<u8>, String> {
        match self.kind.format {
            Format::Csv | Format::Ndjson => Ok(Vec::new()),
            Format::Parquet => parquet::tail(&self.schema, segments),
            Format::Arrow => arrow::tail(&self.schema, segments),
        }
    }
}

/// Packed files may follow each other in one.
fn pack(packing: Packing, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    /// Gains little above it, and takes much longer.
    const ZSTD_LEVEL: i32 = 3;
    let packed = match packing {
        Packing::None => return Ok(bytes),
        Packing::Zstd => zstd::bulk::compress(&bytes, ZSTD_LEVEL),
        Packing::Gzip => {
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(&bytes).and_then(|()| encoder.finish())
        }
    };
    packed.map_err(|error| error.to_string())
}
