//! `onnxd profile diff`: a profile beside another one, or beside data.

mod columns;
mod data;
mod html;
mod numbers;
mod side;
mod table;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::write_file;
use crate::cli::Failure;
use crate::drift::{Current, Diff, Reference, Side};
use data::Data;
use side::{Found, Place};

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let path = |name: &str| matches.get_one::<String>(name).map(PathBuf::from).unwrap_or_default();
    let found = reference(&path("REFERENCE"))?;
    let diff = match Place::of(&path("CURRENT")) {
        Place::Data(file) => Data::new(file, matches).compare(found)?,
        Place::Profile(file) if matches.contains_id("model") => {
            let file = file.display();
            return Err(Failure::Usage(format!(
                "--model: {file} is no data for it to be run over"
            )));
        }
        Place::Profile(file) => profiles(found, &file)?,
    };
    if diff.features.is_empty() {
        return Err(Failure::Work(nothing_in_common(&diff)));
    }
    write(&diff, matches)?;
    if matches.get_flag("fail-on-drift") && diff.drifted > 0 {
        return Err(Failure::Work(match diff.drifted {
            1 => "1 feature has drifted".to_owned(),
            many => format!("{many} features have drifted"),
        }));
    }
    Ok(())
}

fn reference(path: &Path) -> Result<Found, Failure> {
    match Place::of(path) {
        Place::Profile(path) => Found::read(&path),
        Place::Data(path) => Err(Failure::Usage(format!(
            "{} is data, expected a profile; make one with onnxd profile",
            path.display()
        ))),
    }
}

fn profiles(found: Found, path: &Path) -> Result<Diff, Failure> {
    let current = Found::read(path)?;
    found.checked(Reference::alone(&found.profile))?;
    current.checked(Reference::alone(&current.profile))?;
    let comparable = found.profile.comparable_with(&current.profile);
    let reference = found.checked(Reference::alone(&comparable))?;
    let read = Current::profile(current.name.clone(), &current.profile, &reference);
    let read = current.checked(read)?;
    Ok(Diff::new(found.side(), &reference, found.profile.target.as_ref(), read))
}

fn nothing_in_common(diff: &Diff) -> String {
    let (Side { name: before, .. }, Side { name: now, .. }) = (&diff.reference, &diff.current);
    let of = |names| if let Some(names) = numbers::some(names) { names } else { "none".to_owned() };
    let (only_before, only_now) = (of(&diff.only_in_reference), of(&diff.only_in_current));
    let others = diff.not_compared.iter().map(|of| format!("\n{}", numbers::not_compared(of)));
    format!(
        "no feature can be compared: only {before} has {only_before}; only {now} has {only_now}"
    ) + &others.collect::<String>()
}

fn write(diff: &Diff, matches: &ArgMatches) -> Result<(), Failure> {
    let text = match matches.get_one::<String>("format").map(String::as_str) {
        Some("json") => json(diff),
        Some("html") => Ok(html::page(diff)),
        _ => Ok(table::text(diff)),
    };
    let written = text.and_then(|text| match matches.get_one::<String>("output") {
        Some(output) if output != "-" => write_file(Path::new(output), &text),
        _ => io::stdout().write_all(text.as_bytes()),
    });
    written.map_err(|error| Failure::Work(format!("the comparison cannot be written: {error}")))
}

fn json(diff: &Diff) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(diff)? + "\n")
}
