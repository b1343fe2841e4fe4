//! Schemas as tables.

use std::fmt::{self, Write as _};

use serde_json::Value;

use super::{Escaped, entries, items, text};

/// A row: a name, its schema, what is said of it.
type Row<'a> = (String, &'a Value, Option<&'a str>);

pub(super) fn table<'a>(page: &mut String, rows: impl IntoIterator<Item = Row<'a>>) -> fmt::Result {
    page.write_str("<table>")?;
    for (name, schema, about) in rows {
        write!(page, "<tr><td><code>{}</code></td><td>", Escaped(&name))?;
        kind(page, schema)?;
        write!(page, "</td><td>{}</td></tr>", Escaped(about.unwrap_or_default()))?;
    }
    page.write_str("</table>")
}

/// A component with its keys.
pub(super) fn described(page: &mut String, schema: &Value) -> fmt::Result {
    write!(page, "<p>{}</p>", text(schema, "description"))?;
    let mut rows = Vec::new();
    collect(&mut rows, "", schema);
    if rows.is_empty() {
        page.write_str("<p>")?;
        kind(page, schema)?;
        return page.write_str("</p>");
    }
    table(page, rows)
}

/// The keys of an object and of objects in it, with dots between.
fn collect<'a>(rows: &mut Vec<Row<'a>>, before: &str, schema: &'a Value) {
    for (name, property) in entries(&schema["properties"]) {
        let is_required = items(&schema["required"]).any(|required| required == name);
        let mark = if is_required { "" } else { "?" };
        rows.push((format!("{before}{name}{mark}"), property, property["description"].as_str()));
        collect(rows, &format!("{before}{name}."), property);
        collect(rows, &format!("{before}{name}[]."), &property["items"]);
        let named = &property["additionalProperties"];
        collect(rows, &format!("{before}{name}.*."), named);
    }
    for choice in ["anyOf", "oneOf"].iter().flat_map(|key| items(&schema[*key])) {
        collect(rows, before, choice);
    }
}

/// What a value is, in a few words.
pub(super) fn kind(page: &mut String, schema: &Value) -> fmt::Result {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = Escaped(reference.rsplit('/').next().unwrap_or(reference));
        return write!(page, "<a href=\"#schema-{name}\">{name}</a>");
    }
    for key in ["anyOf", "oneOf"] {
        if schema[key].is_array() {
            return choices(page, items(&schema[key]));
        }
    }
    if schema["enum"].is_array() {
        let values: Vec<String> = items(&schema["enum"]).map(ToString::to_string).collect();
        return write!(page, "{}", Escaped(&values.join(" or ")));
    }
    match &schema["type"] {
        Value::String(name) => simple(page, name, schema),
        Value::Array(names) => {
            for (place, name) in names.iter().filter_map(Value::as_str).enumerate() {
                page.write_str(if place > 0 { " or " } else { "" })?;
                simple(page, name, schema)?;
            }
            Ok(())
        }
        _ => page.write_str("anything"),
    }
}

fn choices<'a>(page: &mut String, all: impl Iterator<Item = &'a Value>) -> fmt::Result {
    for (place, choice) in all.enumerate() {
        if place > 0 {
            page.write_str(" or ")?;
        }
        kind(page, choice)?;
    }
    Ok(())
}

fn simple(page: &mut String, name: &str, schema: &Value) -> fmt::Result {
    match name {
        "array" => {
            page.write_str("list of ")?;
            kind(page, &schema["items"])
        }
        "object" if schema["additionalProperties"].is_object() => {
            page.write_str("object of ")?;
            kind(page, &schema["additionalProperties"])
        }
        "integer" if schema["minimum"] == 0 => page.write_str("integer from 0"),
        "string" if schema["pattern"].is_string() => {
            write!(page, "string <code>{}</code>", text(schema, "pattern"))
        }
        other => write!(page, "{}", Escaped(other)),
    }
}
