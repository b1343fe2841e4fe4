//! Labels of classes in files that a configuration of Triton names for its outputs: one a line, in the
//! order of the classes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Component, Path};
use std::sync::Arc;

use serde_json::Value;

use crate::engine::Label;

/// By output, in the order of its classes.
pub(in crate::repository) type Labels = BTreeMap<String, Arc<[Label]>>;

/// Bytes of all files of a model, which are read with every look at it, and labels of each: room
/// for far more classes than models have.
const MAX_BYTES: usize = 4 << 20;
const MAX_LABELS: usize = 100_000;

/// The file of an output, by its path in the directory of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::repository) struct LabelFile {
    output: String,
    pub(in crate::repository) path: String,
}

/// The files that outputs name, of one or of a list of them.
///
/// # Errors
/// A path leads out of the model's directory, or an output without a name has a file.
pub(super) fn of(outputs: &Value) -> Result<Vec<LabelFile>, String> {
    let outputs = match outputs {
        Value::Array(outputs) => outputs.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut files = Vec::new();
    for output in outputs {
        let path = match &output["label_filename"] {
            Value::Null => continue,
            Value::String(path) if path.is_empty() => continue,
            Value::String(path) => path.clone(),
            other => return Err(format!("label_filename is {other}, expected the name of a file")),
        };
        let name = output["name"].as_str().filter(|name| !name.is_empty());
        let name =
            name.ok_or_else(|| format!("label_filename '{path}': its output has no name"))?;
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(&path).components().all(inside) {
            return Err(format!(
                "output '{name}': label_filename is '{path}', expected a path in the model's directory"
            ));
        }
        files.push(LabelFile { output: name.to_owned(), path });
    }
    Ok(files)
}

/// Reads the files.
///
/// # Errors
/// The output and what is wrong with its file.
pub(in crate::repository) fn read(files: &[LabelFile], model: &Path) -> Result<Labels, String> {
    let mut room = MAX_BYTES;
    let mut by_path = BTreeMap::<&str, Arc<[Label]>>::new();
    let mut labels = Labels::new();
    for LabelFile { output, path } in files {
        let named =
            |reason: String| format!("output '{output}': label_filename '{path}': {reason}");
        let of_file = match by_path.get(path.as_str()) {
            Some(known) => Arc::clone(known),
            None => lines(&model.join(path), model, &mut room).map_err(named)?,
        };
        by_path.insert(path, Arc::clone(&of_file));
        labels.insert(output.clone(), of_file);
    }
    Ok(labels)
}

fn lines(file: &Path, model: &Path, room: &mut usize) -> Result<Arc<[Label]>, String> {
    let unreadable = |error: std::io::Error| error.to_string();
    // Links are followed as far as they stay inside: so Kubernetes exchanges the files of a volume.
    let inside = fs::canonicalize(model).map_err(unreadable)?;
    let file = fs::canonicalize(file).map_err(unreadable)?;
    if !file.starts_with(inside) {
        return Err("it leads out of the model's directory".to_owned());
    }
    if !fs::metadata(&file).map_err(unreadable)?.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut bytes = Vec::new();
    let opened = fs::File::open(&file).map_err(unreadable)?;
    opened.take(*room as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    *room = room
        .checked_sub(bytes.len())
        .ok_or_else(|| format!("files with labels have more than {MAX_BYTES} bytes altogether"))?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    if text.lines().nth(MAX_LABELS).is_some() {
        return Err(format!("it has more than {MAX_LABELS} lines"));
    }
    Ok(text.lines().map(|line| Label::Text(line.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use serde_json::json;

    use super::*;

    fn file(path: &str) -> Vec<LabelFile> {
        of(&json!([{"name": "x"}, {"name": "y", "label_filename": path}])).unwrap()
    }

    fn texts(labels: &[Label]) -> Vec<String> {
        labels.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_label_is_a_line() {
        let model = tempfile::tempdir().unwrap();
        fs::write(model.path().join("labels.txt"), "cat\r\n\nhot dog\n").unwrap();
        let labels = read(&file("labels.txt"), model.path()).unwrap();
        assert_eq!(texts(&labels["y"]), ["cat", "", "hot dog"]);
        // One output is no list in the text form.
        assert_eq!(
            of(&json!({"name": "y", "label_filename": "labels.txt"})),
            Ok(file("labels.txt"))
        );
        assert_eq!(of(&json!([{"name": "y", "label_filename": ""}])), Ok(Vec::new()));
    }

    #[test]
    fn a_file_of_several_outputs_is_read_once() {
        let model = tempfile::tempdir().unwrap();
        fs::write(model.path().join("labels.txt"), "x\n".repeat(MAX_LABELS / 2)).unwrap();
        let output =
            |number: u32| json!({"name": number.to_string(), "label_filename": "labels.txt"});
        let files = of(&(0..100).map(output).collect()).unwrap();
        let labels = read(&files, model.path()).unwrap();
        assert_eq!(labels.len(), 100);
        assert!(Arc::ptr_eq(&labels["0"], &labels["99"]));
    }

    #[test]
    fn no_path_and_no_link_leads_out_of_the_models_directory() {
        for path in ["/etc/passwd", "../labels.txt", "a/../../b"] {
            let error = of(&json!([{"name": "y", "label_filename": path}])).unwrap_err();
            assert!(error.starts_with("output 'y': label_filename is '"), "{error}");
        }
        let root = tempfile::tempdir().unwrap();
        let model = root.path().join("m");
        fs::create_dir_all(model.join("..data")).unwrap();
        fs::write(root.path().join("secret"), "x").unwrap();
        fs::write(model.join("..data/labels.txt"), "cat").unwrap();
        symlink("../secret", model.join("out.txt")).unwrap();
        symlink("..data/labels.txt", model.join("in.txt")).unwrap();
        let expected =
            "output 'y': label_filename 'out.txt': it leads out of the model's directory";
        assert_eq!(read(&file("out.txt"), &model), Err(expected.to_owned()));
        assert_eq!(texts(&read(&file("in.txt"), &model).unwrap()["y"]), ["cat"]);
    }

    #[test]
    fn a_file_that_is_too_large_no_file_or_not_there_is_refused_by_name() {
        let model = tempfile::tempdir().unwrap();
        fs::create_dir(model.path().join("directory")).unwrap();
        // Cut in the middle of a character it is still too large, not another mistake.
        fs::write(model.path().join("large"), "é".repeat(MAX_BYTES / 2 + 1)).unwrap();
        fs::write(model.path().join("long"), "\n".repeat(MAX_LABELS + 1)).unwrap();
        fs::write(model.path().join("latin"), b"caf\xe9\n").unwrap();
        for (path, reason) in [
            ("directory", "it is no file"),
            ("large", "files with labels have more than 4194304 bytes altogether"),
            ("long", "it has more than 100000 lines"),
            ("latin", "it is not UTF-8"),
            ("missing", "No such file"),
        ] {
            let error = read(&file(path), model.path()).unwrap_err();
            let expected = format!("output 'y': label_filename '{path}': {reason}");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
