//! Both distributions of a feature on the same bins, two bars a bin, as SVG.

use std::fmt::Write as _;

use super::super::numbers::{label, percent};
use super::escaped;
use crate::drift::{Bin, Compared};
use crate::stats::float;

/// Units of the picture, which is as wide as there is room.
const WIDTH: f64 = 360.0;
const LABELS: f64 = 120.0;
const SHARES: f64 = 104.0;
const BIN: f64 = 24.0;
const BAR: f64 = 9.0;

/// Characters of a label that have room.
const SHOWN: usize = 18;

pub(super) fn svg(feature: &Compared) -> String {
    let bins: Vec<&Bin> =
        feature.bins.iter().filter(|bin| bin.reference + bin.current > 0).collect();
    let shares = |bin: &Bin| {
        let share = |part: u64, of: u64| float(part) / float(of.max(1));
        [share(bin.reference, feature.reference.values), share(bin.current, feature.current.values)]
    };
    let most = bins.iter().flat_map(|bin| shares(bin)).fold(f64::MIN_POSITIVE, f64::max);
    let height = BIN * float(bins.len() as u64);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">");
    for (place, bin) in (0u64..).zip(bins) {
        row(&mut svg, float(place) * BIN, bin, shares(bin), most);
    }
    svg.push_str("</svg>");
    svg
}

fn row(svg: &mut String, top: f64, bin: &Bin, shares: [f64; 2], most: f64) {
    let text = label(bin);
    let [reference, current] = shares.map(percent);
    let length = |share: f64| share / most * (WIDTH - LABELS - SHARES);
    let middle = top + BIN / 2.0 + 3.0;
    // Writing into a string cannot fail.
    let _ = write!(
        svg,
        "<g><title>{}: {reference}, {current}</title><text x=\"0\" y=\"{middle}\">{}</text>",
        escaped(&text),
        escaped(&shortened(&text))
    );
    for ((class, share), at) in ["r", "c"].into_iter().zip(shares).zip([2.0, 2.0 + BAR]) {
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{LABELS}\" y=\"{}\" width=\"{:.1}\" height=\"{BAR}\"/>",
            top + at,
            length(share)
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{WIDTH}\" y=\"{middle}\" class=\"e\">{reference}, {current}</text></g>"
    );
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_cut_between_characters() {
        assert_eq!(shortened("eighteen letters !"), "eighteen letters !");
        assert_eq!(shortened("ééééééééééééééééééé"), "ééééééééééééééééé…");
    }
}
