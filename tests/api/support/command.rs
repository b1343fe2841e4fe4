//! The program as a command that runs to its end.

use std::process::{Command, Output};

/// What a finished command left behind.
#[derive(Debug)]
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The program, without settings from the environment of the tests.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onnxd"));
    command.env_clear();
    command
}

/// Runs the program with these arguments.
pub fn onnxd(arguments: &[&str]) -> Finished {
    Finished::of(program().args(arguments).output().expect("the program starts"))
}

impl Finished {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self {
            code: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}
