//! A comparison as lines of text.

use std::fmt::Write as _;

use super::numbers::{self, HEAD, QUALITY_HEAD, cells, is_word};
use crate::drift::{Diff, Side};

pub(super) fn text(diff: &Diff) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    for (what, Side { name, rows, .. }) in
        [("reference", &diff.reference), ("current", &diff.current)]
    {
        let _ = writeln!(text, "{what:<9}  {}, {rows} rows", numbers::clean(name));
    }
    text.push('\n');
    let head = HEAD.map(str::to_owned);
    let lines: Vec<Vec<String>> = std::iter::once(head.to_vec())
        .chain(diff.features.iter().map(|feature| cells(feature).to_vec()))
        .collect();
    align(&mut text, &lines, is_word);
    let _ = writeln!(text, "\n{} of {} features have drifted.", diff.drifted, diff.features.len());
    quality(&mut text, diff);
    for note in numbers::notes(diff) {
        let _ = writeln!(text, "{note}");
    }
    text
}

fn quality(text: &mut String, diff: &Diff) {
    let Some(quality) = &diff.quality else { return };
    let _ = writeln!(text, "\n{}:", numbers::clean(&quality.prediction));
    let head = std::iter::once("").chain(QUALITY_HEAD).map(str::to_owned).collect();
    let lines = numbers::qualities(diff)
        .into_iter()
        .map(|(side, figures)| std::iter::once(side.to_owned()).chain(figures).collect());
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(lines).collect();
    align(text, &lines, |column| column == 0);
    text.push('\n');
}

/// Words begin and numbers end below each other.
fn align(text: &mut String, lines: &[Vec<String>], is_word: impl Fn(usize) -> bool) {
    let columns = lines.first().map_or(0, Vec::len);
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for line in lines {
        let mut written = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            let _ = if is_word(column) {
                write!(written, "{gap}{cell:<width$}")
            } else {
                write!(written, "{gap}{cell:>width$}")
            };
        }
        let _ = writeln!(text, "{}", written.trim_end());
    }
}
