//! Whole files put together into one without a look at their rows: each is one long segment.

use std::ops::Range;

use super::{Format, Placed, arrow, parquet};
use crate::store::ReadAt;

/// Files that [`super::Encoder`] wrote, all with the same columns.
pub struct Joined {
    format: Format,
    /// What the first file begins with.
    head: Option<Vec<u8>>,
    /// The length so far.
    at: u64,
    placed: Vec<Placed>,
    arrow: Option<arrow::Footer>,
}

impl Joined {
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format, head: None, at: 0, placed: Vec::new(), arrow: None }
    }

    /// Which bytes of the next file follow those before. `head` is the length of what it begins
    /// with.
    ///
    /// # Errors
    /// It is damaged, or has other columns than the first.
    pub fn add(&mut self, file: &dyn ReadAt, head: u64) -> Result<Range<u64>, String> {
        let end = match self.format {
            Format::Csv | Format::Ndjson => file.len(),
            Format::Parquet => self.parquet(file, head)?,
            Format::Arrow => self.arrow(file, head)?,
        };
        if head > end {
            return Err(format!("it has {end} bytes of rows, its head alone has {head}"));
        }
        let begins = bytes(file, 0..head)?;
        let start = match &self.head {
            None => 0,
            Some(known) if *known == begins => head,
            Some(_) => return Err("it has other columns than the files before".to_owned()),
        };
        self.head.get_or_insert(begins);
        self.at += end - start;
        Ok(start..end)
    }

    /// What the file ends with.
    ///
    /// # Errors
    /// A footer cannot be written.
    pub fn tail(&self) -> Result<Vec<u8>, String> {
        match self.format {
            Format::Csv | Format::Ndjson => Ok(Vec::new()),
            Format::Parquet => parquet::joined(&self.placed),
            Format::Arrow => self.arrow.as_ref().map_or_else(
                || Err("there is no file".to_owned()),
                |first| arrow::tail(&first.schema, &self.placed),
            ),
        }
    }

    /// Where the next file's bytes after its head come to stand.
    fn place(&self, head: u64) -> u64 {
        self.at + if self.head.is_none() { head } else { 0 }
    }

    fn parquet(&mut self, file: &dyn ReadAt, head: u64) -> Result<u64, String> {
        let footer = footer(file, parquet::MAGIC)?;
        let index = bytes(file, footer.start..file.len())?;
        if let Some(first) = self.placed.first()
            && !parquet::is_alike(&first.index, &index)?
        {
            return Err("it has other columns than the files before".to_owned());
        }
        self.placed.push(Placed { at: self.place(head), index });
        Ok(footer.start)
    }

    fn arrow(&mut self, file: &dyn ReadAt, head: u64) -> Result<u64, String> {
        let footer = footer(file, arrow::MAGIC)?;
        let known = arrow::footer(&bytes(file, footer.clone())?)?;
        let at = self.place(head);
        for (block, index) in &known.blocks {
            let behind = block.checked_sub(head).ok_or("its footer is damaged")?;
            self.placed.push(Placed { at: at + behind, index: index.clone() });
        }
        self.arrow.get_or_insert(known);
        let end = footer.start.checked_sub(arrow::END_OF_STREAM.len() as u64);
        end.ok_or_else(|| "it is cut off".to_owned())
    }
}

/// Where the footer of a file lies: before its length and the magic.
fn footer(file: &dyn ReadAt, magic: &[u8]) -> Result<Range<u64>, String> {
    let cut = || "it is cut off or no such file".to_owned();
    let last = magic.len() + 4;
    let end = file.len().checked_sub(last as u64).ok_or_else(cut)?;
    let tail = bytes(file, end..file.len())?;
    let (length, found) = tail.split_first_chunk::<4>().ok_or_else(cut)?;
    let start = end.checked_sub(u64::from(u32::from_le_bytes(*length)));
    start.filter(|_| found == magic).map(|start| start..end).ok_or_else(cut)
}

fn bytes(file: &dyn ReadAt, range: Range<u64>) -> Result<Vec<u8>, String> {
    let length = usize::try_from(range.end - range.start).map_err(|error| error.to_string())?;
    let mut bytes = vec![0; length];
    file.read_at(range.start, &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}
