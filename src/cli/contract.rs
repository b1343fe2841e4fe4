//! `onnxd contract promote`: rules that only observed are enforced, as far as they were kept.

mod observed;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::Failure;
use super::load::{Only, only};
use super::profile::write_file;
use crate::contract::{CONTRACT_FILE, Decision, Mode, Policy, Promotion};
use crate::repository::{ContractPlace, FoundContract, Settings};
use observed::Asked;

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("promote", matches)) => promote(matches),
        _ => Err(Failure::Usage("no command; see --help".to_owned())),
    }
}

fn promote(matches: &ArgMatches) -> Result<(), Failure> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let policy = policy(matches)?;
    let path = Path::new(text("MODEL").unwrap_or("."));
    let only = only(path, matches.get_one::<u64>("version").copied())?;
    let found = contract(&only)?;
    let asked = Asked {
        model: text("model-name").unwrap_or(&only.model),
        version: only.version,
        id: &found.document.id(),
    };
    let sources = matches.get_many::<String>("observed").into_iter().flatten();
    let observed = observed::all(&asked, sources.map(String::as_str))?;
    let promotion = Promotion::new(&found.document, &observed, policy)
        .map_err(|error| Failure::Work(format!("{}: {error}", found.file.display())))?;
    let table = table(&promotion.decisions, observed.rows);
    if matches.get_flag("dry-run") {
        print!("{table}");
        return Ok(());
    }
    let promoted = promoted(&found, &promotion)
        .map_err(|error| Failure::Work(format!("{}: {error}", found.file.display())))?;
    let Some(output) = output(text("output"), &found) else {
        eprint!("{table}");
        print!("{promoted}");
        return Ok(());
    };
    write_file(&output, &promoted).map_err(|error| {
        Failure::Work(format!("{} cannot be written: {error}", output.display()))
    })?;
    print!("{table}");
    println!("{}: {}", output.display(), summary(&promotion));
    Ok(())
}

fn policy(matches: &ArgMatches) -> Result<Policy, Failure> {
    let modes = [Mode::Warn, Mode::Reject, Mode::Quarantine, Mode::Repair];
    let named = matches.get_one::<String>("mode");
    let mode = modes.into_iter().find(|mode| named.is_some_and(|named| named == mode.as_str()));
    let share = matches.get_one::<String>("max-violations").map_or("0", String::as_str);
    Ok(Policy {
        mode: mode.unwrap_or(Mode::Reject),
        least_rows: matches.get_one::<u64>("min-rows").copied().unwrap_or_default(),
        most_violations: self::share(share)
            .ok_or_else(|| Failure::Usage(format!("--max-violations: {share} is no share of 1")))?,
    })
}

/// A share as a fraction or in percent.
fn share(text: &str) -> Option<f64> {
    let (number, of) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().ok()? / of;
    (0.0..=1.0).contains(&share).then_some(share)
}

fn contract(only: &Only) -> Result<FoundContract, Failure> {
    let Only { model, version, files, settings } = only;
    let named = |reason| Failure::Work(format!("{model} version {version}: {reason}"));
    let found = files.contract(settings).map_err(named)?;
    found.ok_or_else(|| named("it has no contract; onnxd profile suggests one".to_owned()))
}

fn promoted(found: &FoundContract, promotion: &Promotion) -> Result<String, String> {
    let text = fs::read_to_string(&found.file).map_err(|error| error.to_string())?;
    Settings::promote_contract(&text, promotion, found.place)
}

/// None for the standard output. A suggestion stays what it is: another profile writes it again.
fn output(asked: Option<&str>, found: &FoundContract) -> Option<PathBuf> {
    match asked {
        Some("-") => None,
        Some(output) => Some(PathBuf::from(output)),
        None if found.place == ContractPlace::Suggested => {
            Some(found.file.with_file_name(CONTRACT_FILE))
        }
        None => Some(found.file.clone()),
    }
}

fn table(decisions: &[Decision], rows: u64) -> String {
    let width = decisions.iter().map(|of| of.rule.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Decision { rule, from, to, violations, rows } in decisions {
        let (from, to) = (from.as_str(), to.as_str());
        let change = if from == to { format!("stays {to}") } else { format!("{from} -> {to}") };
        let found: Vec<String> =
            violations.iter().map(|(code, count)| format!("{count} {code}")).collect();
        let found = match (found.is_empty(), rows) {
            (true, 0) => "never looked at".to_owned(),
            (true, _) => format!("kept by {rows} rows"),
            (false, _) => format!("{} of {rows} rows", found.join(", ")),
        };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{rule:<width$}  {change:<20}  {found}");
    }
    let chance = chance(rows);
    let _ = writeln!(
        text,
        "{rows} rows were checked; each rule that all of them kept is broken by at most {chance} of others (95 %)"
    );
    text
}

/// The share of rows that may break a rule that none of so many broke, at most, with 95 %
/// confidence. Source: the exact binomial bound, 1 - 0.05^(1/n), of which 3/n is the known rule.
#[expect(clippy::cast_precision_loss, reason = "a share is shown with three digits")]
fn chance(rows: u64) -> String {
    let share = -(0.05f64.ln() / rows.max(1) as f64).exp_m1();
    format!("{:.3} %", share * 100.0)
}

fn summary(promotion: &Promotion) -> String {
    let to = promotion.mode.as_str();
    let new = promotion.decisions.iter().filter(|of| of.from != of.to).count();
    let others = promotion.decisions.len() - new;
    format!("{new} rules became {to}, {others} stay as they were")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_fraction_or_in_percent() {
        assert_eq!(share("0.001"), Some(0.001));
        assert_eq!(share("1 %"), Some(0.01));
        assert_eq!([share("2"), share("-1%"), share("NaN"), share("many")], [None; 4]);
    }

    #[test]
    fn what_was_not_seen_in_a_thousand_rows_may_be_three_in_a_thousand() {
        assert_eq!(chance(1_000), "0.299 %");
        assert_eq!(chance(1), "95.000 %");
    }
}
