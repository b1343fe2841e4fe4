//! POST `/v2/repository/index`: every model version and its state.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::http::error::Error;
use crate::http::{Api, Config, body, reply};
use crate::registry::{Snapshot, State as VersionState};

/// A few words are all there is to say.
const MAX_BODY: usize = 16 * 1024;

#[derive(Default, Deserialize)]
struct Request {
    /// Only versions that serve.
    #[serde(default)]
    ready: bool,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    version: String,
    state: &'static str,
    reason: &'a str,
}

pub(in crate::http) async fn index(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match request(&api, &headers, body).await {
        Ok(request) => {
            let snapshot = api.predictor.registry().snapshot();
            let mut entries = entries(&snapshot);
            entries.retain(|e| !request.ready || e.state == VersionState::Ready.as_str());
            reply::json(&entries)
        }
        Err(error) => error.into_response(),
    }
}

async fn request(api: &Api, headers: &HeaderMap, body: Body) -> Result<Request, Error> {
    let config = Config { max_body: MAX_BODY.min(api.config.max_body), ..api.config.clone() };
    let bytes = body::read(&config, headers, body).await?;
    if bytes.is_empty() {
        return Ok(Request::default());
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Malformed(format!("malformed index request: {error}")))
}

fn entries(snapshot: &Snapshot) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    for (name, model) in &snapshot.models {
        if let Some(problem) = &model.problem
            && model.versions.is_empty()
        {
            let state = VersionState::Unavailable.as_str();
            entries.push(Entry { name, version: String::new(), state, reason: problem });
        }
        for (version, entry) in &model.versions {
            entries.push(Entry {
                name,
                version: version.to_string(),
                state: entry.state.as_str(),
                reason: model.problem.as_deref().unwrap_or(&entry.reason),
            });
        }
    }
    entries
}
