//! What pages of texts as differences (`DELTA_LENGTH_BYTE_ARRAY`, `DELTA_BYTE_ARRAY`) will take: how
//! many lengths there are stands in the values, and takes no room there; and of one text thousands that
//! follow may repeat the beginning.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Encoding, Type as Physical};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::Int32Type;
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::{ColumnDescriptor, ColumnPath, Type};

/// Lengths that are read at once.
const AT_ONCE: usize = 4096;

/// Bytes that the lengths take, and that each value takes from the one before it.
pub(super) fn cost(values: &Bytes, encoding: Encoding, most: usize) -> Result<usize, String> {
    let count = count(values).ok_or("its values end early")?;
    if count > most as u64 {
        return Err(format!("expected at most {most} lengths of values, got {count}"));
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    match encoding {
        Encoding::DELTA_BYTE_ARRAY => {
            let repeated = sum(values, count)?;
            Ok(repeated.saturating_add(2 * count * size_of::<i32>()))
        }
        _ => Ok(count * size_of::<i32>()),
    }
}

/// The third number at the begin: behind the sizes of blocks and of their parts.
fn count(values: &[u8]) -> Option<u64> {
    let mut bytes = values.iter().copied();
    number(&mut bytes)?;
    number(&mut bytes)?;
    number(&mut bytes)
}

fn number(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// The sum of numbers, read as a column of them.
fn sum(values: &Bytes, count: usize) -> Result<usize, String> {
    let mut numbers = column(values, count).map_err(|error| error.to_string())?;
    let mut read = Vec::new();
    let mut sum = 0_usize;
    let mut left = count;
    while left > 0 {
        read.clear();
        let most = left.min(AT_ONCE);
        let (rows, ..) =
            numbers.read_records(most, None, None, &mut read).map_err(|error| error.to_string())?;
        if rows == 0 {
            return Err("its values end early".to_owned());
        }
        for number in &read {
            let number = usize::try_from(*number);
            sum = sum.saturating_add(number.map_err(|_| "a length is negative")?);
        }
        left -= rows;
    }
    Ok(sum)
}

fn column(values: &Bytes, count: usize) -> ParquetResult<ColumnReaderImpl<Int32Type>> {
    let page = Page::DataPage {
        buf: values.clone(),
        num_values: u32::try_from(count)?,
        encoding: Encoding::DELTA_BINARY_PACKED,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    let kind = Type::primitive_type_builder("length", Physical::INT32)
        .with_repetition(parquet::basic::Repetition::REQUIRED)
        .build()?;
    let column = ColumnDescriptor::new(Arc::new(kind), 0, 0, ColumnPath::new(Vec::new()));
    Ok(ColumnReaderImpl::new(Arc::new(column), Box::new(Alone(Some(page)))))
}

/// A column of one page.
struct Alone(Option<Page>);

impl Iterator for Alone {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageReader for Alone {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        Ok(self.0.take())
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        Ok(self.0.as_ref().map(|page| PageMetadata {
            num_rows: None,
            num_levels: Some(page.num_values() as usize),
            is_dict: false,
        }))
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        self.0 = None;
        Ok(())
    }
}
