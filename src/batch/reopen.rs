//! The files of a job that broke off: what the journal says of them is believed as far as their
//! bytes bear it out.

use std::io;
use std::path::Path;

use super::journal::{Entry, Piece};
use super::output::{self, Part};
use crate::table::Encoder;

/// Rows of each output that was begun.
pub(super) fn rows_of(outputs: usize, entries: &[Entry]) -> Vec<Option<u64>> {
    let mut rows = vec![None; outputs];
    let mut before = 0;
    for entry in entries {
        if let Some(rows) = rows.get_mut(entry.output) {
            *rows.get_or_insert(0) += entry.totals.written - before;
        }
        before = entry.totals.written;
    }
    rows
}

/// An output with its number, and the rejects.
type Parts = (Option<(usize, Part)>, Option<Part>);

/// The output that grew last and the rejects, if they hold what the journal says; entries that
/// they do not bear out are taken away.
pub(super) fn reopen(
    directory: &Path,
    encoder: &Encoder,
    rejects_encoder: &Encoder,
    entries: &mut Vec<Entry>,
) -> io::Result<Parts> {
    loop {
        let Some(output) = entries.last().map(|entry| entry.output) else {
            return Ok((None, None));
        };
        let first = entries.partition_point(|entry| entry.output < output);
        let segments: Vec<Piece> =
            entries[first..].iter().map(|entry| entry.segment.clone()).collect();
        let path = output::path(directory, output);
        let (mut part, there) = Part::reopen(&path, encoder, &segments)?;
        let with_rejects = |entries: &[Entry]| {
            entries.iter().filter_map(|entry| entry.rejects.clone()).collect::<Vec<_>>()
        };
        let wanted = with_rejects(entries);
        let mut rejects = None;
        let mut rejects_there = 0;
        if !wanted.is_empty() {
            let path = output::path(directory, output::REJECTS);
            let (part, there) = Part::reopen(&path, rejects_encoder, &wanted)?;
            (rejects, rejects_there) = (Some(part), there);
        }
        let mut keep = first + there;
        while with_rejects(&entries[..keep]).len() > rejects_there {
            keep -= 1;
        }
        if keep == entries.len() {
            return Ok((Some((output, part)), rejects));
        }
        entries.truncate(keep);
        if keep > first {
            part.keep(keep - first)?;
            if let Some(rejects) = &mut rejects {
                rejects.keep(with_rejects(entries).len())?;
            }
            return Ok((Some((output, part)), rejects));
        }
    }
}
