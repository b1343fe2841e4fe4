//! The program in a directory of its own, as a person calls it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// What a finished command left behind.
#[derive(Debug)]
pub struct Finished {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// A directory, in which commands run: names of files are messages' names.
pub struct Work(TempDir);

pub fn flight_delay() -> String {
    format!("{}/models/flight-delay", env!("CARGO_MANIFEST_DIR"))
}

pub fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

impl Work {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a directory can be made"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap_or(self.0.path())).expect("it can be made");
        fs::write(path, content).expect("it can be written");
        self
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("it is UTF-8")
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// All names, sorted.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).expect("it is there");
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = entries.filter_map(Result::ok).map(name).collect();
        names.sort();
        names
    }

    /// `onnxd predict`, without settings from the environment of the tests.
    pub fn command(&self, model: &str, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onnxd"));
        let command_line = arguments.split_whitespace();
        command.env_clear().current_dir(self.0.path()).arg("predict").arg(model).args(command_line);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn predict(&self, model: &str, arguments: &str) -> Finished {
        Finished::of(self.command(model, arguments).output().expect("the program starts"))
    }

    /// The same, which must work out.
    pub fn predicted(&self, model: &str, arguments: &str) -> Finished {
        let finished = self.predict(model, arguments);
        assert_eq!(finished.code, 0, "{arguments}: {}", finished.stderr);
        finished
    }

    /// The only message of a command that must not work out, without what is said of resuming.
    pub fn refused(&self, model: &str, arguments: &str) -> String {
        let finished = self.predict(model, arguments);
        assert_ne!(finished.code, 0, "{arguments}: {}", finished.stderr);
        let told = finished.stderr.lines().filter_map(|line| line.strip_prefix("onnxd: "));
        let messages: Vec<&str> = told.filter(|line| !line.starts_with("what is done lies in")).collect();
        messages.join("\n")
    }
}

impl AsRef<Path> for Work {
    fn as_ref(&self) -> &Path {
        self.0.path()
    }
}

impl Finished {
    pub fn of(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).expect("the program writes UTF-8");
        let code = output.status.code().expect("no signal ended it");
        Self { code, stdout: output.stdout, stderr }
    }
}
