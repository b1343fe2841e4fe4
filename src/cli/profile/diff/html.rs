//! A comparison as one page: no script, nothing that is fetched from elsewhere. All that comes
//! from profiles and data is escaped, and the policy of the page forbids everything but its own
//! style, should that ever be forgotten.

mod bars;
mod style;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::numbers::{self, HEAD, QUALITY_HEAD, cells, is_word};
use crate::drift::{Compared, Diff, Side, State};
use style::STYLE;

/// Features beyond the first so many have a line in the table and no picture.
const PICTURES: usize = 200;

pub(super) fn page(diff: &Diff) -> String {
    let mut page = String::new();
    head(&mut page);
    let drifted = format!("{} of {} features have drifted", diff.drifted, diff.features.len());
    // Writing into a string cannot fail, here and below.
    let _ = writeln!(page, "<h1>{drifted}</h1>\n<dl>");
    for (what, Side { name, rows, .. }) in
        [("Reference", &diff.reference), ("Current", &diff.current)]
    {
        let name = escaped(&numbers::clean(name));
        let _ = writeln!(page, "<dt>{what}</dt><dd><bdi>{name}</bdi>, {rows} rows</dd>");
    }
    page.push_str("</dl>\n");
    features(&mut page, diff);
    quality(&mut page, diff);
    for note in numbers::notes(diff) {
        let _ = writeln!(page, "<p>{}</p>", escaped(&note));
    }
    pictures(&mut page, &diff.features);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn head(page: &mut String) {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>onnxd profile diff</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
}

fn features(page: &mut String, diff: &Diff) {
    let head = HEAD.map(str::to_owned);
    let rows = diff.features.iter().map(|feature| (state(feature), cells(feature).to_vec()));
    table(page, &head, rows, is_word);
}

fn state(feature: &Compared) -> &'static str {
    match feature.state {
        State::Drifted => "drifted",
        State::Stable => "stable",
        State::Insufficient => "insufficient",
    }
}

fn quality(page: &mut String, diff: &Diff) {
    let Some(quality) = &diff.quality else { return };
    let name = escaped(&numbers::clean(&quality.prediction));
    let _ = writeln!(page, "<h2><bdi>{name}</bdi> and what came true</h2>");
    let head: Vec<String> = std::iter::once("").chain(QUALITY_HEAD).map(str::to_owned).collect();
    let rows = numbers::qualities(diff).into_iter().map(|(side, figures)| {
        ("stable", std::iter::once(side.to_owned()).chain(figures).collect())
    });
    table(page, &head, rows, |column| column == 0);
}

/// Wide tables are moved sideways within the page. A row has the class of its state.
fn table(
    page: &mut String,
    head: &[String],
    rows: impl Iterator<Item = (&'static str, Vec<String>)>,
    is_word: impl Fn(usize) -> bool,
) {
    let cell = |tag: &str, column: usize, text: &str| {
        let class = if is_word(column) { "" } else { " class=\"n\"" };
        format!("<{tag}{class}><bdi>{}</bdi></{tag}>", escaped(text))
    };
    let line = |tag: &str, cells: &[String]| -> String {
        cells.iter().enumerate().map(|(column, text)| cell(tag, column, text)).collect()
    };
    page.push_str("<div class=\"wide\"><table>\n");
    let _ = writeln!(page, "<thead><tr>{}</tr></thead>\n<tbody>", line("th", head));
    for (class, cells) in rows {
        let _ = writeln!(page, "<tr class=\"{class}\">{}</tr>", line("td", &cells));
    }
    page.push_str("</tbody></table></div>\n");
}

fn pictures(page: &mut String, features: &[Compared]) {
    page.push_str("<p class=\"key\"><i class=\"r\"></i> reference <i class=\"c\"></i> current, shares of the values in each bin</p>\n<div class=\"grid\">\n");
    for feature in features.iter().take(PICTURES) {
        let name = escaped(&numbers::clean(&feature.name));
        let verdict = numbers::state(feature.state);
        let _ = writeln!(
            page,
            "<section class=\"{}\"><h2><bdi>{name}</bdi> <small>{verdict}</small></h2>{}</section>",
            state(feature),
            bars::svg(feature)
        );
    }
    page.push_str("</div>\n");
    if features.len() > PICTURES {
        let _ = writeln!(page, "<p>Pictures are those of the first {PICTURES} features.</p>");
    }
}

/// Text that is nothing but text, in elements and in attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_an_element_or_an_attribute() {
        assert_eq!(
            escaped("<script>\"'&</script>"),
            "&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;"
        );
    }
}
