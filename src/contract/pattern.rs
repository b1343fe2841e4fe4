//! A regular expression that whole texts must match. Codes such as `[A-Z]{3}` are looked up byte by
//! byte: the general machine takes ten times as long, and threads share what it remembers.

use regex::Regex;
use regex_syntax::Parser;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Longer ones are left to the general machine.
const MOST_PLACES: usize = 64;

#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// As its owner wrote it.
    pub(super) written: String,
    regex: Regex,
    /// If it is a row of single characters.
    code: Option<Box<[Place]>>,
}

/// The ASCII characters that one place may have, a bit each.
type Place = [u64; 2];

impl Pattern {
    /// # Errors
    /// It is no regular expression.
    pub(super) fn new(written: &str) -> Result<Self, regex::Error> {
        // Alone first: what closes a bracket of ours would not be anchored.
        Regex::new(written)?;
        let regex = Regex::new(&format!("^(?:{written})$"))?;
        let code = Parser::new().parse(written).ok().and_then(|hir| code(&hir));
        Ok(Self { written: written.to_owned(), regex, code })
    }

    /// Whether the whole text matches.
    #[inline]
    pub(super) fn matches(&self, text: &str) -> bool {
        // Characters beyond ASCII have several bytes.
        match &self.code {
            Some(places) if text.is_ascii() => {
                let fits = |(byte, place): (&u8, &Place)| {
                    place[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
                };
                text.len() == places.len() && text.as_bytes().iter().zip(places).all(fits)
            }
            _ => self.regex.is_match(text),
        }
    }
}

fn code(hir: &Hir) -> Option<Box<[Place]>> {
    let mut places = Vec::new();
    add(hir, &mut places)?;
    Some(places.into())
}

/// Adds the places of an expression; `None` if it is more than a row of characters.
fn add(hir: &Hir, places: &mut Vec<Place>) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => {
            for byte in literal.0.iter().copied() {
                let mut place = [0; 2];
                set(&mut place, byte, byte).then(|| places.push(place))?;
            }
        }
        HirKind::Class(class) => places.push(ascii(class)),
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| add(part, places))?,
        HirKind::Capture(capture) => add(&capture.sub, places)?,
        HirKind::Repetition(repetition) => {
            let times = (repetition.max == Some(repetition.min)).then_some(repetition.min)?;
            for _ in 0..times {
                add(&repetition.sub, places)?;
                (places.len() <= MOST_PLACES).then_some(())?;
            }
        }
        HirKind::Look(_) | HirKind::Alternation(_) => return None,
    }
    (places.len() <= MOST_PLACES).then_some(())
}

/// What of a class is ASCII: only texts that are get here.
fn ascii(class: &Class) -> Place {
    let mut place = [0; 2];
    match class {
        Class::Unicode(class) => {
            for range in class.ranges() {
                let first = u32::from(range.start()).min(0x80);
                let last = u32::from(range.end()).min(0x7f);
                if first <= last {
                    set(&mut place, byte(first), byte(last));
                }
            }
        }
        Class::Bytes(class) => {
            for range in class.ranges().iter().filter(|range| range.start() < 0x80) {
                set(&mut place, range.start(), range.end().min(0x7f));
            }
        }
    }
    place
}

fn byte(character: u32) -> u8 {
    u8::try_from(character).unwrap_or(0x7f)
}

/// Adds characters to a place, if they are ASCII.
fn set(place: &mut Place, first: u8, last: u8) -> bool {
    for byte in first..=last.min(0x7f) {
        place[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    last < 0x80
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_are_found_and_everything_else_is_left_to_the_general_machine() {
        for code in ["[A-Z]{3}", "[A-Z0-9]{2}", r"\d{4}-\d{2}", "UA", "(a)(b|c)", "[^,]x", ""] {
            assert!(Pattern::new(code).unwrap().code.is_some(), "{code}");
        }
        for other in ["[A-Z]+", "a|bc", "^a$", "é", r"\ba", "a{65}", "a?"] {
            assert!(Pattern::new(other).unwrap().code.is_none(), "{other}");
        }
        assert!(Pattern::new("a)(b").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_code_matches_what_the_general_machine_matches(
            pattern in prop::sample::select(vec![
                "[A-Z]{3}", "[A-Z0-9]{2}", r"\d{2}-\d", r"\w\s.", "[^a-c]x", "(?i)ab", "[é-ü]b", "..", "",
            ]),
            text in "[A-Za-c0-9é٣ \n.x-]{0,4}",
        ) {
            let pattern = Pattern::new(pattern).unwrap();
            prop_assert_eq!(pattern.matches(&text), pattern.regex.is_match(&text));
        }
    }
}
