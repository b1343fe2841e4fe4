//! `onnxd profile rules`: what Prometheus needs to watch the drift of a whole fleet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;

use super::write_file;
use crate::cli::Failure;
use crate::cli::load::{Only, only};
use crate::drift::{Awaited, LEAST_RULES_WINDOW, Reference, RuleFiles, Rules, Settings};
use crate::quality::{self, About};
use crate::repository::{VersionFiles, parse_duration};

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let path = Path::new(text("MODEL").unwrap_or("."));
    let only = only(path, matches.get_one::<u64>("version").copied())?;
    let mut settings = only.settings.drift.clone();
    settings.window = duration(text("window"), settings.window, "window")?;
    if settings.window < LEAST_RULES_WINDOW {
        let message = format!("--window: expected at least {LEAST_RULES_WINDOW:?}");
        return Err(Failure::Usage(message));
    }
    let stale_after = duration(text("stale-after"), settings.window, "stale-after")?;
    let profile = match text("profile") {
        Some(profile) => PathBuf::from(profile),
        None => profile_of(&only.files, &settings)?,
    };
    let reference = reference(&only, &profile)?;
    let model = text("model-name").unwrap_or(&only.model);
    let quality = only.settings.quality.as_ref().map(judged);
    let rules = Rules { model, reference: &reference, settings: &settings, stale_after, quality };
    let files = rules.files();
    write(&files, text("output").unwrap_or("."))
}

fn judged(settings: &quality::Settings) -> Awaited {
    let quality::Settings { min_accuracy: least_accuracy, max_absolute_error, .. } = *settings;
    match settings.about {
        About::Score { .. } => Awaited::Scores { least_accuracy },
        About::Label { .. } => Awaited::Labels { least_accuracy },
        About::Value { .. } => Awaited::Values { most_error: max_absolute_error },
    }
}

fn duration(text: Option<&str>, default: Duration, flag: &str) -> Result<Duration, Failure> {
    let Some(text) = text else { return Ok(default) };
    let duration = parse_duration(text).map_err(|e| Failure::Usage(format!("--{flag}: {e}")))?;
    if duration.is_zero() {
        return Err(Failure::Usage(format!("--{flag}: '{text}' is no time at all")));
    }
    Ok(duration)
}

pub(super) fn profile_of(files: &VersionFiles, settings: &Settings) -> Result<PathBuf, Failure> {
    files.profile(settings).ok_or_else(|| {
        let (name, model) = (settings.profile().display(), files.model_file.display());
        Failure::Work(format!(
            "there is no {name} beside {model}; make it with onnxd profile, or name one with --profile"
        ))
    })
}

/// Read with the model, as the server does: rules of a profile that it refuses watch nothing.
fn reference(only: &Only, profile: &Path) -> Result<Reference, Failure> {
    let (loaded, sha256) = only.load()?;
    Reference::read(profile, &sha256, loaded.signature())
        .map_err(|error| Failure::Work(format!("{}: {error}", profile.display())))
}

fn write(files: &RuleFiles, output: &str) -> Result<(), Failure> {
    if output == "-" {
        print!("{}", files.rules);
        return Ok(());
    }
    let directory = Path::new(output);
    // The rules come last: who waits for them finds their test as well.
    let texts = [(&files.test_name, &files.test), (&files.rules_name, &files.rules)];
    for (name, text) in texts {
        let path = directory.join(name);
        write_file(&path, text).map_err(|error| {
            Failure::Work(format!("{} cannot be written: {error}", path.display()))
        })?;
        println!("{}", path.display());
    }
    Ok(())
}
