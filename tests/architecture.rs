//! Keeps the picture in ARCHITECTURE.md true.

#![expect(clippy::expect_used, reason = "a test that cannot read the sources must fail")]

use std::fs;
use std::path::{Path, PathBuf};

/// A module may name only modules before it.
const ORDER: [&str; 34] = [
    "digest",
    "vectors",
    "tensor",
    "metrics",
    "telemetry",
    "courtesy",
    "away",
    "coding",
    "follow",
    "store",
    "stats",
    "engine",
    "table",
    "features",
    "contract",
    "drift",
    "quality",
    "repository",
    "gate",
    "scheduler",
    "registry",
    "predict",
    "describe",
    "sockets",
    "access",
    "batch",
    "schedule",
    "jobs",
    "history",
    "http",
    "grpc",
    "config",
    "app",
    "cli",
];

/// Past this, ask which second idea moved in.
const MAX_LINES: usize = 400;

/// Written by a program, and as long as the protocol is.
const GENERATED: &str = "grpc/generated.rs";

struct Source {
    path: PathBuf,
    /// The first component below `src`, without `.rs`.
    module: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let below = path.strip_prefix(&root).expect("it is below src");
            let first = below.components().next().expect("it has a name").as_os_str();
            let module = first.to_string_lossy().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).expect("sources are text");
            found.push(Source { path, module, text });
        }
    }
    assert!(found.len() > 50, "only {} sources were found", found.len());
    found
}

/// The modules that a line names: `crate::a::b`, `crate::{a, b::c}`.
fn named(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let list = rest.strip_prefix('{').map_or_else(
            || vec![rest],
            |group| group.split('}').next().unwrap_or("").split(',').map(str::trim).collect(),
        );
        for name in list {
            let name: String =
                name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            names.push(name);
        }
    }
    names.retain(|name| ORDER.contains(&name.as_str()));
    names
}

#[test]
fn modules_name_only_modules_before_them() {
    let place = |module: &str| ORDER.iter().position(|known| *known == module);
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(own) = place(&source.module) else { continue };
        for (index, line) in source.text.lines().enumerate() {
            for name in named(line) {
                if place(&name).is_some_and(|other| other > own) {
                    let path = source.path.display();
                    wrong.push(format!("{path}:{}: {} names {name}", index + 1, source.module));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports point the wrong way:\n{}", wrong.join("\n"));
}

#[test]
fn the_library_lists_its_modules_in_that_order() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let text = fs::read_to_string(library).expect("the library can be read");
    let listed: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(listed, ORDER);
}

#[test]
fn only_the_engine_over_tract_names_tract() {
    let mut wrong = Vec::new();
    for source in sources() {
        let inside = source.path.to_string_lossy().contains("/engine/tract");
        // The messages of gRPC and OTLP are of the same crate as those of ONNX.
        let messages = ["grpc", "telemetry"].contains(&source.module.as_str());
        let prost = !messages && source.text.contains("prost::");
        if !inside && (source.text.contains("tract_onnx::") || prost) {
            wrong.push(source.path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "these name tract's types: {wrong:?}");
}

#[test]
fn only_the_store_names_the_crate_for_object_stores() {
    let mut wrong = Vec::new();
    for source in sources() {
        let path = source.path.to_string_lossy();
        let inside =
            ["/store/client.rs", "/store/refusal.rs"].iter().any(|own| path.ends_with(own));
        if !inside && source.text.contains("object_store::") {
            wrong.push(path.into_owned());
        }
    }
    assert!(wrong.is_empty(), "these name object_store's types: {wrong:?}");
}

#[test]
fn http_and_grpc_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for source in sources() {
        let other = match source.module.as_str() {
            "http" => "crate::grpc",
            "grpc" => "crate::http",
            _ => continue,
        };
        if source.text.contains(other) {
            wrong.push(format!("{} names {other}", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn no_protocol_names_another() {
    let protocols = ["v1", "v2", "api"];
    let mut wrong = Vec::new();
    for source in sources() {
        let path = source.path.to_string_lossy().into_owned();
        let own = protocols.iter().find(|own| path.contains(&format!("/http/{own}")));
        for other in protocols.iter().filter(|other| own.is_some_and(|own| own != *other)) {
            if source.text.contains(&format!("http::{other}::")) {
                wrong.push(format!("{path} names {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_tensor_path_of_requests_builds_no_generic_json_tree() {
    let mut wrong = Vec::new();
    for source in sources() {
        let path = source.path.to_string_lossy();
        // No tensors are in the document of the interface.
        let hot = ["tensor", "predict", "scheduler"].contains(&source.module.as_str())
            || path.contains("/http/") && !path.contains("/http/openapi");
        // The tests of a file may compare with serde_json.
        let code = source.text.split("#[cfg(test)]").next().unwrap_or("");
        if hot && code.contains("serde_json::Value") {
            wrong.push(source.path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "these use serde_json::Value: {wrong:?}");
}

#[test]
fn no_source_file_outgrows_one_idea() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.path.ends_with(GENERATED))
        .filter(|source| source.text.lines().count() > MAX_LINES)
        .map(|source| format!("{} has {}", source.path.display(), source.text.lines().count()))
        .collect();
    assert!(long.is_empty(), "more than {MAX_LINES} lines: {long:?}");
}

#[test]
fn every_file_says_why_it_exists() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no //! at the top of {silent:?}");
}
