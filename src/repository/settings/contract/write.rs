//! Contracts as text: a suggested one, and one whose modes change while the rest of it, comments
//! and all, stays as its owner wrote it.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value, value};

use crate::contract::{FeatureRule, Mode, Number, OutputRule, Promotion, Scalar, Suggested};

const HEADER: &str = "\
# Suggested by onnxd profile: what no row of the data broke. It is in force while there is no
# other contract, and only observes. Read it, mend it, and when enough requests were checked:
# onnxd contract promote
";

pub(in crate::repository::settings) fn suggested(suggested: &Suggested) -> String {
    let Suggested { document, notes, rows } = suggested;
    let mut text = DocumentMut::new();
    text["mode"] = value(document.mode.as_str());
    let mut notes = notes.iter().map(String::as_str);
    let mut put = |key: &str, tables: Vec<Table>| {
        let mut list = ArrayOfTables::new();
        for mut table in tables {
            let note = notes.next().unwrap_or_default();
            table.decor_mut().set_prefix(format!("\n# {note}\n"));
            list.push(table);
        }
        if !list.is_empty() {
            text[key] = Item::ArrayOfTables(list);
        }
    };
    put("feature", document.features.iter().map(feature).collect());
    put("output", document.outputs.iter().map(output).collect());
    format!("{HEADER}# Rows: {rows}\n{text}")
}

fn feature(rule: &FeatureRule) -> Table {
    let mut table = Table::new();
    table["name"] = value(&rule.name);
    let mut put = |key: &str, found: Option<Value>| {
        if let Some(found) = found {
            table[key] = value(found);
        }
    };
    put("nullable", rule.nullable.map(Value::from));
    put("nan", rule.nan.map(Value::from));
    put("inf", rule.inf.map(Value::from));
    put("min", rule.min.map(number));
    put("max", rule.max.map(number));
    put("set", rule.set.as_ref().map(|set| set.iter().map(scalar).collect::<Array>().into()));
    put(
        "max_length",
        rule.max_length.and_then(|length| i64::try_from(length).ok()).map(Value::from),
    );
    table
}

fn output(rule: &OutputRule) -> Table {
    let mut table = Table::new();
    table["name"] = value(&rule.name);
    table["finite"] = value(rule.finite);
    for (key, bound) in [("min", rule.min), ("max", rule.max)] {
        if let Some(bound) = bound {
            table[key] = value(number(bound));
        }
    }
    table
}

fn scalar(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Number(found) => number(*found),
        Scalar::Text(text) => text.into(),
    }
}

/// Whole numbers as people write them.
fn number(number: Number) -> Value {
    let whole = number.whole().and_then(|whole| i64::try_from(whole).ok());
    whole.map_or_else(|| number.real().into(), Value::from)
}

/// The contract in this text with the modes of a promotion: that of `contract.toml`, or what
/// stands under `[contract]`.
///
/// # Errors
/// If it is no TOML, or not what the promotion was made of.
pub(in crate::repository::settings) fn promoted(
    text: &str,
    promotion: &Promotion,
    in_settings: bool,
) -> Result<String, String> {
    let mut document: DocumentMut =
        text.parse().map_err(|e: toml_edit::TomlError| e.to_string())?;
    let mut root: &mut dyn TableLike = document.as_table_mut();
    if in_settings {
        let found = root.get_mut("contract").and_then(Item::as_table_like_mut);
        root = found.ok_or("there is no [contract]")?;
    }
    set(root, Some(promotion.mode));
    for (key, modes) in
        [("feature", &promotion.features), ("row", &promotion.rows), ("output", &promotion.outputs)]
    {
        let mut tables = root.get_mut(key).map(tables).unwrap_or_default();
        if tables.len() != modes.len() {
            return Err(format!("{} rules of {key}, expected {}", tables.len(), modes.len()));
        }
        tables.iter_mut().zip(modes).for_each(|(table, mode)| set(*table, *mode));
    }
    Ok(document.to_string())
}

fn tables(item: &mut Item) -> Vec<&mut dyn TableLike> {
    match item {
        Item::ArrayOfTables(tables) => {
            tables.iter_mut().map(|table| table as &mut dyn TableLike).collect()
        }
        Item::Value(Value::Array(tables)) => {
            let inline = tables.iter_mut().filter_map(Value::as_inline_table_mut);
            inline.map(|table| table as &mut dyn TableLike).collect()
        }
        _ => Vec::new(),
    }
}

/// A mode of its own, or none.
fn set(table: &mut dyn TableLike, mode: Option<Mode>) {
    let Some(mode) = mode else {
        table.remove("mode");
        return;
    };
    match table.get_mut("mode").and_then(Item::as_value_mut) {
        Some(found) => {
            // What stands behind it on the line is a comment of the owner's.
            let decor = found.decor().clone();
            *found = mode.as_str().into();
            *found.decor_mut() = decor;
        }
        None => {
            table.insert("mode", value(mode.as_str()));
        }
    }
}
