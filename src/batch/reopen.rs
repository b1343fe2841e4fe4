//! The files of a job that broke off: what the journal says of them is believed as far as their
//! bytes bear it out.

use std::io;
use std::path::Path;

use super::journal::{Entry, Piece};
use super::output::{self, Part};
use crate::table::Encoder;

/// The output that grew last and the rejects, if they hold what the journal says; entries that
/// they do not bear out are taken away.
pub(super) fn reopen(
    directory: &Path,
    encoder: &Encoder,
    rejects_encoder: &Encoder,
    entries: &mut Vec<Entry>,
) -> io::Result<(Option<(usize, Part)>, Option<Part>)> {
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
            let path = output::path(directory, "rejects");
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
