//! Pages of a Parquet file, unpacked and checked before columns are made of them. The crate that does
//! that believes what files say: of some bytes that claim a dictionary of a thousand million values it
//! would make gigabytes.
//!
//! What a page may take is bounded, and what those of one batch take together beyond what ordinary
//! files do. The size that a page claims to have unpacked is not handed out, so it is not compared.

mod delta;
mod unpack;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::vec::IntoIter;

use arrow_schema::{DataType, Field, Fields};
use bytes::Bytes;
use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescPtr;

use unpack::Codec;

/// Bytes of a page, unpacked.
const MAX_PAGE: usize = 256 << 20;

/// Bytes that pages of a batch may take beyond [`ORDINARY`].
const MAX_BATCH: usize = 1 << 30;

/// Bytes that one byte of a file may take before they count: so files of thousands of columns, with a
/// page of each at once, stay readable.
const ORDINARY: usize = 16;

/// Bytes of a row, and of the rows that are decoded at once, where the width of columns is known.
const MAX_ROWS: usize = 256 << 20;

/// Bytes of a value, about, of which the schema does not say how many it has: those of a view.
const VALUE: usize = 16;

/// Rows that may be decoded at once, up to so many: room is made for all before they are read.
pub(super) fn rows_at_once(fields: &Fields, most: usize) -> usize {
    let width = fields.iter().map(|field| width(field.data_type())).fold(0, usize::saturating_add);
    (MAX_ROWS / width.max(1)).clamp(1, most.max(1))
}

/// # Errors
/// A value of this column alone may be too large.
pub(super) fn check_width(column: &Field) -> Result<(), String> {
    let width = width(column.data_type());
    if width <= MAX_ROWS {
        return Ok(());
    }
    let name = column.name();
    Err(format!("column {name}: a value may have {width} bytes, expected at most {MAX_ROWS}"))
}

/// Bytes that a row takes whatever is in it.
fn width(kind: &DataType) -> usize {
    match kind {
        DataType::FixedSizeBinary(length) => usize::try_from(*length).unwrap_or(0).max(VALUE),
        DataType::FixedSizeList(of, length) => {
            usize::try_from(*length).unwrap_or(0).saturating_mul(width(of.data_type())).max(VALUE)
        }
        DataType::Struct(fields) => {
            fields.iter().map(|of| width(of.data_type())).fold(VALUE, usize::saturating_add)
        }
        // It is not known how many there are, and what is missing is laid out as well.
        DataType::List(of) | DataType::LargeList(of) | DataType::Map(of, _) => {
            if has_fixed_list(of.data_type()) { usize::MAX } else { width(of.data_type()) }
        }
        _ => VALUE,
    }
}

fn has_fixed_list(kind: &DataType) -> bool {
    match kind {
        DataType::FixedSizeList(..) => true,
        DataType::Struct(fields) => fields.iter().any(|of| has_fixed_list(of.data_type())),
        DataType::List(of) | DataType::LargeList(of) | DataType::Map(of, _) => {
            has_fixed_list(of.data_type())
        }
        _ => false,
    }
}

fn fixed_length(column: &ColumnDescPtr) -> Option<usize> {
    let is_fixed = column.physical_type() == Type::FIXED_LEN_BYTE_ARRAY;
    is_fixed.then(|| usize::try_from(column.type_length()).unwrap_or(0))
}

/// What the pages of a batch took, and those that its columns stand in.
pub(super) struct Costs {
    max_page: usize,
    max_batch: usize,
    taken: AtomicUsize,
    held: AtomicUsize,
}

impl Costs {
    fn new(max_page: usize, max_batch: usize) -> Arc<Self> {
        Arc::new(Self {
            max_page,
            max_batch,
            taken: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
        })
    }

    /// The next batch begins, with the pages that the last one ended in.
    pub(super) fn clear(&self) {
        self.taken.store(self.held.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// A column goes from a page with this cost to one with that.
    fn moved(&self, from: usize, to: usize) {
        self.held.fetch_add(to, Ordering::Relaxed);
        self.held.fetch_sub(from, Ordering::Relaxed);
    }

    fn add(&self, bytes: usize) -> Result<(), String> {
        // Only one thread reads, so that nothing is added in between.
        let taken = self.taken.load(Ordering::Relaxed).saturating_add(bytes);
        self.taken.store(taken, Ordering::Relaxed);
        if taken <= self.max_batch {
            return Ok(());
        }
        let most = self.max_batch;
        Err(format!("pages of rows that are read together take more memory than {most} bytes"))
    }
}

/// Row groups of a file.
pub(super) struct Groups<R> {
    file: Arc<R>,
    metadata: Arc<ParquetMetaData>,
    chosen: Vec<usize>,
    costs: Arc<Costs>,
}

impl<R> Groups<R> {
    pub(super) fn new(file: R, metadata: Arc<ParquetMetaData>, chosen: Vec<usize>) -> Self {
        Self { file: Arc::new(file), metadata, chosen, costs: Costs::new(MAX_PAGE, MAX_BATCH) }
    }

    pub(super) fn costs(&self) -> Arc<Costs> {
        Arc::clone(&self.costs)
    }
}

impl<R: ChunkReader + 'static> RowGroups for Groups<R> {
    fn num_rows(&self) -> usize {
        let rows = |group: &RowGroupMetaData| usize::try_from(group.num_rows()).unwrap_or(0);
        self.row_groups().map(rows).fold(0, usize::saturating_add)
    }

    fn column_chunks(&self, column: usize) -> ParquetResult<Box<dyn PageIterator>> {
        Ok(Box::new(Chunks {
            file: Arc::clone(&self.file),
            metadata: Arc::clone(&self.metadata),
            groups: self.chosen.clone().into_iter(),
            column,
            costs: self.costs(),
        }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.chosen.iter().map(|group| self.metadata.row_group(*group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// A column of each row group.
struct Chunks<R> {
    file: Arc<R>,
    metadata: Arc<ParquetMetaData>,
    groups: IntoIter<usize>,
    column: usize,
    costs: Arc<Costs>,
}

impl<R: ChunkReader + 'static> Chunks<R> {
    fn pages(&self, group: usize) -> ParquetResult<Pages<R>> {
        let group = self.metadata.row_group(group);
        let chunk = group.column(self.column);
        let column = chunk.column_descr_ptr();
        let codec = Codec::of(chunk.compression());
        let codec = codec.map_err(|reason| refused(&column, &reason))?;
        // So that pages are handed out as they lie in the file.
        let plain =
            chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let rows = usize::try_from(group.num_rows())?;
        let packed = SerializedPageReader::new(Arc::clone(&self.file), &plain, rows, None)?;
        let costs = Arc::clone(&self.costs);
        Ok(Pages { packed, codec, column, costs, dictionary: 0, data: 0 })
    }
}

impl<R: ChunkReader + 'static> Iterator for Chunks<R> {
    type Item = ParquetResult<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let group = self.groups.next()?;
        let pages = self.pages(group);
        Some(pages.map(|pages| Box::new(pages) as Box<dyn PageReader>))
    }
}

impl<R: ChunkReader + 'static> PageIterator for Chunks<R> {}

fn refused(column: &ColumnDescPtr, reason: &str) -> ParquetError {
    ParquetError::General(format!("column {}: {reason}", column.path().string()))
}

/// Pages of a column in a row group.
struct Pages<R: ChunkReader> {
    packed: SerializedPageReader<R>,
    codec: Option<Codec>,
    column: ColumnDescPtr,
    costs: Arc<Costs>,
    /// What its dictionary takes, and the page that it stands in.
    dictionary: usize,
    data: usize,
}

impl<R: ChunkReader> Drop for Pages<R> {
    fn drop(&mut self) {
        self.costs.moved(self.dictionary + self.data, 0);
    }
}

impl<R: ChunkReader> Pages<R> {
    fn checked(&mut self, mut page: Page) -> ParquetResult<Page> {
        let packed = page.buffer().len();
        let check = self.unpack(&mut page).and_then(|()| {
            let cost = page.buffer().len().saturating_add(self.cost(&page)?);
            let cost = cost.saturating_sub(packed.saturating_mul(ORDINARY));
            self.costs.add(cost)?;
            let held =
                if page.is_dictionary_page() { &mut self.dictionary } else { &mut self.data };
            self.costs.moved(std::mem::replace(held, cost), cost);
            Ok(())
        });
        check.map(|()| page).map_err(|reason| refused(&self.column, &reason))
    }

    fn unpack(&mut self, page: &mut Page) -> Result<(), String> {
        let Some(codec) = &mut self.codec else { return Ok(()) };
        let (bytes, front) = match page {
            Page::DataPageV2 { is_compressed: false, .. } => return Ok(()),
            // Its levels are never packed.
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
                (buf, *def_levels_byte_len as usize + *rep_levels_byte_len as usize)
            }
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => (buf, 0),
        };
        *bytes = codec.unpack(bytes, front, self.costs.max_page)?.into();
        Ok(())
    }

    /// Bytes that readers take for what a page says it has, besides its own.
    fn cost(&self, page: &Page) -> Result<usize, String> {
        let values = page.num_values() as usize;
        if page.is_dictionary_page() {
            return self.dictionary(values, page.buffer().len());
        }
        // All values of a row are read at once; where columns are flat they are few.
        let is_list = self.column.max_rep_level() > 0;
        let width = fixed_length(&self.column).unwrap_or(0).max(VALUE);
        let levels = if is_list { values.saturating_mul(width) } else { 0 };
        let encoding = page.encoding();
        if !matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY) {
            return Ok(levels);
        }
        let lengths = delta::cost(&self.values(page)?, encoding, values)?;
        Ok(levels.saturating_add(lengths))
    }

    /// What the values take when they are laid out.
    fn dictionary(&self, values: usize, bytes: usize) -> Result<usize, String> {
        let bits = match self.column.physical_type() {
            Type::BOOLEAN => 1,
            // Of a text, its length.
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 32,
            Type::INT64 | Type::DOUBLE => 64,
            Type::INT96 => 96,
            Type::FIXED_LEN_BYTE_ARRAY => 8 * fixed_length(&self.column).unwrap_or(0),
        };
        // Values of no length take nothing, however many there are.
        let most = (8 * bytes).checked_div(bits).unwrap_or(usize::MAX);
        if values > most {
            return Err(format!(
                "the dictionary has {bytes} bytes, expected at most {most} values in it, got {values}"
            ));
        }
        Ok(if bits == 0 { 0 } else { values * VALUE })
    }

    /// A data page without its levels.
    fn values(&self, page: &Page) -> Result<Bytes, String> {
        let bytes = page.buffer();
        let levels = match page {
            Page::DataPageV2 { def_levels_byte_len, rep_levels_byte_len, .. } => {
                Some(*def_levels_byte_len as usize + *rep_levels_byte_len as usize)
            }
            Page::DataPage { num_values, rep_level_encoding, def_level_encoding, .. } => {
                let levels = [
                    (self.column.max_rep_level(), *rep_level_encoding),
                    (self.column.max_def_level(), *def_level_encoding),
                ];
                levels.into_iter().try_fold(0, |begin, (max, encoding)| {
                    let length = levels_length(bytes.get(begin..)?, *num_values, max, encoding)?;
                    Some(begin + length)
                })
            }
            Page::DictionaryPage { .. } => Some(0),
        };
        let levels = levels.filter(|levels| *levels <= bytes.len());
        Ok(bytes.slice(levels.ok_or("the levels of a page are longer than the page")?..))
    }
}

/// Bytes of the levels that a page of the first version begins with.
fn levels_length(bytes: &[u8], values: u32, max: i16, encoding: Encoding) -> Option<usize> {
    if max == 0 {
        return Some(0);
    }
    if encoding == Encoding::RLE {
        let length = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
        return Some(size_of::<u32>() + length);
    }
    // Each has the bits of the highest one.
    let bits = (i16::BITS - max.leading_zeros()) as usize;
    Some((values as usize * bits).div_ceil(8))
}

impl<R: ChunkReader> Iterator for Pages<R> {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl<R: ChunkReader> PageReader for Pages<R> {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        let page = self.packed.get_next_page()?;
        page.map(|page| self.checked(page)).transpose()
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        self.packed.peek_next_page()
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        self.packed.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.packed.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> ParquetResult<Option<Page>> {
        let page = self.packed.take_deferred_dictionary()?;
        page.map(|page| self.checked(page)).transpose()
    }

    fn at_record_boundary(&mut self) -> ParquetResult<bool> {
        self.packed.at_record_boundary()
    }
}

#[cfg(test)]
mod tests;
