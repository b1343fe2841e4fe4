//! A command that asks for an operation.

use serde_json::Value;

use super::{entries, items};

/// With what the document has as examples, in quotes that a shell reads.
pub(super) fn curl(method: &str, path: &str, operation: &Value) -> String {
    let mut words = vec!["curl -s".to_owned()];
    let body = &operation["requestBody"]["content"];
    let json = &body["application/json"]["example"];
    let file = entries(body).map(|(media, _)| media.as_str()).find(|media| *media == "text/csv");
    // With -d it is a POST by itself.
    let is_implied = method == "get" || method == "post" && file.is_none() && !json.is_null();
    if !is_implied {
        words.push(format!("-X {}", method.to_uppercase()));
    }
    let path = filled(path, operation);
    words.push(quoted(&format!("http://localhost:8080{path}")));
    if let Some(media) = file {
        let header = format!("Content-Type: {media}");
        words.push(format!("-H {} -T rows.csv", quoted(&header)));
    } else if !json.is_null() {
        words.push(format!("-d {}", quoted(&json.to_string())));
    }
    if items(&operation["security"]).next().is_some() {
        words.push("-H \"X-API-Key: $KEY\"".to_owned());
    }
    words.join(" ")
}

/// The path with examples for its parameters, and those of the query that must be there.
fn filled(path: &str, operation: &Value) -> String {
    let needed = items(&operation["parameters"]).filter(|parameter| parameter["required"] == true);
    needed.fold(path.to_owned(), |path, parameter| {
        let name = parameter["name"].as_str().unwrap_or_default();
        let example = parameter["example"].as_str().unwrap_or(name);
        if parameter["in"] == "query" {
            let joint = if path.contains('?') { '&' } else { '?' };
            return format!("{path}{joint}{name}={example}");
        }
        path.replace(&format!("{{{name}}}"), example)
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
