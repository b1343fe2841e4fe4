//! Where records of CSV end.
//!
//! Quotation marks count where a reader of RFC 4180 sees them: at the beginning of a cell. Inside
//! of quotation marks nothing ends.

use memchr::{memchr, memchr3};

use crate::vectors::{self, Find, Search};

/// How far a text was looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scan {
    /// Bytes that were looked at.
    at: usize,
    quoted: bool,
    /// The mark that ended the last quoted stretch.
    closed: Option<usize>,
    /// Where the record began that is looked at.
    begins: usize,
    /// Records before it.
    pub(super) records: usize,
}

impl Scan {
    /// Looks on, until so many records have ended: where the last one did, behind its line end.
    /// `None` if the text ends before. Blank lines are no records.
    pub(super) fn find(&mut self, text: &[u8], records: usize) -> Option<usize> {
        while self.records < records {
            if self.quoted {
                let Some(mark) = memchr(b'"', &text[self.at..]) else {
                    self.at = text.len();
                    return None;
                };
                self.closed = Some(self.at + mark);
                self.at += mark + 1;
                self.quoted = false;
                continue;
            }
            if self.at == self.begins {
                self.skim(text, records);
            }
            let Some(found) = memchr3(b'"', b'\n', b'\r', &text[self.at..]) else {
                self.at = text.len();
                return None;
            };
            let place = self.at + found;
            self.at = place + 1;
            if text[place] == b'"' {
                self.quoted = self.opens(text, place);
                continue;
            }
            if place > self.begins {
                self.records += 1;
            }
            self.begins = self.at;
        }
        Some(self.at)
    }

    /// Passes over text in which lines are records and nothing else, block by block.
    fn skim(&mut self, text: &[u8], records: usize) {
        let wanted = records - self.records;
        let skimmed = vectors::search(Skim { text: &text[self.at..], wanted });
        self.begins = self.at + skimmed.begins;
        self.at += skimmed.bytes;
        self.records += skimmed.lines;
    }

    /// Whether a quotation mark outside of others begins a quoted stretch: at the beginning of a
    /// cell, or right behind the mark that ended one, since two of them mean one.
    fn opens(self, text: &[u8], place: usize) -> bool {
        place == self.begins || text[place - 1] == b',' || self.closed == Some(place - 1)
    }

    /// What is left at the end of the text is a record, unless it is nothing. Whether one was
    /// added.
    pub(super) fn end(&mut self, text: &[u8]) -> bool {
        let is_record = text.len() > self.begins;
        if is_record {
            self.records += 1;
            self.begins = text.len();
        }
        is_record
    }

    /// Bytes of the record that has no end yet.
    pub(super) fn open_bytes(&self, text: &[u8]) -> usize {
        text.len() - self.begins
    }

    /// Where the record that is looked at begins.
    pub(super) fn begins(&self) -> usize {
        self.begins
    }
}

/// Text that begins with a record.
struct Skim<'a> {
    text: &'a [u8],
    /// Blocks by whose lines there would be so many are left to others.
    wanted: usize,
}

/// What was passed over: whole blocks.
#[derive(Default)]
struct Skimmed {
    bytes: usize,
    lines: usize,
    /// Where the last record begins.
    begins: usize,
}

impl Search for Skim<'_> {
    type Found = Skimmed;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "that is how it is compiled for its vectors")]
    fn search(self, find: impl Find) -> Skimmed {
        let mut skimmed = Skimmed::default();
        // Whether a line feed was the last byte.
        let mut ended = 1;
        for block in self.text.as_chunks().0 {
            let lines = find.find(block, b'\n');
            let blank = lines & (lines << 1 | ended);
            let others = find.find(block, b'"') | find.find(block, b'\r');
            let count = lines.count_ones() as usize;
            if blank | others != 0 || skimmed.lines + count >= self.wanted {
                break;
            }
            if lines != 0 {
                skimmed.begins = skimmed.bytes + 64 - lines.leading_zeros() as usize;
            }
            ended = lines >> 63;
            skimmed.lines += count;
            skimmed.bytes += 64;
        }
        skimmed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where records end, one after the other.
    fn ends(text: &[u8]) -> Vec<usize> {
        let (mut scan, mut ends) = (Scan::default(), Vec::new());
        while let Some(end) = scan.find(text, ends.len() + 1) {
            ends.push(end);
        }
        if scan.end(text) {
            ends.push(text.len());
        }
        ends
    }

    fn reader(text: &[u8]) -> csv::Reader<&[u8]> {
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text)
    }

    #[test]
    fn records_end_outside_of_quotation_marks_only() {
        assert_eq!(ends(b"a,b\n\"1\n2\",3\r\n\r\n4"), [4, 12, 16]);
        assert_eq!(ends(b"5\" pipe,x\n6\" pipe\n"), [10, 18]);
        assert_eq!(ends(b"\"a\"\"\n\",b\nc\n"), [9, 11]);
        assert_eq!(ends(b"\n\n"), Vec::<usize>::new());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn records_are_those_of_the_csv_reader(text in "[a,\"\r\n ]{0,40}") {
            let text = text.as_bytes();
            let ends = ends(text);
            let mut begin = 0;
            let mut cut = Vec::new();
            for end in ends {
                cut.extend(reader(&text[begin..end]).byte_records().map(Result::unwrap));
                begin = end;
            }
            let whole: Vec<_> = reader(text).byte_records().map(Result::unwrap).collect();
            prop_assert_eq!(cut, whole);
        }

        #[test]
        fn records_of_long_text_end_where_those_of_the_csv_reader_do(
            lines in prop::collection::vec("[a-z,]{0,90}|[a,\"\r]{0,9}", 0..30),
            wanted in 1usize..30,
        ) {
            let text = lines.join("\n");
            let all: Vec<_> = reader(text.as_bytes()).byte_records().map(Result::unwrap).collect();
            match Scan::default().find(text.as_bytes(), wanted) {
                None => prop_assert!(all.len() <= wanted),
                Some(end) => {
                    let cut = reader(&text.as_bytes()[..end]);
                    let cut: Vec<_> = cut.into_byte_records().map(Result::unwrap).collect();
                    prop_assert_eq!(&cut[..], &all[..wanted]);
                }
            }
        }

        #[test]
        fn it_does_not_matter_how_much_of_a_text_is_there(text in "[a,\"\n]{0,40}", cut in 0usize..40) {
            let text = text.as_bytes();
            let mut scan = Scan::default();
            let most = usize::MAX;
            scan.find(&text[..cut.min(text.len())], most);
            scan.find(text, most);
            scan.end(text);
            let mut whole = Scan::default();
            whole.find(text, most);
            whole.end(text);
            prop_assert_eq!(scan.records, whole.records);
        }
    }
}
