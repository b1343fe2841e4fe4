//! Files of models: read, refused or compiled, and warmed up. A panic in an operator is an error
//! of the model, which the engine catches; so the hook that would abort is taken away, and only
//! what is not caught ends the target.
#![no_main]

use std::fs;
use std::panic;
use std::path::PathBuf;
use std::sync::{LazyLock, Once};

use libfuzzer_sys::fuzz_target;
use onnxd::engine::tract::{Config, TractEngine};
use onnxd::engine::{Engine, ModelSource};
use tempfile::TempDir;

static ENGINE: LazyLock<TractEngine> = LazyLock::new(|| TractEngine::new(Config::default()));
static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    // Memory, where there is such a place.
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory")
});
static CAUGHT: Once = Once::new();

fuzz_target!(|model: &[u8]| {
    CAUGHT.call_once(|| panic::set_hook(Box::new(|_| {})));
    let path: PathBuf = DIRECTORY.path().join("model.onnx");
    fs::write(&path, model).expect("there is room");
    if let Ok(loaded) = ENGINE.load(&ModelSource { path, ..ModelSource::default() }) {
        let signature = loaded.signature();
        assert!(!signature.outputs.is_empty(), "a model without outputs was loaded");
    }
});
