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
    for entry in entries {
        if let Some(rows) = rows.get_mut(entry.output) {
            *rows.get_or_insert(0) += entry.written;
        }
    }
    rows
}

/// An output with its number, and the rejects.
type Parts = (Option<(usize, Part)>, Option<Part>);

/// The output that grew last and the rejects, if they hold what the journal says; entries that
/// they do not bear out are taken away, and those behind the last one that has totals. Every
/// output is read: whether it was on the disk is known of none of them.
pub(super) fn reopen(
    directory: &Path,
    encoder: &Encoder,
    rejects_encoder: &Encoder,
    entries: &mut Vec<Entry>,
) -> io::Result<Parts> {
    loop {
        let last = entries.iter().rposition(|entry| entry.totals.is_some());
        entries.truncate(last.map_or(0, |last| last + 1));
        let (rejects, with_rejects) = rejects(directory, rejects_encoder, entries)?;
        let (current, with_outputs) = outputs(directory, encoder, entries)?;
        let there = with_rejects.min(with_outputs);
        if there == entries.len() {
            return Ok((current, rejects));
        }
        entries.truncate(there);
    }
}

/// The output that grew last, and how many entries have what they say in an output.
fn outputs(
    directory: &Path,
    encoder: &Encoder,
    entries: &[Entry],
) -> io::Result<(Option<(usize, Part)>, usize)> {
    let mut first = 0;
    while let Some(output) = entries.get(first).map(|entry| entry.output) {
        let of_output = entries[first..].iter().take_while(|entry| entry.output == output);
        let segments: Vec<Piece> = of_output.map(|entry| entry.segment.clone()).collect();
        let (part, there) = Part::reopen(&output::path(directory, output), encoder, &segments)?;
        first += there;
        if there < segments.len() {
            break;
        }
        if first == entries.len() {
            return Ok((Some((output, part)), first));
        }
        // Whole: what comes next is of another one.
        part.finish(encoder)?;
    }
    Ok((None, first))
}

/// The rejects, and how many entries have what they say there.
fn rejects(
    directory: &Path,
    encoder: &Encoder,
    entries: &[Entry],
) -> io::Result<(Option<Part>, usize)> {
    let with: Vec<(usize, &Piece)> = entries
        .iter()
        .enumerate()
        .filter_map(|(at, entry)| Some((at, entry.rejects.as_ref()?)))
        .collect();
    if with.is_empty() {
        return Ok((None, entries.len()));
    }
    let wanted: Vec<Piece> = with.iter().map(|(_, piece)| (*piece).clone()).collect();
    let path = output::path(directory, output::REJECTS);
    let (part, there) = Part::reopen(&path, encoder, &wanted)?;
    Ok((Some(part), with.get(there).map_or(entries.len(), |(at, _)| *at)))
}
