//! Of `onnxd predict`, and of what merges its shards.

use clap::{Arg, ArgAction, Command};

use super::{flag, model, option, version};

pub(super) fn predict() -> Command {
    Command::new("predict")
        .subcommand(merge_manifest())
        .args_conflicts_with_subcommands(true)
        .subcommand_negates_reqs(true)
        .about("Predicts whole files")
        .long_about(
            "Reads rows of files, runs the model over them, and writes predictions in the order \
             of the rows. Columns are matched to inputs by name. An output gets its name when it \
             is whole; what broke off is gone on with by --resume.",
        )
        .arg(model())
        .arg(
            option(
                "input",
                "FILE|URL",
                "Files, patterns as data/*.csv, or - for the standard input",
            )
            .required(true)
            .action(ArgAction::Append),
        )
        .arg(
            option(
                "output",
                "FILE|URL",
                "A file, a directory (DIR/) for one file of each input, or -",
            )
            .required(true),
        )
        .arg(option("input-format", "FORMAT", FORMATS))
        .arg(option("output-format", "FORMAT", FORMATS))
        .arg(
            option("keep", "COLUMNS", "Columns that the output has as well, as id,date")
                .action(ArgAction::Append),
        )
        .arg(
            option(
                "on-bad-row",
                "WHAT",
                "Ends the job, leaves predictions empty, or drops the row",
            )
            .value_parser(["fail", "null", "drop"])
            .default_value("fail"),
        )
        .arg(option(
            "rejects",
            "FILE|URL",
            "What is wrong with bad rows [default: OUTPUT.rejects.csv]",
        ))
        .arg(option("max-bad-rows", "LIMIT", "Fail if more rows are bad, as 100 or 1%"))
        .arg(flag("fail-on-drift", "Fail if the data has drifted from the reference profile"))
        .arg(option(
            "shard",
            "I/N",
            "Do the Ith of N parts of the work, from 0, and leave a manifest",
        ))
        .arg(flag("resume", "Go on where an earlier run of the same job ended"))
        .arg(
            option("jobs", "N", "Threads that predict [default: cores]")
                .value_parser(clap::value_parser!(usize)),
        )
        .arg(option(
            "work-dir",
            "DIR",
            "Where files lie until they are whole [default: OUTPUT.part]",
        ))
        .arg(option("summary", "FILE", "Write what was done as JSON"))
        .arg(version())
}

fn merge_manifest() -> Command {
    Command::new("merge-manifest")
        .about("Checks that all shards of a job are there, and puts their outputs together")
        .long_about(
            "Reads the manifests that runs with --shard leave beside their outputs. Says by name \
             what is missing, twice, of another job or damaged; exit code 0 only if nothing is. \
             With --output the files of all shards become one, in the order of the rows.",
        )
        .arg(
            Arg::new("FROM")
                .required(true)
                .num_args(1..)
                .value_name("DIR|FILE")
                .help("Directories with manifests, or manifests, local or by URL"),
        )
        .arg(option("output", "FILE|URL", "Put the outputs together into this file"))
        .arg(flag("verify", "Read all outputs and compare their digests, not only their sizes"))
        .arg(option("max-bad-rows", "LIMIT", "Fail if more rows are bad in all, as 100 or 1%"))
        .arg(
            option("model", "MODEL", "Hold the rows of all shards against this model's profile")
                .help_heading("Drift"),
        )
        .arg(
            option("version", "N", "The version of it [default: the highest]")
                .value_parser(clap::value_parser!(u64))
                .requires("model")
                .help_heading("Drift"),
        )
        .arg(
            flag("fail-on-drift", "Exit code 1 if a feature has drifted, or if no row ran")
                .requires("model")
                .help_heading("Drift"),
        )
        .arg(flag("json", "Print JSON"))
}

const FORMATS: &str = "csv, ndjson, parquet, arrow, or csv.gz, csv.zst [default: by the name]";
