//! The document as a page: plain HTML, made by the server, so that it needs no script and nothing
//! from elsewhere.

mod example;
mod fields;
mod style;

use std::fmt::{self, Display, Write as _};

use serde_json::{Map, Value};

use fields::{described, table};
use style::STYLE;

/// The page of a document.
pub(super) fn of_document(json: &[u8]) -> String {
    let document: Value = serde_json::from_slice(json).unwrap_or_default();
    let mut page = String::new();
    // Writing into a string cannot fail.
    let _ = write(&mut page, &document);
    page
}

/// Nothing but the style that stands in the page.
pub(super) fn policy() -> String {
    use base64::Engine as _;
    let digest = crate::digest::first::<32>(STYLE);
    let digest = base64::engine::general_purpose::STANDARD.encode(digest);
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// A text between tags or in an attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}

/// The text of a key.
fn text<'a>(value: &'a Value, key: &str) -> Escaped<'a> {
    Escaped(value[key].as_str().unwrap_or_default())
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What a tag is called in addresses.
fn anchor(tag: &Value) -> String {
    format!("tag-{}", tag["name"].as_str().unwrap_or_default().replace(' ', "-"))
}

fn write(page: &mut String, document: &Value) -> fmt::Result {
    let info = &document["info"];
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} {version}</title><style>{STYLE}</style></head><body>\
         <header><h1>{title} <small>{version}</small></h1>",
        title = text(info, "title"),
        version = text(info, "version"),
    )?;
    paragraphs(page, info["description"].as_str().unwrap_or_default())?;
    // Relative, for whoever puts a path before it.
    page.write_str(
        "<p>For programs: <a href=\"openapi.json\">openapi.json</a></p></header><nav><ul>",
    )?;
    for tag in items(&document["tags"]) {
        write!(page, "<li><a href=\"#{}\">{}</a></li>", anchor(tag), text(tag, "name"))?;
    }
    page.write_str("<li><a href=\"#schemas\">schemas</a></li></ul></nav><main>")?;
    for tag in items(&document["tags"]) {
        section(page, document, tag)?;
    }
    page.write_str("<section id=\"schemas\"><h2>schemas</h2>")?;
    for (name, schema) in entries(&document["components"]["schemas"]) {
        write!(page, "<h3 id=\"schema-{0}\">{0}</h3>", Escaped(name))?;
        described(page, schema)?;
    }
    page.write_str("</section></main></body></html>\n")
}

fn paragraphs(page: &mut String, text: &str) -> fmt::Result {
    let all = text.split("\n\n").filter(|paragraph| !paragraph.is_empty());
    all.into_iter().try_for_each(|paragraph| write!(page, "<p>{}</p>", Escaped(paragraph)))
}

fn section(page: &mut String, document: &Value, tag: &Value) -> fmt::Result {
    let name = text(tag, "name");
    write!(
        page,
        "<section id=\"{}\"><h2>{name}</h2><p>{}</p>",
        anchor(tag),
        text(tag, "description")
    )?;
    for (path, methods) in entries(&document["paths"]) {
        for (method, operation) in entries(methods) {
            if items(&operation["tags"]).any(|of| *of == tag["name"]) {
                self::operation(page, document, (method, path), operation)?;
            }
        }
    }
    page.write_str("</section>")
}

fn operation(
    page: &mut String,
    document: &Value,
    (method, path): (&str, &str),
    operation: &Value,
) -> fmt::Result {
    write!(
        page,
        "<details id=\"{}\"><summary><b>{}</b> <code>{}</code> {}</summary>",
        text(operation, "operationId"),
        method.to_uppercase(),
        Escaped(path),
        text(operation, "summary"),
    )?;
    paragraphs(page, operation["description"].as_str().unwrap_or_default())?;
    parameters(page, &operation["parameters"])?;
    let body = &operation["requestBody"];
    if body.is_object() {
        page.write_str("<h4>body</h4>")?;
        paragraphs(page, body["description"].as_str().unwrap_or_default())?;
        contents(page, &body["content"])?;
    }
    answers(page, document, &operation["responses"])?;
    let command = example::curl(method, path, operation);
    write!(page, "<h4>example</h4><pre>{}</pre></details>", Escaped(&command))
}

fn parameters(page: &mut String, all: &Value) -> fmt::Result {
    if items(all).next().is_none() {
        return Ok(());
    }
    page.write_str("<h4>parameters</h4>")?;
    let rows = items(all).map(|parameter| {
        let name = parameter["name"].as_str().unwrap_or_default();
        let place = parameter["in"].as_str().unwrap_or_default();
        (format!("{name} ({place})"), &parameter["schema"], parameter["description"].as_str())
    });
    table(page, rows)
}

/// Each media type and what comes as it.
fn contents(page: &mut String, contents: &Value) -> fmt::Result {
    let rows = entries(contents).map(|(media, content)| {
        (media.clone(), &content["schema"], content["schema"]["description"].as_str())
    });
    table(page, rows)
}

fn answers(page: &mut String, document: &Value, all: &Value) -> fmt::Result {
    page.write_str("<h4>answers</h4><table>")?;
    for (status, answer) in entries(all) {
        let answer = match answer["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')),
            None => Some(answer),
        };
        let Some(answer) = answer else { continue };
        write!(page, "<tr><td>{}</td><td>", Escaped(status))?;
        for (media, content) in entries(&answer["content"]) {
            write!(page, "{} ", Escaped(media))?;
            fields::kind(page, &content["schema"])?;
            page.write_str("<br>")?;
        }
        for (name, _) in entries(&answer["headers"]) {
            write!(page, "{}<br>", Escaped(name))?;
        }
        write!(page, "</td><td>{}</td></tr>", text(answer, "description"))?;
    }
    page.write_str("</table>")
}
