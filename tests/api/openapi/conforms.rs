//! As much of JSON Schema as the document uses. A word that is not known here fails, so that
//! nothing passes unseen.

use serde_json::{Map, Value};

/// Words that say something to people only.
const WORDS: [&str; 3] = ["description", "format", "pattern"];

/// # Errors
/// Where the value is not as the schema says.
pub(super) fn conforms(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Some(schema) = schema.as_object() else {
        let is_right = *schema != Value::Bool(false);
        return is_right.then_some(()).ok_or_else(|| format!("{value} must not be there"));
    };
    for (word, rule) in schema {
        let is_right = match word.as_str() {
            "$ref" => {
                let pointer = rule.as_str().unwrap_or_default().trim_start_matches('#');
                let named = document.pointer(pointer).ok_or_else(|| format!("no {pointer}"))?;
                conforms(document, named, value)?;
                true
            }
            "type" => is_of(rule, value),
            "enum" => list(rule).any(|allowed| allowed == value),
            "minimum" => value.as_f64().is_none_or(|number| Some(number) >= rule.as_f64()),
            "maximum" => value.as_f64().is_none_or(|number| Some(number) <= rule.as_f64()),
            "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= number(rule)),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= number(rule)),
            "required" => value.as_object().is_none_or(|object| {
                list(rule).filter_map(Value::as_str).all(|key| object.contains_key(key))
            }),
            "properties" | "additionalProperties" => {
                value.as_object().map_or(Ok(()), |object| keys(document, schema, object))?;
                true
            }
            "propertyNames" => true,
            "items" => {
                list(value).try_for_each(|item| conforms(document, rule, item))?;
                true
            }
            "anyOf" => choices(document, rule, value) > 0,
            "oneOf" => choices(document, rule, value) == 1,
            word if WORDS.contains(&word) => true,
            word => return Err(format!("'{word}' is not known here")),
        };
        if !is_right {
            return Err(format!("expected {word} {rule}, came {value}"));
        }
    }
    Ok(())
}

fn keys(
    document: &Value,
    schema: &Map<String, Value>,
    object: &Map<String, Value>,
) -> Result<(), String> {
    let open = Value::Bool(true);
    let others = schema.get("additionalProperties").unwrap_or(&open);
    object.iter().try_for_each(|(key, value)| {
        let named = schema.get("properties").and_then(|properties| properties.get(key));
        conforms(document, named.unwrap_or(others), value)
            .map_err(|error| format!("{key}: {error}"))
    })
}

fn choices(document: &Value, all: &Value, value: &Value) -> usize {
    list(all).filter(|choice| conforms(document, choice, value).is_ok()).count()
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match (kind, value) {
        (Value::Array(kinds), _) => kinds.iter().any(|kind| is_of(kind, value)),
        (Value::String(kind), Value::Number(number)) => {
            kind == "number" || kind == "integer" && !number.is_f64()
        }
        (Value::String(kind), value) => {
            let is = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            kind == is
        }
        _ => false,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
