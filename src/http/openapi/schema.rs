//! Schemas in few words. What the server sends is closed: a key that is not said here is one that
//! the document forgot, and real answers are held against it. What it reads is open where unknown
//! keys are skipped, and closed where they are refused.

use serde_json::{Map, Value, json};

/// As JSON Schema 2020-12 has it, which version 3.1 of the specification uses as it is.
pub(super) type Schema = Value;

/// A component with its name.
pub(super) type Named = (&'static str, Schema);

/// The component of this name.
pub(super) fn of(name: &str) -> Schema {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The same with a key more; none where there is nothing to say.
fn about(mut schema: Schema, what: &str) -> Schema {
    if !what.is_empty() {
        schema["description"] = what.into();
    }
    schema
}

pub(super) fn text(what: &str) -> Schema {
    about(json!({"type": "string"}), what)
}

/// A text of this form (a regular expression).
pub(super) fn form(pattern: &str, what: &str) -> Schema {
    about(json!({"type": "string", "pattern": pattern}), what)
}

/// One of these texts.
pub(super) fn one_of(values: &[&str], what: &str) -> Schema {
    about(json!({"type": "string", "enum": values}), what)
}

pub(super) fn flag(what: &str) -> Schema {
    about(json!({"type": "boolean"}), what)
}

/// A whole number of 64 bits without a sign.
pub(super) fn count(what: &str) -> Schema {
    count_to(u64::MAX, what)
}

/// The same up to this.
pub(super) fn count_to(most: u64, what: &str) -> Schema {
    about(json!({"type": "integer", "minimum": 0, "maximum": most}), what)
}

/// A whole number of 64 bits with a sign.
pub(super) fn whole(what: &str) -> Schema {
    about(json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}), what)
}

pub(super) fn number(what: &str) -> Schema {
    about(json!({"type": "number"}), what)
}

/// From 0 to 1.
pub(super) fn share(what: &str) -> Schema {
    about(json!({"type": "number", "minimum": 0, "maximum": 1}), what)
}

/// Any JSON.
pub(super) fn any(what: &str) -> Schema {
    about(json!({}), what)
}

pub(super) fn list(items: Schema, what: &str) -> Schema {
    about(json!({"type": "array", "items": items}), what)
}

pub(super) fn list_up_to(most: usize, items: Schema, what: &str) -> Schema {
    about(json!({"type": "array", "items": items, "maxItems": most}), what)
}

/// An object whose keys are names.
pub(super) fn map(values: Schema, what: &str) -> Schema {
    about(json!({"type": "object", "additionalProperties": values}), what)
}

/// The same where names have this form.
pub(super) fn map_by(pattern: &str, values: Schema, what: &str) -> Schema {
    let mut map = map(values, what);
    map["propertyNames"] = json!({"pattern": pattern});
    map
}

pub(super) fn either(choices: impl IntoIterator<Item = Schema>, what: &str) -> Schema {
    let choices: Vec<Schema> = choices.into_iter().collect();
    about(json!({"anyOf": choices}), what)
}

/// One of them and no other.
pub(super) fn exclusive(choices: impl IntoIterator<Item = Schema>, what: &str) -> Schema {
    let choices: Vec<Schema> = choices.into_iter().collect();
    about(json!({"oneOf": choices}), what)
}

/// This, or `null`.
pub(super) fn or_null(mut schema: Schema) -> Schema {
    match &schema["type"] {
        Value::String(kind) if schema.get("enum").is_none() => {
            schema["type"] = json!([kind, "null"]);
            schema
        }
        _ => either([schema, json!({"type": "null"})], ""),
    }
}

/// A key of an object.
pub(super) struct Field {
    name: &'static str,
    is_required: bool,
    schema: Schema,
}

/// A key that is always there.
pub(super) fn always(name: &'static str, schema: Schema) -> Field {
    Field { name, is_required: true, schema }
}

/// A key that may be missing.
pub(super) fn maybe(name: &'static str, schema: Schema) -> Field {
    Field { name, is_required: false, schema }
}

/// An object with these keys and no others.
pub(super) fn closed(what: &str, fields: impl IntoIterator<Item = Field>) -> Schema {
    let mut object = open(what, fields);
    object["additionalProperties"] = false.into();
    object
}

/// An object with these keys, and others that mean nothing here.
pub(super) fn open(what: &str, fields: impl IntoIterator<Item = Field>) -> Schema {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        if field.is_required {
            required.push(field.name);
        }
        properties.insert(field.name.to_owned(), field.schema);
    }
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    about(object, what)
}
