//! Records of CSV as cells. Most text has no quotation marks, and then cells are what lies between
//! commas: found eight bytes at a time, and not copied.

use std::sync::Arc;

use csv::ByteRecord;

use crate::table::chunk::{Chunk, Column, Texts};

/// A row whose cells are not where they should be.
type Damaged = Vec<(usize, String)>;

pub(super) fn chunk(bytes: Vec<u8>, columns: &[String], rows: usize) -> Result<Chunk, String> {
    let width = columns.len();
    let plain = (memchr::memchr(b'"', &bytes).is_none()).then(|| plain(&bytes, width, rows));
    let (bytes, spans, mut damaged) = match plain.flatten() {
        Some((spans, damaged)) => (bytes, spans, damaged),
        None => quoted(&bytes, width, rows)?,
    };
    let text = String::from_utf8(bytes);
    let text =
        text.unwrap_or_else(|error| repaired(error.into_bytes(), &spans, width, &mut damaged));
    damaged.sort_by_key(|(row, _)| *row);
    damaged.dedup_by_key(|(row, _)| *row);
    let texts = Arc::new(Texts { text, spans, width });
    let columns = (0..width).map(|column| Column::Text(Arc::clone(&texts), column)).collect();
    Ok(Chunk { rows, columns, damaged })
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// The top bit of each byte that is this one.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * u64::from(byte));
    let low = 0x7f * ONES;
    !(((difference & low).wrapping_add(low)) | difference | low)
}

/// Cells of text without quotation marks; `None` if it does not have so many rows.
fn plain(bytes: &[u8], width: usize, rows: usize) -> Option<(Vec<(u32, u32)>, Damaged)> {
    let mut found = Found {
        spans: Vec::with_capacity(rows * width),
        damaged: Vec::new(),
        begin: 0,
        row: 0,
        width,
    };
    let mut words = bytes.chunks_exact(8);
    for (at, word) in words.by_ref().enumerate() {
        let word = u64::from_le_bytes(word.try_into().ok()?);
        let mut ends = equal(word, b',') | equal(word, b'\n') | equal(word, b'\r');
        while ends != 0 {
            let end = at * 8 + ends.trailing_zeros() as usize / 8;
            found.end(end, bytes[end] == b',');
            ends &= ends - 1;
        }
    }
    let rest = bytes.len() - words.remainder().len();
    for (at, byte) in words.remainder().iter().enumerate() {
        if matches!(byte, b',' | b'\n' | b'\r') {
            found.end(rest + at, *byte == b',');
        }
    }
    if found.begin < bytes.len() || found.is_within_row() {
        found.end(bytes.len(), false);
    }
    (found.row == rows && found.spans.len() == rows * width).then_some((found.spans, found.damaged))
}

struct Found {
    spans: Vec<(u32, u32)>,
    damaged: Damaged,
    /// Where the cell begins that is looked at.
    begin: usize,
    row: usize,
    width: usize,
}

impl Found {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "pieces are smaller than 4 GiB")]
    fn end(&mut self, end: usize, within_row: bool) {
        // A blank line.
        if !within_row && end == self.begin && !self.is_within_row() {
            self.begin = end + 1;
            return;
        }
        self.spans.push((self.begin as u32, end as u32));
        self.begin = end + 1;
        if !within_row {
            self.end_row();
        }
    }

    fn is_within_row(&self) -> bool {
        self.spans.len() > self.row * self.width
    }

    #[inline]
    fn end_row(&mut self) {
        self.row += 1;
        let wanted = self.row * self.width;
        if self.spans.len() != wanted {
            let cells = self.spans.len() + self.width - wanted;
            self.damaged.push((self.row - 1, unequal(cells, self.width)));
            self.spans.resize(wanted, (0, 0));
        }
    }
}

#[cold]
fn unequal(cells: usize, width: usize) -> String {
    format!("it has {cells} cells, the header has {width}")
}

/// Text, and where cells are in it.
type Cells = (Vec<u8>, Vec<(u32, u32)>, Damaged);

#[expect(clippy::cast_possible_truncation, reason = "pieces are smaller than 4 GiB")]
fn quoted(bytes: &[u8], width: usize, rows: usize) -> Result<Cells, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let (mut record, mut row) = (ByteRecord::new(), 0);
    let (mut text, mut spans) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(rows * width));
    let mut damaged = Vec::new();
    while reader.read_byte_record(&mut record).map_err(|error| error.to_string())? {
        if record.len() != width {
            damaged.push((row, unequal(record.len(), width)));
        }
        for cell in record.iter().take(width) {
            let begin = text.len() as u32;
            text.extend_from_slice(cell);
            spans.push((begin, text.len() as u32));
        }
        row += 1;
        spans.resize(row * width, (0, 0));
    }
    if row == rows {
        return Ok((text, spans, damaged));
    }
    Err(format!("its quotation marks make {row} rows of {rows}"))
}

/// The text with what is no UTF-8 replaced by as many question marks.
fn repaired(
    mut bytes: Vec<u8>,
    spans: &[(u32, u32)],
    width: usize,
    damaged: &mut Damaged,
) -> String {
    for (place, (begin, end)) in spans.iter().enumerate() {
        let cell = &mut bytes[*begin as usize..*end as usize];
        if str::from_utf8(cell).is_err() {
            cell.fill(b'?');
            damaged.push((place / width, format!("cell {} is not UTF-8", place % width + 1)));
        }
    }
    // What lies between the cells is ASCII, or belongs to no cell of the header.
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let bytes = error.into_bytes().into_iter();
        bytes.map(|byte| if byte.is_ascii() { char::from(byte) } else { '?' }).collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells(text: &[u8], width: usize, rows: usize) -> (Vec<Vec<String>>, Vec<usize>) {
        let columns = vec![String::new(); width];
        let chunk = chunk(text.to_vec(), &columns, rows).unwrap();
        let row = |row: usize| {
            let cell = |column: &Column| match column {
                Column::Text(texts, column) => texts.get(row, *column).to_owned(),
                _ => unreachable!(),
            };
            chunk.columns.iter().map(cell).collect()
        };
        ((0..rows).map(row).collect(), chunk.damaged.iter().map(|(row, _)| *row).collect())
    }

    #[test]
    fn rows_with_other_cells_than_the_header_are_named_and_do_no_harm() {
        let (rows, damaged) = cells(b"1,2\r\n3\n\n4,5,6\n7,8", 2, 4);
        assert_eq!(
            (&rows[0], &rows[3]),
            (&vec!["1".into(), "2".into()], &vec!["7".into(), "8".into()])
        );
        assert_eq!(damaged, [1, 2]);
        let (rows, damaged) = cells(b"1,2\n\xe9,\"x\"\n\xe9,3,4\n5,6\n", 2, 4);
        assert_eq!((rows[3].join(","), damaged), ("5,6".into(), vec![1, 2]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn cells_are_those_of_the_csv_reader(text in "[a-z,\r\n \"]{0,60}") {
            let text = text.as_bytes();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
            let records: Vec<Vec<String>> = reader
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect();
            let width = records.first().map_or(1, Vec::len);
            let (rows, damaged) = cells(text, width, records.len());
            for (at, record) in records.iter().enumerate() {
                prop_assert_eq!(damaged.contains(&at), record.len() != width);
                if record.len() == width {
                    prop_assert_eq!(&rows[at], record);
                }
            }
        }
    }
}
