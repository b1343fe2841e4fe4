//! The document holds what the table of routes holds, and can be read.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::Value;

use super::operation::Place;
use super::{DOCUMENT, PAGE, document, operations, page, routes};
use crate::access::Need;

fn served() -> Value {
    serde_json::from_slice(DOCUMENT.body()).unwrap()
}

/// Every operation with its path and method.
fn operations_of(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(|(method, operation)| (path.clone(), method.to_uppercase(), operation))
        })
        .collect()
}

/// The route of a path as the document has it: without the verb, and with the sign of a parameter
/// that stands for the rest of the path.
fn route_of(path: &str) -> String {
    let path = path.strip_suffix(":predict").unwrap_or(path);
    path.replace("/ui/{", "/ui/{*")
}

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let there: BTreeSet<(String, String)> = routes()
        .into_iter()
        .map(|(method, path, _)| (path.to_owned(), method.to_string()))
        .collect();
    let described = operations::all().into_iter();
    let described: Vec<(String, String)> =
        described.map(|of| (of.route.to_owned(), of.method.to_string())).collect();
    let once: BTreeSet<_> = described.iter().cloned().collect();
    assert_eq!(once.len(), described.len(), "an operation is described twice");
    assert_eq!(once, there);
    // And that is what the document has: without the verb its paths are routes.
    let document = served();
    let served =
        operations_of(&document).into_iter().map(|(path, method, _)| (route_of(&path), method));
    assert_eq!(served.collect::<BTreeSet<_>>(), there);
}

#[test]
fn a_route_that_nobody_described_is_missed() {
    let mut more = routes();
    more.push((Method::GET, "/new", Need::Any));
    let text = document::of_routes(&more).to_string();
    assert!(!text.contains("\"/new\""));
    assert_ne!(more.len(), operations::all().len());
}

#[test]
fn the_parameters_of_a_path_are_those_of_its_pattern() {
    for operation in operations::all() {
        let in_path = operation.parameters.iter().filter(|of| of.place == Place::Path);
        let described: BTreeSet<&str> = in_path.map(|of| of.name).collect();
        let pattern = operation.route.split('/').filter_map(|segment| {
            let segment = segment.strip_prefix('{')?.strip_suffix('}')?;
            Some(segment.trim_start_matches('*'))
        });
        assert_eq!(described, pattern.collect(), "{}", operation.route);
    }
}

#[test]
fn a_verb_stands_behind_those_routes_that_need_one_and_no_others() {
    for operation in operations::all() {
        let needs_one = operation.method == "POST" && operation.route.starts_with("/v1/");
        assert_eq!(operation.verb, if needs_one { ":predict" } else { "" }, "{}", operation.route);
    }
}

#[test]
fn what_an_operation_needs_is_what_its_route_needs() {
    let document = served();
    let operations: BTreeMap<(String, String), &Value> = operations_of(&document)
        .into_iter()
        .map(|(path, method, of)| ((route_of(&path), method), of))
        .collect();
    for (method, path, need) in routes() {
        let operation = operations[&(path.to_owned(), method.to_string())];
        let need = need.to_string();
        assert_eq!(operation["x-onnxd-role"], need.as_str(), "{method} {path}");
        let ways = operation["security"].as_array().unwrap().len();
        assert_eq!(ways, if need == "public" { 0 } else { 2 }, "{method} {path}");
        let has = |status: &str| operation["responses"].get(status).is_some();
        assert_eq!(has("401"), need != "public", "{method} {path}");
        // Whoever says who they are may have asked too often.
        assert_eq!(has("429"), need != "public" || path == "/api/session", "{method} {path}");
        if !["public", "any"].contains(&need.as_str()) {
            assert!(has("403"), "{method} {path}");
        }
    }
}

#[test]
fn every_operation_says_what_it_is_and_what_it_answers() {
    let document = served();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations_of(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is twice");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        if ["POST", "PUT"].contains(&method.as_str()) && operation["requestBody"].is_object() {
            for status in ["400", "408", "413", "415"] {
                assert!(responses.contains_key(status), "{method} {path} without {status}");
            }
        }
    }
}

/// All references below a value.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(all) => all.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_component_is_there_and_is_used() {
    let document = served();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in &found {
        let there = document.pointer(reference.trim_start_matches('#'));
        assert!(there.is_some(), "{reference} is not there");
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(found.contains(&reference.as_str()), "{reference} is not used");
        }
    }
}

#[test]
fn the_page_has_every_operation_and_every_schema_and_nothing_that_runs_or_is_fetched() {
    let page = std::str::from_utf8(PAGE.body()).unwrap();
    let document = served();
    for (path, _, operation) in operations_of(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.contains(&format!("<details id=\"{id}\">")), "{id}");
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<h3 id=\"schema-{name}\">")), "{name}");
    }
    for never in ["<script", "<img", "<link", " style=", "javascript:", " src=", "http-equiv"] {
        assert!(!page.contains(never), "{never} in the page");
    }
    let addresses = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for address in addresses {
        let is_here = address == "openapi.json"
            || address.strip_prefix('#').is_some_and(|id| page.contains(&format!("id=\"{id}\"")));
        assert!(is_here, "{address} leads nowhere");
    }
    assert!(page::policy().starts_with("default-src 'none'; style-src 'sha256-"));
}
