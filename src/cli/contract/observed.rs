//! What servers counted for a contract: asked over HTTP, or in files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use crate::cli::Failure;
use crate::contract::Observed;
use crate::repository::Version;

/// A server that is silent for so long is not there.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Asked<'a> {
    /// As servers call it.
    pub(super) model: &'a str,
    pub(super) version: Version,
    /// Of the contract.
    pub(super) id: &'a str,
}

/// The part of the report that matters.
#[derive(Deserialize)]
struct Report {
    model: String,
    versions: BTreeMap<Version, Observed>,
}

/// What all of them counted together.
///
/// # Errors
/// The source that cannot be read, is about something else, or about another contract.
pub(super) fn all<'s>(
    asked: &Asked,
    sources: impl Iterator<Item = &'s str>,
) -> Result<Observed, Failure> {
    let id = asked.id.to_owned();
    let nothing = Observed { id, rows: 0, answered: 0, features: Vec::new() };
    sources.into_iter().try_fold(nothing, |mut sum, source| {
        let named = |reason: String| Failure::Work(format!("{source}: {reason}"));
        let report = read(asked, source).map_err(named)?;
        let observed = of_version(asked, report).map_err(named)?;
        sum.add(observed).map_err(|error| named(error.to_string()))?;
        Ok(sum)
    })
}

fn of_version(asked: &Asked, mut report: Report) -> Result<Observed, String> {
    if report.model != asked.model {
        return Err(format!("it is about '{}', expected '{}'", report.model, asked.model));
    }
    let version = asked.version;
    report.versions.remove(&version).ok_or_else(|| {
        let known: Vec<String> = report.versions.keys().map(ToString::to_string).collect();
        let known = if known.is_empty() { "of none".to_owned() } else { known.join(", ") };
        format!("no contract of version {version} is in force, but {known}")
    })
}

fn read(asked: &Asked, source: &str) -> Result<Report, String> {
    let text = if source == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
        text
    } else if source.starts_with("http://") || source.starts_with("https://") {
        fetch(asked, source)?
    } else {
        fs::read_to_string(source).map_err(|error| error.to_string())?
    };
    serde_json::from_str(&text).map_err(|error| format!("it is no report of a contract: {error}"))
}

fn fetch(asked: &Asked, server: &str) -> Result<String, String> {
    let mut url: Url = server.parse().map_err(|error| format!("it is no URL: {error}"))?;
    url.path_segments_mut()
        .map_err(|()| "it is no URL of a server".to_owned())?
        .pop_if_empty()
        .extend(["api", "models", asked.model, "contract"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(get(url))
}

async fn get(url: Url) -> Result<String, String> {
    // Another one may have been chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(whole)?;
    let answer = client.get(url).send().await.map_err(whole)?;
    let status = answer.status();
    let text = answer.text().await.map_err(whole)?;
    if status.is_success() { Ok(text) } else { Err(format!("it answers {status}: {text}")) }
}

/// The reason is in the sources of the error.
fn whole(error: reqwest::Error) -> String {
    let sources = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
