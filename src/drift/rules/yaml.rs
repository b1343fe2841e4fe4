//! Writes the little of YAML that rules need. Texts of others are always quoted: what a reader
//! of YAML would take for something else, or not take at all, is escaped.

use std::fmt::Write as _;

/// One rule of a group.
pub(super) struct Rule {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    /// Of characters that can be printed.
    pub(super) expression: String,
    /// How long it must hold.
    pub(super) hold: Option<String>,
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) annotations: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Record,
    Alert,
}

/// A file of one group.
pub(super) fn group(name: &str, interval: &str, rules: &[Rule]) -> String {
    let mut text = String::from("# Written by `onnxd profile rules`.\ngroups:\n");
    line(&mut text, 2, "- name", &quoted(name));
    line(&mut text, 4, "interval", interval);
    text.push_str("    rules:\n");
    for rule in rules {
        rule.write(&mut text);
    }
    text
}

impl Rule {
    fn write(&self, text: &mut String) {
        let kind = match self.kind {
            Kind::Record => "- record",
            Kind::Alert => "- alert",
        };
        line(text, 6, kind, self.name);
        text.push_str("        expr: |-\n");
        for part in self.expression.lines() {
            let _ = writeln!(text, "          {part}");
        }
        if let Some(hold) = &self.hold {
            line(text, 8, "for", hold);
        }
        map(text, "labels", &self.labels);
        map(text, "annotations", &self.annotations);
    }
}

fn map(text: &mut String, name: &str, entries: &[(&'static str, String)]) {
    if !entries.is_empty() {
        line(text, 8, name, "");
        for (key, value) in entries {
            line(text, 10, key, &quoted(value));
        }
    }
}

/// Writing into a string cannot fail.
pub(super) fn line(text: &mut String, indent: usize, key: &str, value: &str) {
    let space = if value.is_empty() { "" } else { " " };
    let _ = writeln!(text, "{:indent$}{key}:{space}{value}", "");
}

/// A text between double quotes, as YAML and `PromQL` both read it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if is_plain(c) => quoted.push(c),
            // Not \x, which is a byte to PromQL and no character. Writing into a string cannot fail.
            c => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether it may stand in YAML as it is, and breaks no line there.
pub(super) fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_it_or_breaks_its_line() {
        let text = "a\"b\\c: #{é}\n\r\t\0\u{7f}\u{85}\u{2028}\u{feff}😀";
        assert_eq!(
            quoted(text),
            "\"a\\\"b\\\\c: #{é}\\U0000000A\\U0000000D\\U00000009\\U00000000\\U0000007F\\U00000085\\U00002028\\U0000FEFF😀\""
        );
    }
}
