//! `onnxd key`: makes a key.

use std::path::Path;

use clap::ArgMatches;

use super::Failure;
use crate::access::{New, NewError, Roles};

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let roles = Roles::parse(text("roles").unwrap_or_default())
        .map_err(|reason| Failure::Usage(format!("--roles: {reason}")))?;
    let new = New {
        name: text("NAME").unwrap_or_default().to_owned(),
        roles,
        requests_per_second: matches.get_one::<f64>("requests-per-second").copied(),
    };
    let made = match text("file") {
        Some(file) => new.add_to(Path::new(file)),
        None => new.make(),
    };
    let made = made.map_err(|error| match error {
        NewError::Wrong(_) => Failure::Usage(error.to_string()),
        NewError::Random | NewError::File(_) => Failure::Work(error.to_string()),
    })?;
    println!("{}", made.key);
    if text("file").is_none() {
        print!("\n{}", made.entry);
    }
    Ok(())
}
