//! The table holds what is in the folder, and the files keep what the policy and the size promise.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::files::{FILES, PAGE};
use crate::http::text::Text;

/// All of it, packed.
const MOST_BYTES: usize = 150_000;

/// Made by others and taken as it is.
const VENDORED: [&str; 2] = ["uplot.js", "uplot-license.txt"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/dashboard/ui")
}

/// Names below the folder.
fn in_folder() -> BTreeSet<String> {
    let (root, mut names) = (folder(), BTreeSet::new());
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                names.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    names
}

fn all() -> Vec<(&'static str, &'static Text)> {
    let page = [("index.html", &*PAGE)];
    page.into_iter().chain(FILES.iter().map(|(name, text)| (*name, text))).collect()
}

fn text_of(text: &'static Text) -> &'static str {
    std::str::from_utf8(text.body()).unwrap()
}

fn own() -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = all().into_iter().filter(|(name, _)| !VENDORED.contains(name));
    own.map(|(name, text)| (name, text_of(text)))
}

#[test]
fn the_table_holds_what_is_in_the_folder() {
    let table: Vec<&str> = all().into_iter().map(|(name, _)| name).collect();
    let once: BTreeSet<String> = table.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(once.len(), table.len(), "a file is there twice");
    assert_eq!(once, in_folder());
}

#[test]
fn kinds_follow_from_names() {
    let kinds = [
        ("html", "text/html; charset=utf-8"),
        ("css", "text/css; charset=utf-8"),
        ("js", "text/javascript; charset=utf-8"),
        ("svg", "image/svg+xml"),
        ("txt", "text/plain; charset=utf-8"),
    ];
    for (name, text) in all() {
        let ending = name.rsplit('.').next().unwrap();
        let kind = kinds.iter().find(|(known, _)| *known == ending);
        assert_eq!(kind.map(|(_, kind)| *kind), text.kind().to_str().ok(), "{name}");
    }
}

#[test]
fn nothing_makes_elements_or_code_of_text() {
    let never = Regex::new(
        r"(?x) \b(inner|outer)HTML\b | insertAdjacentHTML | document\s*\.\s*write | \beval\s*\(
        | new\s+Function | \bsrcdoc\b | createContextualFragment | setHTMLUnsafe | DOMParser
        | javascript: | set(Timeout|Interval)\s*\(\s*['\x22`]",
    )
    .unwrap();
    for (name, text) in all() {
        let found = never.find(text_of(text)).map(|found| found.as_str());
        assert_eq!(found, None, "in {name}");
    }
}

#[test]
fn nothing_that_runs_or_styles_stands_in_the_page_itself() {
    let never = Regex::new(
        r"(?xi) <style | \sstyle\s*= | \son[a-z]+\s*= | <script(?:\s[^>]*)?>\s*[^\s<]
        | <base | http-equiv",
    )
    .unwrap();
    let script = Regex::new("(?i)<script[^>]*>").unwrap();
    for (name, text) in own().filter(|(name, _)| name.ends_with("html") || name.ends_with("svg")) {
        let found = never.find(text).map(|found| found.as_str());
        assert_eq!(found, None, "in {name}");
        for tag in script.find_iter(text) {
            assert!(tag.as_str().contains(" src=\"ui/"), "{} in {name}", tag.as_str());
        }
    }
}

/// Where something else lies: names of vocabularies are no addresses, and comments fetch nothing.
fn is_harmless(line: &str, address: &str) -> bool {
    let line = line.trim_start();
    let is_comment = ["//", "/*", "*", "<!--"].iter().any(|start| line.starts_with(start));
    is_comment || ["//www.w3.org/", "//localhost"].iter().any(|known| address.starts_with(known))
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    let elsewhere =
        Regex::new(r"(?i)(?:https?:|wss?:)//[^\s'\x22`)]*|@import|url\(\s*['\x22]?//").unwrap();
    for (name, text) in own() {
        for line in text.lines() {
            for found in elsewhere.find_iter(line) {
                let address = found.as_str().split_once(':').map_or("", |(_, address)| address);
                assert!(is_harmless(line, address), "{} in {name}: {line}", found.as_str());
            }
        }
    }
}

#[test]
fn every_module_that_is_imported_and_every_file_that_is_named_is_there() {
    let table: BTreeSet<&str> = FILES.iter().map(|(name, _)| *name).collect();
    let imported = Regex::new(r#"(?m)(?:^|\s)(?:from|import)\s*\(?\s*["'](\.[^"']*)["']"#).unwrap();
    for (name, text) in
        own().filter(|(name, _)| Path::new(name).extension().is_some_and(|it| it == "js"))
    {
        for found in imported.captures_iter(text) {
            let mut place: Vec<&str> = name.split('/').collect();
            place.pop();
            for step in found[1].split('/') {
                match step {
                    "." => {}
                    ".." => assert!(place.pop().is_some(), "{} in {name}", &found[1]),
                    step => place.push(step),
                }
            }
            let path = place.join("/");
            assert!(table.contains(path.as_str()), "{name} imports {path}");
        }
    }
    let named = Regex::new(r#"(?:src|href)="(ui/[^"]*)""#).unwrap();
    let page = text_of(&PAGE);
    assert!(named.is_match(page), "the page names no files");
    for found in named.captures_iter(page) {
        assert!(table.contains(&found[1][3..]), "the page names {}", &found[1]);
    }
}

#[test]
fn all_addresses_of_the_page_are_relative() {
    let named = Regex::new(r#"(?:src|href)="([^"]*)""#).unwrap();
    for found in named.captures_iter(text_of(&PAGE)) {
        let address = &found[1];
        assert!(!address.starts_with('/') && !address.contains(':'), "{address}");
    }
}

#[test]
fn the_page_is_small() {
    let sizes: Vec<(usize, &str)> =
        all().into_iter().map(|(name, text)| (text.packed().len(), name)).collect();
    let sum: usize = sizes.iter().map(|(size, _)| size).sum();
    assert!(sum < MOST_BYTES, "{sum} bytes, expected less than {MOST_BYTES}: {sizes:?}");
}

#[test]
fn what_is_not_in_the_table_is_not_found() {
    for name in ["", "../files.rs", "index.html", "/etc/passwd", "ui/app.js", "views", "app.js/"] {
        assert!(super::files::find(name).is_none(), "{name}");
    }
}
