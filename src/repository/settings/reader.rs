//! Reads a TOML document table by table and collects what is wrong with it.
//!
//! An owner who mends one mistake should not be told of the next one only afterwards, so
//! nothing here stops at the first.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::values;

/// A table and its name in messages; the document itself has none.
pub(super) struct Table<'a, 't> {
    path: String,
    entries: &'a DeTable<'t>,
}

/// A value with the place where it stands.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) at: Range<usize>,
}

/// The text, and the mistakes found in it so far.
pub(super) struct Reader<'t> {
    text: &'t str,
    mistakes: Vec<(usize, String)>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, mistakes: Vec::new() }
    }

    /// The document, if it is TOML. Where it is not, keys are not looked at: what the parser
    /// makes of the rest would be guesses.
    pub(super) fn document(&mut self) -> Option<Spanned<DeTable<'t>>> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        let mut last_line = None;
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            let line = self.line(at);
            // One slip often makes the parser stumble again on the same line.
            if last_line.replace(line) != Some(line) {
                self.mistakes.push((line, error.message().to_owned()));
            }
        }
        errors.is_empty().then_some(document)
    }

    /// Every mistake, in the order of the lines.
    pub(super) fn finish(mut self) -> Result<(), String> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        self.mistakes.sort_by_key(|(line, _)| *line);
        let texts: Vec<String> =
            self.mistakes.into_iter().map(|(line, text)| format!("line {line}: {text}")).collect();
        Err(texts.join("; "))
    }

    pub(super) fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().iter().take(at);
        1 + before.filter(|&&byte| byte == b'\n').count()
    }

    pub(super) fn mistake(&mut self, at: &Range<usize>, message: String) {
        let line = self.line(at.start);
        self.mistakes.push((line, message));
    }

    /// The document's own table.
    pub(super) fn root<'a, 'd>(
        &mut self,
        document: &'a Spanned<DeTable<'d>>,
        keys: &[&str],
    ) -> Table<'a, 'd> {
        let table = Table { path: String::new(), entries: document.get_ref() };
        self.refuse_unknown(&table, keys);
        table
    }

    /// The table of this key, which may have these keys.
    pub(super) fn table<'a, 'd>(
        &mut self,
        parent: &Table<'a, 'd>,
        key: &str,
        keys: &[&str],
    ) -> Option<Table<'a, 'd>> {
        let table = self.open_table(parent, key)?;
        self.refuse_unknown(&table, keys);
        Some(table)
    }

    /// The tables of a list, each of which may have these keys, with their places.
    pub(super) fn tables<'a, 'd>(
        &mut self,
        parent: &Table<'a, 'd>,
        key: &str,
        keys: &[&str],
    ) -> Vec<(Range<usize>, Table<'a, 'd>)> {
        let Some(value) = parent.entries.get(key) else { return Vec::new() };
        let path = parent.path_of(key);
        let DeValue::Array(items) = value.get_ref() else {
            let came = values::describe(value.get_ref());
            self.mistake(&value.span(), format!("{path}: {came} is no list, expected [[{path}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            if let DeValue::Table(entries) = item.get_ref() {
                let table = Table { path: path.clone(), entries };
                self.refuse_unknown(&table, keys);
                tables.push((item.span(), table));
            } else {
                let came = values::describe(item.get_ref());
                self.mistake(&item.span(), format!("{path}: {came} is no table"));
            }
        }
        tables
    }

    /// The table of this key, whose keys are the owner's.
    pub(super) fn open_table<'a, 'd>(
        &mut self,
        parent: &Table<'a, 'd>,
        key: &str,
    ) -> Option<Table<'a, 'd>> {
        let value = parent.entries.get(key)?;
        let path = parent.path_of(key);
        if let DeValue::Table(entries) = value.get_ref() {
            return Some(Table { path, entries });
        }
        let came = values::describe(value.get_ref());
        self.mistake(&value.span(), format!("{path}: {came} is no table"));
        None
    }

    fn refuse_unknown(&mut self, table: &Table, keys: &[&str]) {
        for key in table.entries.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())) {
            let (path, known) = (table.path_of(key.get_ref()), keys.join(", "));
            self.mistake(&key.span(), format!("unknown key '{path}', keys are: {known}"));
        }
    }

    /// The value of this key, if it is there and right.
    pub(super) fn find<T>(
        &mut self,
        table: &Table,
        key: &str,
        read: impl FnOnce(&DeValue) -> Result<T, String>,
    ) -> Option<Found<T>> {
        let value = table.entries.get(key)?;
        let at = value.span();
        match read(value.get_ref()) {
            Ok(value) => Some(Found { value, at }),
            Err(message) => {
                self.mistake(&at, format!("{}: {message}", table.path_of(key)));
                None
            }
        }
    }

    pub(super) fn get<T>(
        &mut self,
        table: &Table,
        key: &str,
        read: impl FnOnce(&DeValue) -> Result<T, String>,
    ) -> Option<T> {
        self.find(table, key, read).map(|found| found.value)
    }

    /// The same for a key without which the table makes no sense.
    pub(super) fn require<T>(
        &mut self,
        table: &Table,
        place: &Range<usize>,
        key: &str,
        read: impl FnOnce(&DeValue) -> Result<T, String>,
    ) -> Option<T> {
        if !table.has(key) {
            self.mistake(place, format!("{} is missing", table.path_of(key)));
        }
        self.get(table, key, read)
    }

    /// Every entry of a table whose keys are the owner's.
    pub(super) fn entries<T>(
        &mut self,
        table: &Table,
        read: impl Fn(&DeValue) -> Result<T, String>,
    ) -> Vec<(String, Found<T>)> {
        let keys: Vec<String> = table.entries.keys().map(|key| key.get_ref().to_string()).collect();
        keys.into_iter()
            .filter_map(|key| self.find(table, &key, &read).map(|found| (key, found)))
            .collect()
    }
}

impl Table<'_, '_> {
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where the value of a key stands.
    pub(super) fn place(&self, key: &str) -> Range<usize> {
        self.entries.get(key).map_or(0..0, Spanned::span)
    }
}
