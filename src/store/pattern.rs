//! Patterns of names: `*`, `?`, `[a-z]` within a part, `**` for any parts, as a shell has them.

use glob::MatchOptions;

/// Names below a place that has none of it.
#[derive(Debug)]
pub(super) struct Pattern {
    /// What comes before the first part with a wildcard, with the `/` behind it.
    pub(super) fixed: String,
    pub(super) parts: Vec<Part>,
}

/// Pattern of one part of a path.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Any number of directories. Another part follows.
    Deep,
    Name(glob::Pattern),
}

const WILDCARDS: [char; 3] = ['*', '?', '['];

/// Hidden names must be named.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

pub(super) fn has_wildcards(text: &str) -> bool {
    text.contains(WILDCARDS)
}

pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

impl Pattern {
    /// `None` if the text is the name of one file.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub(super) fn of(text: &str) -> Result<Option<Self>, String> {
        let Some(first) = text.find(WILDCARDS) else {
            return if text.ends_with('/') { Self::below(text).map(Some) } else { Ok(None) };
        };
        let fixed = text[..first].rfind('/').map_or("", |slash| &text[..=slash]);
        let mut parts: Vec<&str> = text[fixed.len()..].split('/').collect();
        if parts.last() == Some(&"") {
            parts.pop();
            parts.push("**");
        }
        let mut pattern = Self { fixed: fixed.to_owned(), parts: Vec::new() };
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            pattern.push(part)?;
        }
        if matches!(pattern.parts.last(), Some(Part::Deep)) {
            pattern.push("*")?;
        }
        Ok(Some(pattern))
    }

    /// Everything below a directory.
    pub(super) fn below(directory: &str) -> Result<Self, String> {
        let mut pattern = Self { fixed: directory.to_owned(), parts: vec![Part::Deep] };
        pattern.push("*")?;
        Ok(pattern)
    }

    fn push(&mut self, part: &str) -> Result<(), String> {
        match part {
            "**" if matches!(self.parts.last(), Some(Part::Deep)) => {}
            "**" => self.parts.push(Part::Deep),
            "." | ".." => return Err(format!("'{part}' stands behind a wildcard")),
            part => {
                let reason = |error: glob::PatternError| {
                    format!(
                        "the pattern '{part}' is wrong at character {}: {}",
                        error.pos, error.msg
                    )
                };
                self.parts.push(Part::Name(glob::Pattern::new(part).map_err(reason)?));
            }
        }
        Ok(())
    }

    /// Whether a path below the fixed part fits.
    pub(super) fn matches(&self, relative: &str) -> bool {
        let names: Vec<&str> = relative.split('/').collect();
        fits(&self.parts, &names)
    }
}

pub(super) fn name_fits(pattern: &glob::Pattern, name: &str) -> bool {
    pattern.matches_with(name, OPTIONS)
}

fn fits(parts: &[Part], names: &[&str]) -> bool {
    match (parts, names) {
        ([], []) => true,
        ([Part::Name(pattern), parts @ ..], [name, names @ ..]) => {
            name_fits(pattern, name) && fits(parts, names)
        }
        ([Part::Deep, rest @ ..], _) => {
            let skipped = names.split_first().filter(|(name, _)| !is_hidden(name));
            fits(rest, names) || skipped.is_some_and(|(_, names)| fits(parts, names))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, path: &str) -> bool {
        let pattern = Pattern::of(pattern).unwrap().unwrap();
        path.strip_prefix(&pattern.fixed).is_some_and(|relative| pattern.matches(relative))
    }

    #[test]
    fn wildcards_stay_within_a_part_and_two_asterisks_do_not() {
        assert!(matched("data/2013-*/x.csv", "data/2013-01/x.csv"));
        assert!(!matched("data/*.csv", "data/a/x.csv"));
        for path in ["data/x.csv", "data/a/x.csv", "data/a/b/x.csv"] {
            assert!(matched("data/**/x.csv", path) && matched("data/**", path), "{path}");
            assert!(matched("data/", path) && matched("**/x.csv", path), "{path}");
        }
        assert!(matched("a/**/b/**/c?", "a/x/b/y/z/c1") && !matched("a/**/b/**/c?", "a/x/y/c1"));
    }

    #[test]
    fn brackets_quote_what_would_be_a_wildcard() {
        assert!(matched("d/a[[]1].csv", "d/a[1].csv") && !matched("d/a[[]1].csv", "d/a1.csv"));
        assert!(matched("d/[*].csv", "d/*.csv") && !matched("d/[*].csv", "d/a.csv"));
    }

    #[test]
    fn hidden_names_must_be_named() {
        for (pattern, path) in [("*", ".x"), ("**", "a/.x"), ("**/x", ".a/x"), ("?x", ".x")] {
            assert!(!matched(pattern, path), "{pattern} {path}");
        }
        assert!(matched(".*", ".x") && matched("a/.h/*", "a/.h/x") && matched("**/.x", "a/.x"));
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        assert!(Pattern::of("a/b.csv").unwrap().is_none());
        let refused = |text| Pattern::of(text).unwrap_err();
        assert_eq!(refused("a/*/../b"), "'..' stands behind a wildcard");
        assert!(refused("a/x[1.csv").starts_with("the pattern 'x[1.csv' is wrong at character 1"));
        assert!(refused("a/b**").starts_with("the pattern 'b**' is wrong"));
    }
}
