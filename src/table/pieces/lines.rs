//! One JSON object a line, cut between lines. The first rows say which columns there are.

use std::sync::Arc;

use arrow_schema::{Field, Schema};
use memchr::memchr;

use super::unpacked::{Unpacked, is_too_long, too_long};
use super::{Content, MAX_BYTES, Origin, Pieces, Position, Source, check_width, rows_of};
use crate::table::format::Packing;
use crate::table::{Progress, ndjson};

struct Lines {
    text: Unpacked,
    columns: Arc<[String]>,
}

pub(super) fn open(origin: Origin, packing: Packing) -> Result<Pieces, String> {
    let progress = Progress::of(origin.bytes());
    let mut text = Unpacked::open(origin, packing, &progress)?;
    let found = cut(&mut text, ndjson::OPEN_ROWS)?;
    let columns = ndjson::columns(&text.rest()[..found.bytes]);
    if columns.is_empty() {
        return Err("it is empty, expected one JSON object a line".to_owned());
    }
    check_width(columns.len())?;
    let fields = columns.iter().map(|(name, kind)| Field::new(name, kind.clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = columns.into_iter().map(|(name, _)| name).collect();
    Ok(Pieces::new(schema, Box::new(Lines { text, columns }), progress))
}

struct Cut {
    bytes: usize,
    rows: usize,
}

/// Reads on until at most so many rows are there.
fn cut(text: &mut Unpacked, most: usize) -> Result<Cut, String> {
    let mut cut = Cut { bytes: 0, rows: 0 };
    // Bytes of the line that has no end yet in which there is none.
    let mut looked = 0;
    while cut.rows < most && cut.bytes < MAX_BYTES {
        let rest = &text.rest()[cut.bytes..];
        let end = memchr(b'\n', &rest[looked..]).map(|end| looked + end + 1);
        looked = rest.len();
        if end.is_none() && is_too_long(looked) {
            // The rows before it come first, so that it is named.
            return if cut.rows > 0 { Ok(cut) } else { Err(too_long()) };
        }
        if end.is_none() && text.more()? {
            continue;
        }
        let line = &text.rest()[cut.bytes..];
        let line = end.map_or(line, |end| &line[..end]);
        cut.rows += usize::from(!line.trim_ascii().is_empty());
        cut.bytes += line.len();
        looked = 0;
        if end.is_none() {
            break;
        }
    }
    Ok(cut)
}

impl Source for Lines {
    fn next(&mut self, most: usize) -> Result<Option<(Content, usize)>, String> {
        let most = rows_of(self.columns.len(), most);
        let Cut { bytes, rows } = cut(&mut self.text, most)?;
        let content =
            Content::Lines { bytes: self.text.take(bytes), columns: Arc::clone(&self.columns) };
        Ok((rows > 0).then_some((content, rows)))
    }

    fn bytes(&self) -> u64 {
        self.text.before()
    }

    fn go_to(&mut self, position: Position) -> Result<(), String> {
        self.text.go_to(position.bytes)
    }
}
