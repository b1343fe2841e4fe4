//! CSV with a header, cut between records.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};

use super::record::Scan;
use super::unpacked::{Unpacked, is_too_long, too_long};
use super::{Content, MAX_BYTES, Origin, Pieces, Position, Source, check_width, rows_of};
use crate::table::Progress;
use crate::table::format::Packing;

struct Records {
    text: Unpacked,
    columns: Arc<[String]>,
}

pub(super) fn open(origin: Origin, packing: Packing) -> Result<Pieces, String> {
    let progress = Progress::of(origin.bytes());
    let mut text = Unpacked::open(origin, packing, &progress)?;
    let (header, records) = cut(&mut text, 1)?;
    if records == 0 {
        return Err("it is empty".to_owned());
    }
    let columns: Arc<[String]> = columns(&header)?.into();
    check_width(columns.len())?;
    let field = |name: &String| Field::new(name, DataType::Utf8, true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    Ok(Pieces::new(schema, Box::new(Records { text, columns }), progress))
}

fn columns(header: &[u8]) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(header);
    let record = reader.byte_records().next();
    let record = record.and_then(Result::ok).ok_or("it is no CSV: its header cannot be read")?;
    let column = |(place, name): (usize, &[u8])| {
        let name = str::from_utf8(name).map(str::to_owned);
        name.map_err(|_| format!("it is no CSV: line 1: cell {} is not UTF-8", place + 1))
    };
    record.iter().enumerate().map(column).collect()
}

/// Takes at most so many records; their number is nought at the end.
fn cut(text: &mut Unpacked, records: usize) -> Result<(Vec<u8>, usize), String> {
    let mut scan = Scan::default();
    loop {
        if let Some(end) = scan.find(text.rest(), records) {
            return Ok((text.take(end), records));
        }
        let endless = is_too_long(scan.open_bytes(text.rest()));
        // The rows before one that is too long come first, so that it is named.
        if (scan.begins() >= MAX_BYTES || endless) && scan.records > 0 {
            return Ok((text.take(scan.begins()), scan.records));
        }
        if endless {
            return Err(too_long());
        }
        if !text.more()? {
            scan.end(text.rest());
            let rest = text.rest().len();
            return Ok((text.take(rest), scan.records));
        }
    }
}

impl Source for Records {
    fn next(&mut self, most: usize) -> Result<Option<(Content, usize)>, String> {
        let most = rows_of(self.columns.len(), most);
        let (bytes, records) = cut(&mut self.text, most)?;
        let content = Content::Csv { bytes, columns: Arc::clone(&self.columns) };
        Ok((records > 0).then_some((content, records)))
    }

    fn bytes(&self) -> u64 {
        self.text.before()
    }

    fn go_to(&mut self, position: Position) -> Result<(), String> {
        self.text.go_to(position.bytes)
    }
}
