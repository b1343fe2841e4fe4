//! The document: every route of the table with what is said of it, and what follows from it.
//!
//! Made with `serde_json` alone. The crate utoipa would bring types for this, but it does not
//! compile without its macros, and those want to stand on the types of eight modules that know
//! no protocol. That the form is right is tested with the schema that the specification has.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::errors::{ERRORS, Form};
use super::operation::{Answer, Body, Kind, Operation, Parameter, Place, Tag};
use super::{operations, schemas};
use crate::access::Need;

/// A method of a path, and who may ask for it.
pub(super) type Route = (Method, &'static str, Need);

const ABOUT: &str = "Predictions of ONNX models over the Open Inference Protocol and the REST API of TensorFlow Serving, \
and the server's own interface below /api.\n\n\
Every answer has the header X-Request-Id: the request's own, up to 128 bytes, or a new one. HEAD is answered wherever GET is. \
Other methods of these paths are 405 with Allow, other paths 404.\n\n\
Whether keys are asked for is up to the settings of the server (auth-keys). x-onnxd-role says what an operation needs then: \
nothing (public), any key, or a key with a role. Without keys a server is operated from its own machine only, and only one that no other machine reaches; \
not through proxies, nor by pages in a browser (open-operate lifts all but the last). \
A head of a request has at most 100 headers and 16 KiB; what is no HTTP or has more is 400 or 431 without a document.";

/// The document of these routes. A route that nobody described is left out, and a description
/// without a route as well; tests see to it that there is neither.
pub(super) fn of_routes(routes: &[Route]) -> Value {
    let described = described(routes);
    let tags = Tag::ALL.map(|tag| json!({"name": tag.name(), "description": tag.about()}));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "tags": tags,
        "paths": paths(&described),
        "components": components(&described),
    })
}

/// What is said of the routes that there are, and what they need.
fn described(routes: &[Route]) -> Vec<(Operation, Need)> {
    let needs: BTreeMap<(&str, &str), Need> =
        routes.iter().map(|(method, path, need)| ((*path, method.as_str()), *need)).collect();
    let all = operations::all().into_iter();
    all.filter_map(|operation| {
        let need = *needs.get(&(operation.route, operation.method.as_str()))?;
        Some((operation, need))
    })
    .collect()
}

fn components(described: &[(Operation, Need)]) -> Value {
    let used: BTreeSet<String> = described
        .iter()
        .flat_map(|(operation, need)| {
            let form = Form::of(operation.route);
            errors(operation, *need).into_iter().map(move |status| form.name(status))
        })
        .collect();
    let errors = ERRORS.iter().flat_map(|error| {
        [Form::Error, Form::Problem].map(|form| (form.name(error.status), form.response(error)))
    });
    let schemas = schemas::all().into_iter().map(|(name, schema)| (name.to_owned(), schema));
    json!({
        "schemas": schemas.collect::<Map<_, _>>(),
        "responses": errors.filter(|(name, _)| used.contains(name)).collect::<Map<_, _>>(),
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "x-api-key": {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "Comes before Authorization, which proxies use for themselves.",
            },
        },
    })
}

fn paths(described: &[(Operation, Need)]) -> Value {
    let mut paths = json!({});
    for (operation, need) in described {
        let method = operation.method.as_str().to_ascii_lowercase();
        paths[operation.path()][method] = self::operation(operation, *need);
    }
    paths
}

fn operation(operation: &Operation, need: Need) -> Value {
    let form = Form::of(operation.route);
    let errors = errors(operation, need).into_iter();
    let errors = errors.map(|status| (status, form.reference(status)));
    let answers = operation.answers.iter().map(|of| (of.status, answer(of)));
    let responses: BTreeMap<u16, Value> = errors.chain(answers).collect();
    let details = [operation.details, &needed(need)].join("\n\n");
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag.name()],
        "summary": operation.summary,
        "description": details.trim(),
        "responses": responses,
        "security": securities(need),
        // For programs: what the description says in words.
        "x-onnxd-role": need.to_string(),
    });
    if !operation.parameters.is_empty() {
        described["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
    if let Some(of) = &operation.body {
        described["requestBody"] = body(of);
    }
    described
}

/// Statuses of errors: those that were said, and those that come with what it has.
fn errors(operation: &Operation, need: Need) -> BTreeSet<u16> {
    let mut all: BTreeSet<u16> = operation.errors.iter().copied().collect();
    if operation.parameters.iter().any(|parameter| parameter.place != Place::Header) {
        all.insert(400);
    }
    if operation.body.is_some() {
        all.extend([400, 408, 413, 415, 500]);
    }
    match need {
        Need::Public => {}
        Need::Any => all.extend([401, 429]),
        Need::Of(_) => all.extend([401, 403, 429]),
    }
    all.retain(|status| operation.answers.iter().all(|answer| answer.status != *status));
    all
}

fn needed(need: Need) -> String {
    match need {
        Need::Public => "Needs no key.".to_owned(),
        Need::Any => "Needs any key, where keys are asked for.".to_owned(),
        Need::Of(role) => format!("Needs a key with the role `{role}`, where keys are asked for."),
    }
}

/// None, or one of the two ways to send a key.
fn securities(need: Need) -> Value {
    match need {
        Need::Public => json!([]),
        Need::Any | Need::Of(_) => json!([{"bearer": []}, {"x-api-key": []}]),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    let mut described = json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.is_required,
        "description": parameter.about,
        "schema": parameter.schema,
    });
    if let Some(example) = parameter.example {
        described["example"] = example.into();
    }
    described
}

fn body(body: &Body) -> Value {
    let mut described = json!({"required": body.is_required, "content": contents(&body.kinds)});
    if !body.about.is_empty() {
        described["description"] = body.about.into();
    }
    described
}

fn contents(kinds: &[Kind]) -> Map<String, Value> {
    let content = |kind: &Kind| {
        let mut content = json!({"schema": kind.schema});
        if let Some(example) = &kind.example {
            content["example"] = example.clone();
        }
        (kind.media.to_owned(), content)
    };
    kinds.iter().map(content).collect()
}

fn answer(answer: &Answer) -> Value {
    let status = StatusCode::from_u16(answer.status).ok();
    let reason = status.and_then(|status| status.canonical_reason()).unwrap_or_default();
    let about = if answer.about.is_empty() { reason } else { answer.about };
    let mut described = json!({"description": about});
    if !answer.kinds.is_empty() {
        described["content"] = contents(&answer.kinds).into();
    }
    for (name, schema) in &answer.headers {
        described["headers"][name] = json!({"schema": schema});
    }
    described
}
