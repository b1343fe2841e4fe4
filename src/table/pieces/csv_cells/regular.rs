//! Text as programs write it: every line is a row, and has as many cells as the header.
//!
//! Where cells end is gathered as bits, sixty-four bytes at a time, and the bits are turned into
//! places several at once: how many there are in a word differs from word to word, and a loop over
//! them costs the processor a wrong guess each time.

use super::Cells;
use crate::vectors::{self, Find, Search};

/// Places that are written together.
const TOGETHER: usize = 8;

/// `None` of other text, and of single columns, where a blank line is no row.
pub(super) fn cells(bytes: &[u8], width: usize, rows: usize) -> Option<Cells> {
    let wanted = rows.checked_mul(width).filter(|_| width > 1)?;
    let ends = vectors::search(Ends { bytes, wanted, rows: rows as u64 })?;
    let ends_line = |row: &[u32]| bytes.get(row[width - 1] as usize) == Some(&b'\n');
    let is_regular =
        bytes.last().is_none_or(|last| *last == b'\n') && ends.chunks_exact(width).all(ends_line);
    is_regular.then(|| {
        let begins = ends.chunks_exact(width).map(|row| row[width - 1] + 1);
        let begins = std::iter::once(0).chain(begins).take(rows).collect();
        Cells { begins, ends, damaged: Vec::new() }
    })
}

/// Places of commas and line feeds; `None` if there are not so many of both, or if there are quotation
/// marks or carriage returns.
struct Ends<'a> {
    bytes: &'a [u8],
    wanted: usize,
    rows: u64,
}

impl Search for Ends<'_> {
    type Found = Option<Vec<u32>>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "that is how it is compiled for its vectors")]
    #[expect(clippy::cast_possible_truncation, reason = "pieces are smaller than 4 GiB")]
    fn search(self, find: impl Find) -> Option<Vec<u32>> {
        let mut ends = vec![0; self.wanted + TOGETHER];
        let (mut found, mut lines) = (0, 0);
        let (blocks, rest) = self.bytes.as_chunks();
        let mut last = [0; 64];
        last[..rest.len()].copy_from_slice(rest);
        for (at, block) in blocks.iter().chain([&last]).enumerate() {
            if find.find(block, b'"') | find.find(block, b'\r') != 0 {
                return None;
            }
            let line = find.find(block, b'\n');
            lines += u64::from(line.count_ones());
            let mut marks = line | find.find(block, b',');
            let next = found + marks.count_ones() as usize;
            while found < next {
                for end in ends.get_mut(found..found + TOGETHER)? {
                    *end = at as u32 * 64 + marks.trailing_zeros();
                    marks &= marks.wrapping_sub(1);
                }
                found += TOGETHER;
            }
            found = next;
        }
        ends.truncate(self.wanted);
        (found == self.wanted && lines == self.rows).then_some(ends)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::plain;
    use super::*;

    #[test]
    fn text_that_is_not_regular_is_left_to_others() {
        let none = ["1,2\n3\n", "1,2\n3,4", "1,2\n\n3,4\n", "1,2,3\n4\n", "1,2\n3,4\n5,6\n"];
        for text in none {
            assert!(cells(text.as_bytes(), 2, 2).is_none(), "{text:?}");
        }
        assert!(cells(b"1\n2\n", 1, 2).is_none());
        assert_eq!(cells(b"1,2\n3,4\n", 2, 2).unwrap().ends, [1, 3, 5, 7]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn cells_of_regular_text_are_those_of_any_text(
            (width, rows) in (2usize..9).prop_flat_map(|width| {
                let row = prop::collection::vec("[a-z é]{0,9}|[a-z]{50,140}", width);
                (Just(width), prop::collection::vec(row, 0..60))
            }),
        ) {
            let text: String = rows.iter().flat_map(|row| [row.join(","), "\n".to_owned()]).collect();
            let expected = plain(text.as_bytes(), width, rows.len()).unwrap();
            let found = cells(text.as_bytes(), width, rows.len()).unwrap();
            prop_assert_eq!(found.ends, expected.ends);
            prop_assert_eq!(found.begins, expected.begins);
            prop_assert!(expected.damaged.is_empty());
        }

        #[test]
        fn rows_of_other_widths_are_left_to_others(
            rows in prop::collection::vec("[a-z]{0,3}(,[a-z]{0,9}){2}(,,?)?", 1..8),
        ) {
            let text: String = rows.iter().flat_map(|row| [row.as_str(), "\n"]).collect();
            let width = rows[0].split(',').count();
            let is_regular = rows.iter().all(|row| row.split(',').count() == width);
            prop_assert_eq!(cells(text.as_bytes(), width, rows.len()).is_some(), is_regular);
        }
    }

    #[test]
    fn blocks_may_end_anywhere() {
        for (rows, width) in [(16, 4), (64, 2), (200, 5), (32, 64), (0, 3)] {
            for cell in ["", "x", "abcdefg"] {
                let row = vec![cell; width].join(",") + "\n";
                let text = row.repeat(rows);
                let found = cells(text.as_bytes(), width, rows).unwrap();
                assert_eq!(found.ends, plain(text.as_bytes(), width, rows).unwrap().ends);
            }
        }
    }
}
