//! The document of the interface: what it says, how it is served, and that answers are as it says.

mod conforms;

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, Keys, Repository, Server, models_that_ship};
use conforms::conforms;

fn document(server: &Server) -> Value {
    let answer = server.get("/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

#[test]
fn the_document_says_what_people_have_agreed_to() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let mut document = document(&server);
    document["info"]["version"] = "[version]".into();
    let text = serde_json::to_string_pretty(&document).expect("it is JSON");
    assert_snapshot!(text);
    server.stop();
}

#[test]
fn the_document_and_the_page_need_no_key_and_are_sent_once() {
    let repository = Repository::with(&["scale_1"]);
    let keys = Keys::of_roles(&["operate"]);
    let server = Server::start(repository.path(), &["--auth-keys", &keys.file()]);
    assert_eq!(server.get("/v1/models").status, 401);
    for (path, kind) in
        [("/openapi.json", "application/json"), ("/docs", "text/html; charset=utf-8")]
    {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let tag = answer.header("etag").expect("it has a tag").to_owned();
        assert!(!answer.text().contains("scale_1"), "a model is named in {path}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()]
        {
            let again = server.get_with(path, &[("if-none-match", &known)]);
            assert_eq!((again.status, again.body.len()), (304, 0), "{path}: {known}");
            assert_eq!(again.header("etag"), Some(tag.as_str()));
        }
        let changed = server.get_with(path, &[("if-none-match", "\"other\"")]);
        assert_eq!(changed.status, 200);
    }
    let policy = server.get("/docs").header("content-security-policy").map(str::to_owned);
    let policy = policy.expect("the page has a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    server.stop();
}

/// The schema of an answer as the document has it: none for a status that it does not have.
fn schema<'a>(document: &'a Value, operation: &'a Value, answer: &Answer) -> Option<&'a Value> {
    let mut response = &operation["responses"][answer.status.to_string()];
    if let Some(reference) = response["$ref"].as_str() {
        response = document.pointer(reference.trim_start_matches('#'))?;
    }
    let media = answer.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default();
    if response.is_object() && answer.body.is_empty() && response.get("content").is_none() {
        return Some(&Value::Null);
    }
    response["content"].get(media).map(|content| &content["schema"])
}

/// Sends what the document has as examples.
fn ask(server: &Server, method: &str, path: &str, operation: &Value) -> Answer {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let needed = parameters.filter(|parameter| parameter["required"] == true);
    let path = needed.fold(path.to_owned(), |path, parameter| {
        let name = parameter["name"].as_str().expect("it has a name");
        let example = parameter["example"].as_str().expect("it has an example");
        if parameter["in"] == "query" {
            format!("{path}?{name}={example}")
        } else {
            path.replace(&format!("{{{name}}}"), example)
        }
    });
    let content = &operation["requestBody"]["content"];
    let json = &content["application/json"]["example"];
    let body = if json.is_null() { String::new() } else { json.to_string() };
    let kind = if content["text/csv"].is_null() { "application/json" } else { "text/csv" };
    server.connect().request(
        &method.to_uppercase(),
        &path,
        &[("content-type", kind)],
        body.as_bytes(),
    )
}

#[test]
fn every_example_is_answered_as_the_document_says() {
    let jobs = Repository::new();
    jobs.write("in.csv", "pixels[0]\n1\n");
    let root = jobs.path().display().to_string();
    let arguments = ["--job-root", &root];
    let server = Server::start(&models_that_ship(), &arguments);
    let routing = json!({"labels": {"stable": 1}}).to_string();
    assert_eq!(server.put("/api/models/digits/routing", routing).status, 200);
    let document = document(&server);
    let mut asked = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("there are paths") {
        for (method, operation) in methods.as_object().expect("there are methods") {
            let id = operation["operationId"].as_str().expect("it has an id");
            // It does not end before the job does.
            if id == "jobEvents" || id == "resetRouting" {
                continue;
            }
            let answer = ask(&server, method, path, operation);
            let what = format!("{id}: {method} {path}: {answer:?}");
            let schema = schema(&document, operation, &answer);
            let schema = schema.unwrap_or_else(|| panic!("not in the document: {what}"));
            // Lines of JSON are none while there are no rows.
            let kind = answer.header("content-type").unwrap_or_default();
            if kind.contains("json") && !kind.contains("ndjson") {
                conforms(&document, schema, &answer.json())
                    .unwrap_or_else(|error| panic!("{error}: {what}"));
            }
            // There is no such job and no such schedule, nothing to go back to, no right to
            // unload, no row in the file, and no reference.
            let expected = match id {
                "job" | "deleteJob" | "retryJob" | "runSchedule" | "driftDistribution" => 404,
                "rollBack" => 409,
                "unloadModel" | "score" | "scoreVersion" => 400,
                "submitJob" | "feedback" => 202,
                _ => 200,
            };
            assert_eq!(answer.status, expected, "{what}");
            asked.insert(id);
        }
    }
    assert!(asked.len() > 50, "only {} operations", asked.len());
    server.stop();
}

#[test]
fn answers_that_are_full_of_figures_are_as_the_document_says() {
    let server = Server::start(&models_that_ship(), &[]);
    let document = document(&server);
    let example = std::fs::read(models_that_ship().join("flight-delay/example.json"));
    let example = example.expect("the model has an example");
    assert_eq!(server.post("/v2/models/flight-delay/infer", &example).status, 200);
    for (path, name) in [
        ("/api/overview", "Overview"),
        ("/api/models/flight-delay/history", "History"),
        ("/api/models/flight-delay/history?span=week", "History"),
        ("/api/models", "Models"),
        ("/api/models/flight-delay/contract", "ContractReports"),
        ("/api/models/flight-delay/drift", "DriftReports"),
        ("/api/models/flight-delay/drift/state?window=long", "DriftStates"),
        ("/api/models/flight-delay/drift/distribution?feature=carrier", "DriftDistribution"),
        ("/api/models/flight-delay/drift/distribution?feature=hour&span=week", "DriftDistribution"),
        ("/api/models/flight-delay/versions/2", "VersionDetails"),
        ("/api/models/flight-delay/example", "Example"),
        ("/api/models/flight-delay/quality", "QualityReports"),
        ("/v2/models/flight-delay", "ModelMetadata"),
        ("/v2/models/flight-delay/config", "ModelConfiguration"),
        ("/v2/models/stats", "Statistics"),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let schema = &document["components"]["schemas"][name];
        conforms(&document, schema, &answer.json())
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    server.stop();
}

#[test]
fn what_is_wrong_below_api_is_always_a_problem_document() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    for (path, says) in [
        ("/api/models/%FF/drift", "the path is not UTF-8"),
        ("/api/models/scale_1/drift?other=1", "unknown field `other`"),
        ("/api/models/scale_1/drift/state?window=wide", "window is 'wide', expected short or long"),
        ("/api/jobs?limit=many", "invalid digit"),
    ] {
        let (status, detail) = server.get(path).problem();
        assert_eq!(status, 400, "{path}");
        assert!(detail.contains(says), "{path}: {detail}");
    }
    let (status, message) = server.get("/v2/models/%FF").error();
    assert_eq!((status, message.as_str()), (400, "the path is not UTF-8"));
    server.stop();
}
