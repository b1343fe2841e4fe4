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
/// they do not bear out are taken away. Every output is read: whether it was on the disk is known
/// of none of them.
pub(super) fn reopen(
    directory: &Path,
    encoder: &Encoder,
    rejects_encoder: &Encoder,
    entries: &mut Vec<Entry>,
) -> io::Result<Parts> {
    let mut rejects = rejects(directory, rejects_encoder, entries)?;
    let mut first = 0;
    let mut current = None;
    while let Some(output) = entries.get(first).map(|entry| entry.output) {
        let is_other = |entry: &Entry| entry.output != output;
        let more = entries[first..].iter().position(is_other);
        let end = more.map_or(entries.len(), |more| first + more);
        let segments: Vec<Piece> =
            entries[first..end].iter().map(|entry| entry.segment.clone()).collect();
        let (part, there) = Part::reopen(&output::path(directory, output), encoder, &segments)?;
        if there < segments.len() {
            entries.truncate(first + there);
            if let Some(rejects) = &mut rejects {
                rejects.keep(with_rejects(entries).len())?;
            }
        }
        first += there;
        if first < entries.len() {
            // Whole: what comes next is of another one.
            part.finish(encoder)?;
        } else {
            current = Some((output, part));
            break;
        }
    }
    Ok((current, rejects))
}

fn with_rejects(entries: &[Entry]) -> Vec<Piece> {
    entries.iter().filter_map(|entry| entry.rejects.clone()).collect()
}

/// The rejects; entries whose rejects are not there are taken away.
fn rejects(
    directory: &Path,
    encoder: &Encoder,
    entries: &mut Vec<Entry>,
) -> io::Result<Option<Part>> {
    let wanted = with_rejects(entries);
    if wanted.is_empty() {
        return Ok(None);
    }
    let path = output::path(directory, output::REJECTS);
    let (part, there) = Part::reopen(&path, encoder, &wanted)?;
    let with = entries.iter().enumerate().filter(|(_, entry)| entry.rejects.is_some());
    if let Some((first_lost, _)) = with.clone().nth(there) {
        entries.truncate(first_lost);
    }
    Ok(Some(part))
}
