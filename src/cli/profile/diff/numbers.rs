//! How the figures of a comparison are written for people; what is text in it comes from others.

use crate::drift::{Bin, Compared, Diff, Holds, Limit, NotCompared, Quality, State};
use crate::features::Role;

/// What the columns of the table are called.
pub(super) const HEAD: [&str; 14] = [
    "feature",
    "role",
    "PSI",
    "expected",
    "critical",
    "JS",
    "W1/sigma",
    "usual",
    "KS",
    "missing ref",
    "missing cur",
    "n ref",
    "n cur",
    "verdict",
];

/// Columns that are words; the others are numbers.
pub(super) fn is_word(column: usize) -> bool {
    column < 2 || column + 1 == HEAD.len()
}

pub(super) fn cells(feature: &Compared) -> [String; HEAD.len()] {
    let scores = feature.scores.as_ref();
    let of = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), number_text);
    let about = if feature.approximate { "~" } else { "" };
    [
        clean(&feature.name),
        role(feature.role).to_owned(),
        format!("{about}{}", of(scores.map(|of| of.psi))),
        of(scores.map(|of| of.psi_expected)),
        of(scores.map(|of| of.psi_critical)),
        of(scores.map(|of| of.jensen_shannon)),
        of(scores.and_then(|of| of.wasserstein)),
        usual(feature.usual),
        of(scores.and_then(|of| of.kolmogorov_smirnov)),
        percent(feature.reference.missing),
        percent(feature.current.missing),
        feature.reference.values.to_string(),
        feature.current.values.to_string(),
        state(feature.state).to_owned(),
    ]
}

/// The limit that the reference sets, beside the distance it is for.
fn usual(limit: Option<Limit>) -> String {
    match limit {
        None => "-".to_owned(),
        Some(Limit::Wasserstein(limit)) => format!("W1 {}", number_text(limit)),
        Some(Limit::Psi(limit)) => format!("PSI {}", number_text(limit)),
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Input => "input",
        Role::Prediction => "prediction",
    }
}

pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Drifted => "drifted",
        State::Stable => "stable",
        State::Insufficient => "too few values",
    }
}

/// Four digits behind the point for what is small, since expected values are.
fn number_text(number: f64) -> String {
    let digits = if number.abs() < 1.0 { 4 } else { 2 };
    format!("{number:.digits$}")
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Which values a bin has.
pub(super) fn label(bin: &Bin) -> String {
    match &bin.holds {
        Holds::Interval([None, None]) => "all numbers".to_owned(),
        Holds::Interval([None, Some(up_to)]) => format!("up to {}", short(*up_to)),
        Holds::Interval([Some(above), None]) => format!("above {}", short(*above)),
        Holds::Interval([Some(above), Some(up_to)]) => {
            format!("{} to {}", short(*above), short(*up_to))
        }
        Holds::Number(number) => short(*number),
        Holds::Text(text) => clean(text),
        Holds::Special(what) => what.clone(),
    }
}

/// At most six digits that say something.
fn short(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) {
        return format!("{number:.3e}");
    }
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What there is to say besides the features, a paragraph each.
pub(super) fn notes(diff: &Diff) -> Vec<String> {
    let mut notes = Vec::new();
    if diff.other_model() == Some(true) {
        notes.push("The two are of different model files: predictions may differ for it.".into());
    }
    if diff.features.iter().any(|feature| feature.approximate) {
        notes.push(
            "~ found with the quantiles of a profile whose bins differ: each edge is right within \
             1/128 of the rows."
                .to_owned(),
        );
    }
    let mut list = |what: &str, names: &[String]| {
        notes.extend(some(names).map(|names| format!("{what}: {names}")));
    };
    list("Only in the reference", &diff.only_in_reference);
    list("Only in the current data", &diff.only_in_current);
    let others: Vec<String> = diff.not_compared.iter().map(not_compared).collect();
    list("Not compared", &others);
    notes
}

pub(super) fn not_compared(of: &NotCompared) -> String {
    format!("{} ({})", clean(&of.name), clean(&of.reason))
}

/// These names, if there are any; a list of thousands helps nobody.
pub(super) fn some(names: &[String]) -> Option<String> {
    const SHOWN: usize = 50;
    if names.is_empty() {
        return None;
    }
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| clean(name)).collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(shown.join(", ") + &more)
}

/// How good the scores are, a line a side: which it is, and its figures.
pub(super) fn qualities(diff: &Diff) -> Vec<(&'static str, Vec<String>)> {
    let Some(quality) = &diff.quality else { return Vec::new() };
    let sides = [
        ("reference", quality.reference),
        ("current, expected", quality.expected),
        ("current, known", quality.current),
    ];
    let lines = sides.into_iter().filter_map(|(side, of)| Some((side, figures(&of?))));
    lines.collect()
}

pub(super) const QUALITY_HEAD: [&str; 7] =
    ["rows", "positive", "accuracy", "precision", "recall", "AUC", "calibration error"];

fn figures(quality: &Quality) -> Vec<String> {
    let of = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |it| format!("{it:.3}"));
    let figures = &quality.figures;
    vec![
        quality.rows.to_string(),
        percent(quality.positive_rate),
        of(figures.accuracy),
        of(figures.precision),
        of(figures.recall),
        of(figures.auc),
        of(figures.calibration_error),
    ]
}

/// Without characters that steer a terminal or turn the direction of what follows.
pub(super) fn clean(text: &str) -> String {
    let steers = |character: char| {
        character.is_control()
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown = |character| if steers(character) { '\u{fffd}' } else { character };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_not_passed_on() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}d é"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d é");
    }

    #[test]
    fn edges_are_short_and_keep_what_they_say() {
        assert_eq!([0.0, 39.0, 0.1, 12.658_58].map(short), ["0", "39", "0.1", "12.6586"]);
        assert_eq!([1e-9, 123_456_789.0].map(short), ["1.000e-9", "1.235e8"]);
        let bin = |holds| label(&Bin { holds, reference: 0, current: 0 });
        assert_eq!(bin(Holds::Interval([None, Some(1.0)])), "up to 1");
        assert_eq!(bin(Holds::Interval([Some(1.0), Some(2.5)])), "1 to 2.5");
        assert_eq!(bin(Holds::Interval([Some(2.5), None])), "above 2.5");
    }
}
