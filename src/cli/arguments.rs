//! The commands and their arguments, made from the table of settings.

mod key;
mod predict;

use std::net::SocketAddr;

use clap::{Arg, ArgAction, Command};

use crate::config::settings::{self, Setting};
use key::key;
use predict::predict;

pub(super) fn command() -> Command {
    Command::new("onnxd")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves ONNX models over HTTP.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(serve())
        .subcommand(predict())
        .subcommand(inspect())
        .subcommand(check())
        .subcommand(profile())
        .subcommand(contract())
        .subcommand(health())
        .subcommand(key())
}

fn serve() -> Command {
    let mut command = Command::new("serve")
        .about("Serves models until it is told to stop")
        .arg(Arg::new("MODELS").help("The same as --models").conflicts_with(settings::MODELS.name))
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("A TOML file with settings [env: ONNXD_CONFIG]"),
        )
        .arg(flag(
            "print-config",
            "Print the effective settings and where each comes from, and stop",
        ));
    for setting in settings::ALL {
        command = command.arg(argument(setting));
    }
    command
}

fn argument(setting: &Setting) -> Arg {
    let mut help =
        format!("{} [env: {}] [file: {}]", setting.help, setting.environment, setting.name);
    if !setting.default.is_empty() {
        help = format!("{help} [default: {}]", setting.default);
    }
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .aliases(setting.aliases.iter().copied())
        .value_name(setting.value)
        .help(help);
    if setting.value == "BOOL" {
        // The bare flag says yes; a word after it would be taken for the models.
        return argument.num_args(0..=1).require_equals(true).default_missing_value("true");
    }
    argument
}

fn inspect() -> Command {
    Command::new("inspect")
        .about("Shows inputs, outputs and operators of a model, and whether it can be served")
        .arg(
            Arg::new("MODEL")
                .required(true)
                .help("An .onnx file, a model's directory, or a model repository"),
        )
        .arg(flag("profile", "Run the model and show where its time goes"))
        .arg(flag("json", "Print JSON"))
}

fn check() -> Command {
    Command::new("check")
        .about("Runs the checks that a new version must pass before it serves")
        .long_about(
            "Loads every version that would be served and runs the checks of its model.toml, \
             each against the version before it. Exit code 0 only if all would go live.",
        )
        .arg(
            Arg::new("MODELS")
                .required(true)
                .help("An .onnx file, a model's directory, or a model repository"),
        )
        .arg(flag("json", "Print JSON"))
}

fn profile() -> Command {
    Command::new("profile")
        .subcommand(rules())
        .subcommand(diff())
        .args_conflicts_with_subcommands(true)
        .subcommand_negates_reqs(true)
        .about("Writes the reference profile of a model, which drift is measured against")
        .long_about(
            "Reads training data twice, runs the model over it, and writes what inputs and \
             predictions look like. The columns of the data are matched to the inputs by name. \
             The server watches every version that has such a profile.json.",
        )
        .arg(model())
        .arg(
            option("data", "FILE", "Training data: .csv, .ndjson, .parquet or .arrow")
                .required(true),
        )
        .arg(version())
        .arg(option(
            "time",
            "COLUMN",
            "The rows are in order of this column: what changes over time anyway is no drift",
        ))
        .arg(
            option("ignore", "COLUMN", "No input, as the target or an id; may come repeatedly")
                .action(ArgAction::Append),
        )
        .arg(option(
            "target",
            "COLUMN",
            "The truth that a score of two classes predicts: how many rows of a score are positive",
        ))
        .arg(
            option(
                "score",
                "FEATURE",
                "That score, as probabilities.1 [default: that of [quality] in model.toml]",
            )
            .requires("target"),
        )
        .arg(option(
            "output",
            "FILE",
            "Where to write it; - for the standard output [default: profile.json beside the model]",
        ))
}

fn contract() -> Command {
    Command::new("contract")
        .about("Works with the contract of a model's data")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(promote())
}

fn promote() -> Command {
    Command::new("promote")
        .about("Enforces the rules of a contract that what was sent so far has kept")
        .long_about(
            "Reads what servers counted for the contract, enforces every rule that observes or \
             warns and was kept, and leaves the others as they are. A suggested contract becomes \
             contract.toml; comments stay.",
        )
        .arg(model())
        .arg(
            option(
                "observed",
                "URL|FILE",
                "A server, or the answer of its /api/models/{model}/contract in a file; - for \
                 the standard input; of several servers several times",
            )
            .required(true)
            .action(ArgAction::Append),
        )
        .arg(version())
        .arg(model_name())
        .arg(
            option("mode", "MODE", "What the rules become")
                .value_parser(["warn", "reject", "quarantine", "repair"])
                .default_value("reject"),
        )
        .arg(
            option("min-rows", "N", "Rows that must have been checked")
                .value_parser(clap::value_parser!(u64))
                .default_value("1000"),
        )
        .arg(
            option("max-violations", "SHARE", "Rows that may break a rule, as 0.001 or 0.1%")
                .default_value("0"),
        )
        .arg(flag("dry-run", "Only say what would become of each rule"))
        .arg(option(
            "output",
            "FILE",
            "Where to write it; - for the standard output [default: contract.toml, or the file \
             that the contract is in]",
        ))
}

fn rules() -> Command {
    Command::new("rules")
        .about("Writes rules for Prometheus that judge the counts of all replicas together")
        .long_about(
            "Writes recording and alerting rules made of a model's profile, and a test of them \
             for promtool: <model>-drift.rules.yml and <model>-drift.test.yml. Write them again \
             whenever the profile changes.",
        )
        .arg(model())
        .arg(version())
        .arg(option("profile", "FILE", "The profile [default: that of the version]"))
        .arg(model_name())
        .arg(option(
            "window",
            "DURATION",
            "The time that is judged together [default: window of model.toml, 1h]",
        ))
        .arg(option(
            "stale-after",
            "DURATION",
            "Time without a request that pages somebody [default: the window]",
        ))
        .arg(option(
            "output",
            "DIR",
            "Where to write them; - for the rules on the standard output [default: here]",
        ))
}

fn diff() -> Command {
    Command::new("diff")
        .about("Compares a profile with another one, or with data: what has drifted, and how far")
        .long_about(
            "Compares a reference profile with another profile or with rows of a file, feature by \
             feature in the bins of the reference. Columns of data are found by the names of \
             features; with --model they are its inputs, and it is run for the predictions.",
        )
        .arg(
            Arg::new("REFERENCE")
                .required(true)
                .help("A profile.json, or the directory of a model or version that has one"),
        )
        .arg(
            Arg::new("CURRENT")
                .required(true)
                .help("The same, or data: .csv, .ndjson, .parquet or .arrow"),
        )
        .arg(option("model", "MODEL", "The model of the reference, to be run over the data"))
        .arg(
            option("version", "N", "The version of that model [default: the highest]")
                .value_parser(clap::value_parser!(u64))
                .requires("model"),
        )
        .arg(
            option("target", "COLUMN", "The truth in the data, if the profile has one")
                .requires("model"),
        )
        .arg(
            option("ignore", "COLUMN", "No input, as an id; may come repeatedly")
                .action(ArgAction::Append),
        )
        .arg(
            option("format", "FORMAT", "How it is written")
                .value_parser(["table", "json", "html"])
                .default_value("table"),
        )
        .arg(option("output", "FILE", "Where to write it [default: the standard output]"))
        .arg(flag("fail-on-drift", "Exit with code 1 if a feature has drifted"))
}

fn health() -> Command {
    Command::new("health")
        .about("Asks a running server whether it is ready")
        .long_about(
            "Asks /readyz of a server, for images that have nothing else to ask with. Exit code 0 \
             if it is ready, 1 if it is not or does not answer.",
        )
        .arg(
            option(
                "address",
                "ADDR",
                "Where to ask [default: metrics-addr, else http-addr, of the environment or of \
                 the file in ONNXD_CONFIG]",
            )
            .value_parser(clap::value_parser!(SocketAddr)),
        )
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// Of commands that are about one model.
fn model() -> Arg {
    Arg::new("MODEL").required(true).help("An .onnx file or a model's directory")
}

fn version() -> Arg {
    option("version", "N", "The version of the model [default: the highest]")
        .value_parser(clap::value_parser!(u64))
}

fn model_name() -> Arg {
    option("model-name", "NAME", "What the server calls the model, if something else")
}
