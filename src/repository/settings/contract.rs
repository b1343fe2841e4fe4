//! `[contract]` of `model.toml`, and `contract.toml`.

pub(super) mod write;

use std::ops::Range;

use super::reader::{Reader, Table};
use super::values;
use crate::contract::{
    Document, FeatureRule, Line, Mode, Operator, OutputRule, Relation, Required, RowRule,
};

const KEYS: [&str; 6] = ["mode", "values", "max_rows", "feature", "row", "output"];

const FEATURE_KEYS: [&str; 12] = [
    "name",
    "mode",
    "nullable",
    "nan",
    "inf",
    "min",
    "max",
    "set",
    "pattern",
    "max_length",
    "clip",
    "impute",
];

const ROW_KEYS: [&str; 5] = ["mode", "left", "operator", "right", "required_if"];

const OUTPUT_KEYS: [&str; 5] = ["name", "mode", "finite", "min", "max"];

const MODES: [Mode; 6] =
    [Mode::Off, Mode::Observe, Mode::Warn, Mode::Reject, Mode::Quarantine, Mode::Repair];

/// Of `contract.toml`, whose keys have no prefix.
pub(super) fn parse(text: &str) -> Result<Document, String> {
    let mut reader = Reader::new(text);
    let mut found = Document::default();
    if let Some(document) = reader.document() {
        let root = reader.root(&document, &KEYS);
        found = of(&mut reader, &root);
    }
    reader.finish()?;
    Ok(found)
}

pub(super) fn read(reader: &mut Reader, root: &Table) -> Option<Document> {
    let table = reader.table(root, "contract", &KEYS)?;
    Some(of(reader, &table))
}

fn of(reader: &mut Reader, table: &Table) -> Document {
    let features = reader.tables(table, "feature", &FEATURE_KEYS);
    let rows = reader.tables(table, "row", &ROW_KEYS);
    let outputs = reader.tables(table, "output", &OUTPUT_KEYS);
    Document {
        mode: mode(reader, table).unwrap_or_default(),
        values: reader.get(table, "values", values::boolean).unwrap_or(false),
        max_rows: reader.get(table, "max_rows", values::whole(1)),
        features: features.iter().filter_map(|(at, rule)| feature(reader, at, rule)).collect(),
        rows: rows.iter().filter_map(|(at, rule)| row(reader, at, rule)).collect(),
        outputs: outputs.iter().filter_map(|(at, rule)| output(reader, at, rule)).collect(),
    }
}

fn mode(reader: &mut Reader, table: &Table) -> Option<Mode> {
    reader.get(table, "mode", values::one_of(&MODES.map(|mode| (mode.as_str(), mode))))
}

fn feature(reader: &mut Reader, at: &Range<usize>, table: &Table) -> Option<FeatureRule> {
    Some(FeatureRule {
        line: Line(reader.line(at.start)),
        name: reader.require(table, at, "name", values::text)?,
        mode: mode(reader, table),
        nullable: reader.get(table, "nullable", values::boolean),
        nan: reader.get(table, "nan", values::boolean),
        inf: reader.get(table, "inf", values::boolean),
        min: reader.get(table, "min", values::exact),
        max: reader.get(table, "max", values::exact),
        set: reader.get(table, "set", values::scalars),
        pattern: reader.get(table, "pattern", values::text),
        max_length: reader.get(table, "max_length", values::whole(1)),
        clip: reader.get(table, "clip", values::boolean).unwrap_or(false),
        impute: reader.get(table, "impute", values::scalar),
    })
}

fn row(reader: &mut Reader, at: &Range<usize>, table: &Table) -> Option<RowRule> {
    let (line, mode) = (Line(reader.line(at.start)), mode(reader, table));
    if let Some(table) = reader.table(table, "required_if", &["feature", "equals", "then"]) {
        let required = Required {
            feature: reader.require(&table, at, "feature", values::text)?,
            equals: reader.require(&table, at, "equals", values::scalar)?,
            then: reader.require(&table, at, "then", values::text)?,
        };
        return Some(RowRule { line, mode, relation: Relation::RequiredIf(required) });
    }
    let operators = [Operator::AtMost, Operator::Less, Operator::Equal];
    let words = operators.map(|operator| (operator.as_str(), operator));
    let operator = values::one_of(&words);
    let relation = Relation::Compare {
        left: reader.require(table, at, "left", values::text)?,
        operator: reader.require(table, at, "operator", operator)?,
        right: reader.require(table, at, "right", values::text)?,
    };
    Some(RowRule { line, mode, relation })
}

fn output(reader: &mut Reader, at: &Range<usize>, table: &Table) -> Option<OutputRule> {
    Some(OutputRule {
        line: Line(reader.line(at.start)),
        name: reader.require(table, at, "name", values::text)?,
        mode: mode(reader, table),
        finite: reader.get(table, "finite", values::boolean).unwrap_or(true),
        min: reader.get(table, "min", values::exact),
        max: reader.get(table, "max", values::exact),
    })
}

#[cfg(test)]
mod tests;
