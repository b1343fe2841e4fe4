//! `onnxd profile`: what a model's data looked like in training, written down for the server.

mod diff;
mod importance;
mod passes;
mod rules;
mod target;
mod times;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::Failure;
use super::load::{Only, only};
use super::progress::Line;
use crate::contract::{SUGGESTED_FILE, Suggested, Suggestion};
use crate::drift::{Bins, FeatureProfile, MAX_FEATURES, PROFILE_FILE, Profile, Sample, Survey};
use crate::engine::Signature;
use crate::features::{self, Role};
use crate::repository::Settings;
use crate::store::directory_of;
use passes::{Asked, Source};
use target::{Scores, Truths};

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("rules", matches)) => return rules::run(matches),
        Some(("diff", matches)) => return diff::run(matches),
        _ => {}
    }
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let path = Path::new(text("MODEL").unwrap_or("."));
    let only = only(path, matches.get_one::<u64>("version").copied())?;
    let (loaded, sha256) = only.load()?;
    let Only { model, version, files, settings } = only;
    let asked = Asked {
        data: PathBuf::from(text("data").unwrap_or_default()),
        time: text("time").map(str::to_owned),
        ignored: matches.get_many("ignore").into_iter().flatten().cloned().collect(),
        target: text("target").map(str::to_owned),
    };
    let truths = |column| Truths { column, score: text("score").map(str::to_owned) };
    let scores = |column| Scores::new(truths(column), &settings, loaded.signature());
    let scores = asked.target.clone().map(scores).transpose().map_err(Failure::Work)?;
    let source = Source::new(loaded.as_ref(), asked);
    let made = build(&source, &sha256, scores)
        .map_err(|reason| Failure::Work(format!("{}: {reason}", source.name())))?;
    let (profile, rows) = (&made.profile, made.profile.rows);
    let output = match text("output") {
        Some("-") => None,
        Some(output) => Some(PathBuf::from(output)),
        None => Some(files.model_file.with_file_name(PROFILE_FILE)),
    };
    write(profile, output.as_deref())
        .map_err(|error| Failure::Work(format!("the profile cannot be written: {error}")))?;
    let Some(output) = output else { return Ok(()) };
    print!("{}", table(profile));
    println!("{}: {model} version {version}, {rows} rows", output.display());
    suggest(&made.suggested, &output.with_file_name(SUGGESTED_FILE))
}

/// The profile, and the contract that its data suggests.
struct Made {
    profile: Profile,
    suggested: Suggested,
}

/// The contract lies beside the profile, since it has another owner and another pace.
fn suggest(suggested: &Suggested, file: &Path) -> Result<(), Failure> {
    write_file(file, &Settings::write_contract(suggested))
        .map_err(|error| Failure::Work(format!("{} cannot be written: {error}", file.display())))?;
    let (features, outputs) = (suggested.document.features.len(), suggested.document.outputs.len());
    println!("{}: a contract of {features} features and {outputs} outputs", file.display());
    Ok(())
}

fn build(source: &Source, sha256: &str, mut scores: Option<Scores>) -> Result<Made, String> {
    let mut survey = Survey::new(source.signature()).map_err(|error| error.to_string())?;
    if survey.left_out() > 0 {
        let (left, most) = (survey.left_out(), MAX_FEATURES);
        eprintln!("onnxd: {most} features are watched, {left} are left out");
    }
    let order = source.read(&mut survey, &mut Line::new("finding bins"))?;
    let census = survey.finish(order).map_err(|error| error.to_string())?;
    let inputs = inputs(source.signature());
    let mut sample = Sample::new(census.expected_rows(), inputs.min(MAX_FEATURES), inputs);
    let suggestion = Suggestion::new(source.signature());
    let mut pass = ((census, scores.as_mut()), (suggestion, sample.as_mut()));
    source.read(&mut pass, &mut Line::new("counting"))?;
    let ((census, _), (suggestion, _)) = pass;
    let mut profile = census.finish(sha256).map_err(|error| error.to_string())?;
    profile.target = scores.map(Scores::finish);
    profile.weigh(&importance::of(source, &profile, sample)?);
    Ok(Made { profile, suggested: suggestion.finish() })
}

/// Features that go in.
fn inputs(signature: &Signature) -> usize {
    features::of(signature).iter().filter(|feature| feature.role == Role::Input).count()
}

fn write(profile: &Profile, output: Option<&Path>) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(profile)?;
    text.push('\n');
    let Some(output) = output else { return io::stdout().write_all(text.as_bytes()) };
    write_file(output, &text)
}

/// The file appears when it is complete.
pub(super) fn write_file(output: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(directory_of(output))?;
    file.write_all(text.as_bytes())?;
    file.persist(output)?;
    Ok(())
}

/// What was found, a line a feature.
fn table(profile: &Profile) -> String {
    let width = profile.features.iter().map(|f| f.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for feature in &profile.features {
        let name = &feature.name;
        let role = match feature.role {
            Role::Input => "input",
            Role::Prediction => "prediction",
        };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{name:<width$}  {role:<10}  {}", describe(feature, profile.rows));
    }
    if let Some(target) = &profile.target
        && let Some(quality) = target.realised()
    {
        let (column, rate) = (target.column.as_deref().unwrap_or_default(), quality.positive_rate);
        let of = &target.prediction;
        let _ = writeln!(
            text,
            "{column:<width$}  target      truth of {of}, {} rows, {:.1} % positive",
            quality.rows,
            rate * 100.0
        );
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "shares are shown to people")]
fn describe(feature: &FeatureProfile, rows: u64) -> String {
    let bins = match &feature.bins {
        Bins::Edges(edges) => format!("{} intervals", edges.len() + 1),
        Bins::Numbers(numbers) => format!("{} values", numbers.len()),
        Bins::Texts(texts) => format!("{} categories", texts.len()),
    };
    let missing = feature.missing() as f64 / rows.max(1) as f64;
    let missing = if feature.missing() == 0 {
        String::new()
    } else {
        format!(", {:.1} % missing", missing * 100.0)
    };
    let range = feature.moments.map_or_else(String::new, |of| {
        format!(", {} to {}, mean {:.4}", of.least, of.greatest, of.mean)
    });
    let importance = feature
        .importance
        .map_or_else(String::new, |share| format!(", importance {:.1} %", share * 100.0));
    format!("{bins}{missing}{range}{importance}")
}
