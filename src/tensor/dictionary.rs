//! Texts of which many are the same.

use std::sync::OnceLock;

use super::{CompactString, Data, Memo, short_key};

/// Of so many texts, one may be a different one: what looks at each different text and then at where
/// they stand gains nothing otherwise.
const SHARE: usize = 8;

/// Short texts of which many are the same, as columns of codes have them: each different one once. They
/// become texts of their own where somebody asks for those.
#[derive(Debug, Clone)]
pub struct Dictionary {
    values: Vec<CompactString>,
    keys: Vec<u32>,
    typed: OnceLock<Data>,
}

impl Dictionary {
    /// `None` if too many of them are different, or one is long.
    #[must_use]
    pub fn new<'t>(texts: impl Iterator<Item = &'t str>) -> Option<Self> {
        let count = texts.size_hint().0;
        let (mut values, mut keys) = (Vec::new(), Vec::with_capacity(count));
        let mut known = Memo::default();
        for text in texts {
            let key = if let Some(key) = known.get(text) {
                *key
            } else {
                // Nothing would be remembered of a long one.
                short_key(text.as_bytes())?;
                if values.len() >= count / SHARE {
                    return None;
                }
                let key = u32::try_from(values.len()).ok()?;
                values.push(text.into());
                known.put(text, key);
                key
            };
            keys.push(key);
        }
        Some(Self { values, keys, typed: OnceLock::new() })
    }

    /// Each different text; some may come twice.
    #[must_use]
    pub fn values(&self) -> &[CompactString] {
        &self.values
    }

    /// For each text, its place among the values.
    #[must_use]
    pub fn keys(&self) -> &[u32] {
        &self.keys
    }

    pub fn texts(&self) -> impl Iterator<Item = &CompactString> {
        // All of them are there.
        self.keys.iter().filter_map(|key| self.values.get(*key as usize))
    }

    pub(super) fn typed(&self) -> &Data {
        self.typed.get_or_init(|| Data::Bytes(self.texts().cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_differ_or_are_long_have_no_dictionary() {
        let different: Vec<String> = (0..400).map(|at| at.to_string()).collect();
        assert!(Dictionary::new(different.iter().map(String::as_str)).is_none());
        assert!(Dictionary::new(["a text of many words"; 400].into_iter()).is_none());
        assert!(Dictionary::new(["UA"; 4].into_iter()).is_none(), "of so few, none gains anything");
    }

    proptest! {
        #[test]
        fn a_dictionary_holds_the_texts_that_it_was_made_of(
            texts in prop::collection::vec("[ab\u{0}é]{0,3}", 1..60),
        ) {
            let texts: Vec<&str> =
                texts.iter().cycle().take(texts.len() * 10).map(String::as_str).collect();
            let dictionary = Dictionary::new(texts.iter().copied()).unwrap();
            prop_assert_eq!(dictionary.keys().len(), texts.len());
            let Data::Bytes(typed) = dictionary.typed() else { panic!("they are texts") };
            prop_assert_eq!(typed, &texts);
            for (key, text) in dictionary.keys().iter().zip(&texts) {
                prop_assert_eq!(&dictionary.values()[*key as usize], text);
            }
        }
    }
}
