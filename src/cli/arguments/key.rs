//! The arguments of `onnxd key`.

use clap::{Arg, Command};

use super::option;

pub(super) fn key() -> Command {
    Command::new("key")
        .about("Makes a key for requests, and says of it what auth-keys must hold")
        .long_about(
            "Makes a key and prints it, once: only its digest is kept. The digest, the roles and \
             the rate go into a file for auth-keys, or are printed after the key.",
        )
        .arg(Arg::new("NAME").required(true).help("What logs call the key; not in the file yet"))
        .arg(
            option(
                "roles",
                "ROLES",
                "What it is for: predict, operate, metrics, with commas between",
            )
            .required(true),
        )
        .arg(
            option("requests-per-second", "N", "How many requests it may send [default: any]")
                .value_parser(clap::value_parser!(f64)),
        )
        .arg(option("file", "FILE", "Add it to this file, which is made if it is not there"))
}
