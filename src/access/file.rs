//! The file of keys, with every mistake that is in it.

use std::collections::HashSet;
use std::sync::Arc;

use toml::{Table, Value};

use super::bucket::{Bucket, Rate};
use super::keys::{Entry, List};
use super::make::PREFIX;
use super::role::{ROLES, Role, Roles};

/// All are compared with each request's key.
const MAX_KEYS: usize = 1000;

/// Reads the file of this name.
///
/// # Errors
/// Every mistake, with the name of the file.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<List, Vec<String>> {
    parse(bytes).map_err(|mistakes| {
        mistakes.into_iter().map(|mistake| format!("{name}: {mistake}")).collect()
    })
}

fn parse(bytes: &[u8]) -> Result<List, Vec<String>> {
    let one = |mistake: String| vec![mistake];
    let text = std::str::from_utf8(bytes).map_err(|_| one("it is not UTF-8".to_owned()))?;
    // Not what toml says: it quotes the line, and somebody may have put a key there.
    let mut table: Table = toml::from_str(text).map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        one(format!("{line}it is no TOML: {}", error.message()))
    })?;
    let entries = table.remove("key");
    let mut mistakes: Vec<String> =
        table.keys().map(|key| format!("unknown key '{}', expected [[key]]", shown(key))).collect();
    let entries = match entries {
        Some(Value::Array(entries)) if !entries.is_empty() => entries,
        Some(Value::Array(_)) | None => {
            mistakes.push("it holds no [[key]]".to_owned());
            return Err(mistakes);
        }
        Some(_) => {
            mistakes.push("'key' is no list of tables, expected [[key]]".to_owned());
            return Err(mistakes);
        }
    };
    if entries.len() > MAX_KEYS {
        mistakes.push(format!("it holds {} keys, {MAX_KEYS} are allowed", entries.len()));
        return Err(mistakes);
    }
    let (mut names, mut digests) = (HashSet::new(), HashSet::new());
    let mut list = Vec::with_capacity(entries.len());
    for (index, value) in entries.into_iter().enumerate() {
        let mut reader = Reader::new(index + 1, value, &mut mistakes);
        let Some(entry) = reader.entry() else { continue };
        if !names.insert(Arc::clone(&entry.name)) {
            reader.mistake("has a name that another one has");
        }
        if !digests.insert(entry.digest) {
            reader.mistake("has the sha256 of another one");
        }
        list.push(entry);
    }
    if mistakes.is_empty() { Ok(List(list)) } else { Err(mistakes) }
}

/// Whether a key may be called so: names are fields of logs, where no key shall be.
pub(super) fn is_name(text: &str) -> bool {
    const MAX_NAME: usize = 64;
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=MAX_NAME).contains(&text.len()) && text.chars().all(known) && !text.starts_with(PREFIX)
}

pub(super) const NAMES: &str =
    "expected up to 64 letters, digits, dots, dashes and underscores, not beginning as keys do";

/// Reads one entry.
struct Reader<'a> {
    place: String,
    table: Table,
    mistakes: &'a mut Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(number: usize, value: Value, mistakes: &'a mut Vec<String>) -> Self {
        let place = format!("key {number}");
        let table = if let Value::Table(table) = value {
            table
        } else {
            mistakes.push(format!("{place}: is no table"));
            Table::new()
        };
        Self { place, table, mistakes }
    }

    fn mistake(&mut self, what: &str) {
        self.mistakes.push(format!("{}: {what}", self.place));
    }

    /// The entry if it is one. Values are not repeated in messages, since somebody may have
    /// written a key in place of its digest.
    fn entry(&mut self) -> Option<Entry> {
        if self.table.is_empty() {
            self.mistake("holds nothing");
            return None;
        }
        let name = self.name();
        let digest = self.digest();
        let roles = self.roles();
        let rate = self.rate();
        let unknown: Vec<String> = self.table.keys().cloned().collect();
        for key in unknown {
            self.mistake(&format!(
                "unknown key '{}', expected name, sha256, roles, requests_per_second, burst",
                shown(&key)
            ));
        }
        let (name, digest, roles, rate) = (name?, digest?, roles?, rate.ok()?);
        let bucket = rate.map(|rate| Arc::new(Bucket::new(rate)));
        Some(Entry { name, digest, roles, rate, bucket })
    }

    fn name(&mut self) -> Option<Arc<str>> {
        match self.table.remove("name") {
            Some(Value::String(name)) if is_name(&name) => {
                self.place = format!("{} ({name})", self.place);
                return Some(name.into());
            }
            Some(_) => self.mistake(&format!("'name' is none, {NAMES}")),
            None => self.mistake("'name' is missing"),
        }
        None
    }

    fn digest(&mut self) -> Option<[u8; 32]> {
        match self.table.remove("sha256") {
            Some(Value::String(text)) => {
                let bytes = unhex(&text);
                if bytes.is_none() {
                    self.mistake("'sha256' is none, expected 64 hexadecimal digits");
                }
                return bytes;
            }
            Some(_) => self.mistake("'sha256' is no string"),
            None => self.mistake("'sha256' is missing"),
        }
        None
    }

    fn roles(&mut self) -> Option<Roles> {
        let list = match self.table.remove("roles") {
            Some(Value::Array(list)) if !list.is_empty() => list,
            Some(_) => {
                self.mistake("'roles' is no list with roles");
                return None;
            }
            None => {
                self.mistake("'roles' is missing");
                return None;
            }
        };
        let mut roles = Some(Roles::default());
        for value in list {
            if let Some(role) = value.as_str().and_then(Role::named) {
                roles = roles.map(|roles| roles.with(role));
            } else {
                roles = None;
                self.mistake(&format!("one of 'roles' is none, {ROLES}"));
            }
        }
        roles
    }

    /// An error after a mistake.
    fn rate(&mut self) -> Result<Option<Rate>, ()> {
        let (per_second, burst) =
            (self.table.remove("requests_per_second"), self.table.remove("burst"));
        let burst = burst.map(|burst| self.burst(&burst)).transpose();
        let per_second = match per_second {
            None if burst != Ok(None) => {
                self.mistake("'burst' needs 'requests_per_second'");
                return Err(());
            }
            None => return Ok(None),
            #[expect(clippy::cast_precision_loss, reason = "what is that large is refused")]
            Some(Value::Integer(number)) => number as f64,
            Some(Value::Float(number)) => number,
            Some(_) => f64::NAN,
        };
        if !(Rate::LEAST..=Rate::MOST).contains(&per_second) {
            self.mistake("'requests_per_second' is none, expected a number from 0.001 to 1000000");
            return Err(());
        }
        Ok(Some(Rate::new(per_second, burst?)))
    }

    fn burst(&mut self, value: &Value) -> Result<u32, ()> {
        let number = value.as_integer().and_then(|burst| u32::try_from(burst).ok());
        number.filter(|burst| (1..=Rate::MAX_BURST).contains(burst)).ok_or_else(|| {
            self.mistake("'burst' is none, expected a whole number from 1 to 1000000");
        })
    }
}

/// A key of TOML, unless it is one of ours in the wrong place.
fn shown(key: &str) -> &str {
    if key.starts_with(PREFIX) { "…" } else { key }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let byte = |place: usize| (digits[2 * place] << 4 | digits[2 * place + 1]).to_le_bytes()[0];
    Some(std::array::from_fn(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::access::Role;
    use crate::digest::{hex, sha256};

    fn mistakes(text: &str) -> Vec<String> {
        parse(text.as_bytes()).unwrap_err()
    }

    fn entry(name: &str, rest: &str) -> String {
        let digest = sha256(name);
        format!(
            "[[key]]\nname = \"{name}\"\nsha256 = \"{digest}\"\nroles = [\"predict\"]\n{rest}\n"
        )
    }

    #[test]
    fn a_file_says_who_may_do_what_and_how_often() {
        let text = entry("a", "") + &entry("b", "requests_per_second = 2.5\nburst = 9");
        let List(list) = parse(text.as_bytes()).unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(hex(&list[0].digest), sha256("a"));
        assert!(list[0].roles.contains(Role::Predict) && !list[0].roles.contains(Role::Operate));
        assert_eq!(list[0].rate, None);
        assert_eq!(list[1].rate, Some(Rate { per_second: 2.5, burst: 9 }));
    }

    #[test]
    fn all_mistakes_are_listed_at_once() {
        let text = entry("a", "")
            + &entry("a", "role = 1")
            + "[[key]]\nname = \"b c\"\nsha256 = \"12\"\nroles = [\"predict\", \"all\"]\n"
            + "[[key]]\nname = \"d\"\nroles = []\nburst = 2\n[[key]]\n"
            + &entry("e", "requests_per_second = 0")
            + &entry("f", "requests_per_second = nan\nburst = 0")
            + "[other]\n";
        assert_eq!(
            mistakes(&text),
            [
                "unknown key 'other', expected [[key]]",
                "key 2 (a): unknown key 'role', expected name, sha256, roles, \
                 requests_per_second, burst",
                "key 2 (a): has a name that another one has",
                "key 2 (a): has the sha256 of another one",
                "key 3: 'name' is none, expected up to 64 letters, digits, dots, dashes and \
                 underscores, not beginning as keys do",
                "key 3: 'sha256' is none, expected 64 hexadecimal digits",
                "key 3: one of 'roles' is none, expected predict, operate or metrics",
                "key 4 (d): 'sha256' is missing",
                "key 4 (d): 'roles' is no list with roles",
                "key 4 (d): 'burst' needs 'requests_per_second'",
                "key 5: holds nothing",
                "key 6 (e): 'requests_per_second' is none, expected a number from 0.001 to \
                 1000000",
                "key 7 (f): 'burst' is none, expected a whole number from 1 to 1000000",
                "key 7 (f): 'requests_per_second' is none, expected a number from 0.001 to \
                 1000000",
            ]
        );
    }

    #[test]
    fn a_file_without_keys_is_a_mistake() {
        for text in ["", "key = []", "# [[key]]\n"] {
            assert_eq!(mistakes(text), ["it holds no [[key]]"]);
        }
        assert_eq!(mistakes("key = 1"), ["'key' is no list of tables, expected [[key]]"]);
        assert_eq!(parse(b"\xff").unwrap_err(), ["it is not UTF-8"]);
    }

    #[test]
    fn what_is_written_in_the_wrong_place_is_not_repeated() {
        let secret = "onnxd_c2VjcmV0";
        for text in [
            format!("[[key]]\nname = \"a\"\nsha256 = \"{secret}\"\nroles = [\"predict\"]\n"),
            format!("[[key]]\nname = \"{secret}!\"\n"),
            format!("[[key]]\nname = \"{secret}\"\n"),
            format!("[[key]]\nroles = [\"{secret}\"]\n"),
            format!("[[key]]\nname = {secret}\n"),
            format!("{secret}\n"),
            format!("{secret} = 1\n"),
            format!("[[key]]\n{secret} = 1\n"),
        ] {
            let mistakes = mistakes(&text).join("\n");
            assert!(!mistakes.contains(secret), "{mistakes}");
        }
        assert!(mistakes("\n[[key]]\nname = x\n")[0].starts_with("line 3: it is no TOML"));
    }

    #[test]
    fn there_is_a_limit_to_keys() {
        let text: String = (0..=MAX_KEYS).map(|number| entry(&number.to_string(), "")).collect();
        assert_eq!(mistakes(&text), ["it holds 1001 keys, 1000 are allowed"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn digests_are_read_as_they_are_written(digest: [u8; 32]) {
            prop_assert_eq!(unhex(&hex(&digest)), Some(digest));
            prop_assert_eq!(unhex(&hex(&digest).to_uppercase()), Some(digest));
            prop_assert_eq!(unhex(&hex(&digest)[1..]), None);
        }
    }
}
