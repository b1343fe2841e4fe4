//! `SHA256SUMS`: lines of a digest and a name, as `sha256sum` writes them.

use std::collections::{BTreeMap, BTreeSet};

pub(super) const FILE: &str = "SHA256SUMS";

/// Files that say something about a model without being a part of it. All others beside a
/// listing must be in it: weights in a file that is not listed would be unchecked.
const DESCRIBING: [&str; 10] =
    ["json", "toml", "md", "txt", "csv", "ndjson", "parquet", "arrow", "pbtxt", "minisig"];

/// Digests by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sums(BTreeMap<String, String>);

/// Whether a listing must name this file.
pub(super) fn must_be_named(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    name != FILE && !extension.is_some_and(|known| DESCRIBING.contains(&known))
}

impl Sums {
    /// # Errors
    /// The line that is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut sums = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || format!("{FILE} line {}: expected a digest and a name", index + 1);
            let (digest, name) = line.split_once(' ').ok_or_else(wrong)?;
            // A star marks what was read as binary.
            let name = name.strip_prefix([' ', '*']).unwrap_or(name);
            let name = name.strip_prefix("./").unwrap_or(name);
            let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
            let escapes =
                name.split('/').any(|part| matches!(part, "" | "." | "..")) || name.contains('\0');
            if !is_digest || escapes {
                return Err(wrong());
            }
            if sums.insert(name.to_owned(), digest.to_ascii_lowercase()).is_some() {
                return Err(format!("{FILE} line {}: {name} is there twice", index + 1));
            }
        }
        Ok(Self(sums))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub(super) fn into_entries(self) -> BTreeMap<String, String> {
        self.0
    }

    /// Only what it says about these names.
    pub(super) fn only(mut self, names: &BTreeSet<String>) -> Self {
        self.0.retain(|name, _| names.contains(name));
        self
    }

    /// Compares with what the files have.
    ///
    /// # Errors
    /// The first file that differs, is missing, or should be named.
    pub(super) fn check(
        &self,
        found: &BTreeMap<String, String>,
        names: &BTreeSet<String>,
    ) -> Result<(), String> {
        for (name, said) in &self.0 {
            match found.get(name) {
                None => return Err(format!("{FILE} names {name}, which is not there")),
                Some(has) if has != said => {
                    return Err(format!("{FILE} says {said} for {name}, the file has {has}"));
                }
                Some(_) => {}
            }
        }
        let unnamed = names.iter().find(|name| must_be_named(name) && !self.0.contains_key(*name));
        unnamed.map_or(Ok(()), |name| Err(format!("{FILE} does not name {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(of: char) -> String {
        of.to_string().repeat(64)
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_sha256sum_writes_is_read() {
        let text = format!("{}  model.onnx\n{} *a/b.bin\n\n", digest('a'), digest('B'));
        let sums = Sums::parse(&text).unwrap().into_entries();
        assert_eq!(sums["model.onnx"], digest('a'));
        assert_eq!(sums["a/b.bin"], digest('b'));
    }

    #[test]
    fn names_that_lead_elsewhere_and_digests_that_are_none_are_refused() {
        for name in ["../x", "/etc/passwd", "a//b", "a/.."] {
            assert!(Sums::parse(&format!("{}  {name}", digest('a'))).is_err(), "{name}");
        }
        assert_eq!(
            Sums::parse("abc  model.onnx").unwrap_err(),
            "SHA256SUMS line 1: expected a digest and a name"
        );
    }

    #[test]
    fn a_listing_must_name_the_weights_and_match_every_file() {
        let sums = Sums::parse(&format!("{}  model.onnx", digest('a'))).unwrap();
        let found = BTreeMap::from([("model.onnx".to_owned(), digest('a'))]);
        let names = set(&["model.onnx", "golden.json", FILE]);
        assert_eq!(sums.check(&found, &names), Ok(()));
        let data = ["csv", "ndjson", "parquet", "arrow"].map(|format| format!("data.{format}"));
        let data: BTreeSet<String> = names.into_iter().chain(data).collect();
        assert_eq!(sums.check(&found, &data), Ok(()), "evaluation data is no part of the model");
        let names = set(&["model.onnx", "weights.bin"]);
        let error = sums.check(&found, &names).unwrap_err();
        assert_eq!(error, "SHA256SUMS does not name weights.bin");
        let other = BTreeMap::from([("model.onnx".to_owned(), digest('c'))]);
        let error = sums.check(&other, &names).unwrap_err();
        assert!(error.starts_with("SHA256SUMS says aaaa") && error.ends_with("cccc"), "{error}");
        let error = sums.check(&BTreeMap::new(), &names).unwrap_err();
        assert_eq!(error, "SHA256SUMS names model.onnx, which is not there");
    }
}
