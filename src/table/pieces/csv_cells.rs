//! Records of CSV as cells. Most text has no quotation marks, and then cells are what lies between
//! commas: found eight bytes at a time or more, and not copied.

mod regular;

use std::sync::Arc;

use csv::ByteRecord;

use crate::table::chunk::{Chunk, Column, Texts};

/// A row whose cells are not where they should be.
type Damaged = Vec<(usize, String)>;

pub(super) fn chunk(bytes: Vec<u8>, columns: &[String], rows: usize) -> Result<Chunk, String> {
    let width = columns.len();
    let cells = regular::cells(&bytes, width, rows).or_else(|| {
        let is_plain = memchr::memchr(b'"', &bytes).is_none();
        is_plain.then(|| plain(&bytes, width, rows)).flatten()
    });
    let (bytes, cells) = match cells {
        Some(cells) => (bytes, cells),
        None => quoted(&bytes, width, rows)?,
    };
    let Cells { begins, ends, mut damaged } = cells;
    let mut texts = Texts { text: String::new(), begins, ends, width };
    let text = String::from_utf8(bytes);
    texts.text = text.unwrap_or_else(|error| repaired(error.into_bytes(), &texts, &mut damaged));
    damaged.sort_by_key(|(row, _)| *row);
    damaged.dedup_by_key(|(row, _)| *row);
    let texts = Arc::new(texts);
    let columns = (0..width).map(|column| Column::Text(Arc::clone(&texts), column)).collect();
    Ok(Chunk { rows, columns, damaged })
}

/// Where the cells of a text are.
struct Cells {
    begins: Vec<u32>,
    ends: Vec<u32>,
    damaged: Damaged,
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// The top bit of each byte up to a comma: the ends of cells, blanks, and little else.
#[inline]
fn up_to_comma(word: u64) -> u64 {
    let top = 0x80 * ONES;
    // No byte borrows from the next one.
    let above = (word | top) - u64::from(b',' + 1) * ONES;
    !(above | word) & top
}

/// Cells of text without quotation marks; `None` if it does not have so many rows.
fn plain(bytes: &[u8], width: usize, rows: usize) -> Option<Cells> {
    let mut found = Found {
        begins: Vec::with_capacity(rows),
        ends: Vec::with_capacity(rows * width),
        damaged: Vec::new(),
        begin: 0,
        row: 0,
        full: 0,
        width,
    };
    let mut words = bytes.chunks_exact(8);
    for (at, word) in words.by_ref().enumerate() {
        let word = u64::from_le_bytes(word.try_into().ok()?);
        let mut ends = up_to_comma(word);
        while ends != 0 {
            let end = at * 8 + ends.trailing_zeros() as usize / 8;
            found.look(end, bytes[end]);
            ends &= ends - 1;
        }
    }
    let rest = bytes.len() - words.remainder().len();
    for (at, byte) in words.remainder().iter().enumerate() {
        found.look(rest + at, *byte);
    }
    if found.begin < bytes.len() || found.is_within_row() {
        found.end(bytes.len(), false);
    }
    let Found { begins, ends, damaged, row, .. } = found;
    (row == rows && ends.len() == rows * width).then_some(Cells { begins, ends, damaged })
}

struct Found {
    begins: Vec<u32>,
    ends: Vec<u32>,
    damaged: Damaged,
    /// Where the cell begins that is looked at.
    begin: usize,
    row: usize,
    /// Cells of the rows before it.
    full: usize,
    width: usize,
}

impl Found {
    #[inline]
    fn look(&mut self, at: usize, byte: u8) {
        match byte {
            b',' => self.end(at, true),
            b'\n' | b'\r' => self.end(at, false),
            _ => {}
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "pieces are smaller than 4 GiB")]
    fn end(&mut self, end: usize, within_row: bool) {
        if !self.is_within_row() {
            // A blank line.
            if !within_row && end == self.begin {
                self.begin = end + 1;
                return;
            }
            self.begins.push(self.begin as u32);
        }
        self.ends.push(end as u32);
        self.begin = end + 1;
        if !within_row {
            self.end_row();
        }
    }

    #[inline]
    fn is_within_row(&self) -> bool {
        self.ends.len() > self.full
    }

    #[inline]
    fn end_row(&mut self) {
        self.row += 1;
        self.full += self.width;
        if self.ends.len() != self.full {
            self.is_damaged(self.full);
        }
    }

    /// The cells of the last row are none.
    #[cold]
    fn is_damaged(&mut self, wanted: usize) {
        let before = wanted - self.width;
        self.damaged.push((self.row - 1, unequal(self.ends.len() - before, self.width)));
        self.ends.truncate(before);
        self.ends.resize(wanted, 0);
    }
}

#[cold]
fn unequal(cells: usize, width: usize) -> String {
    format!("it has {cells} cells, the header has {width}")
}

#[expect(clippy::cast_possible_truncation, reason = "pieces are smaller than 4 GiB")]
fn quoted(bytes: &[u8], width: usize, rows: usize) -> Result<(Vec<u8>, Cells), String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut record = ByteRecord::new();
    let mut text = Vec::with_capacity(bytes.len());
    let (mut begins, mut ends) = (Vec::with_capacity(rows), Vec::with_capacity(rows * width));
    let mut damaged = Vec::new();
    while reader.read_byte_record(&mut record).map_err(|error| error.to_string())? {
        begins.push(text.len() as u32);
        if record.len() == width {
            for cell in &record {
                text.extend_from_slice(cell);
                ends.push(text.len() as u32);
                text.push(b',');
            }
        } else {
            damaged.push((begins.len() - 1, unequal(record.len(), width)));
            ends.resize(begins.len() * width, 0);
        }
    }
    if begins.len() == rows {
        return Ok((text, Cells { begins, ends, damaged }));
    }
    Err(format!("its quotation marks make {} rows of {rows}", begins.len()))
}

/// The text with what is no UTF-8 replaced by question marks.
fn repaired(mut bytes: Vec<u8>, texts: &Texts, damaged: &mut Damaged) -> String {
    for row in 0..texts.begins.len() {
        for column in 0..texts.width {
            let cell = &mut bytes[texts.span(row, column)];
            if str::from_utf8(cell).is_err() {
                cell.fill(b'?');
                damaged.push((row, format!("cell {} is not UTF-8", column + 1)));
            }
        }
    }
    // What lies between cells is ASCII, or in a row that is damaged.
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
