//! What owners of a server write: the first character says whether it is read as onnxd.toml (0),
//! model.toml (1), config.pbtxt (2) or the file of keys (3).
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use onnxd::access;
use onnxd::config::{Config, Sources};
use onnxd::repository::Settings;
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    // Memory, where there is such a place.
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory")
});

fuzz_target!(|data: &[u8]| {
    let Some((kind, text)) = data.split_first() else { return };
    match kind {
        b'0' => {
            let path = DIRECTORY.path().join("onnxd.toml");
            fs::write(&path, text).expect("there is room");
            let sources = Sources::new(BTreeMap::new(), BTreeMap::new());
            if let Ok(sources) = sources.with_file(&path) {
                let _ = Config::read(&sources);
            }
        }
        b'1' | b'2' => {
            let Ok(text) = std::str::from_utf8(text) else { return };
            let parse = if *kind == b'1' { Settings::parse } else { Settings::parse_triton };
            let _ = parse(text);
        }
        _ => {
            let _ = access::count_keys(text);
        }
    }
});
