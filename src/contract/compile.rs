//! From what an owner wrote to checks of a model's columns. Everything that is wrong is said at
//! once.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;

use half::f16;
use regex::Regex;

use super::check::{Column, Contract, RowCheck, Rule, Test};
use super::document::{Document, FeatureRule, Line, Mode, OutputRule, Relation, Scalar};
use super::quarantine::Ring;
use super::rule::{NumberRule, TextRule};
use super::tally::Entry;
use super::violation::Code;
use crate::engine::Signature;
use crate::features::{self, Feature, Reading, Role};
use crate::tensor::DataType;

struct Compiler<'a> {
    signature: &'a Signature,
    features: Vec<Feature>,
    mode: Mode,
    entries: Vec<Entry>,
    mistakes: Vec<(usize, String)>,
}

impl Contract {
    /// # Errors
    /// Every mistake, with its line.
    pub fn new(document: &Document, signature: &Signature) -> Result<Self, String> {
        let mut compiler = Compiler {
            signature,
            features: features::of(signature),
            mode: document.mode,
            entries: Vec::new(),
            mistakes: Vec::new(),
        };
        let columns = document.features.iter().filter_map(|rule| compiler.feature(rule)).collect();
        let outputs = document.outputs.iter().filter_map(|rule| compiler.output(rule)).collect();
        compiler.refuse_twins(document);
        let relations = document.rows.iter().filter_map(|rule| {
            let mode = rule.mode.unwrap_or(document.mode);
            compiler.relation(rule.line, mode, &rule.relation)
        });
        let relations = relations.collect();
        let inputs = compiler.entries_of_inputs();
        let Compiler { mut features, entries, mut mistakes, .. } = compiler;
        if !mistakes.is_empty() {
            mistakes.sort_by_key(|(line, _)| *line);
            let line = |(line, text)| format!("line {line}: {text}");
            return Err(mistakes.into_iter().map(line).collect::<Vec<_>>().join("; "));
        }
        features.retain(|feature| feature.role == Role::Input);
        Ok(Self {
            id: document.id(),
            mode: document.mode,
            values: document.values,
            max_rows: document.max_rows,
            features,
            columns,
            relations,
            outputs,
            entries,
            inputs,
            rows: AtomicU64::new(0),
            checked: None,
            ring: Ring::default(),
        })
    }
}

impl Compiler<'_> {
    fn mistake(&mut self, line: Line, text: String) {
        self.mistakes.push((line.0, text));
    }

    fn find(&mut self, line: Line, name: &str, role: Role) -> Option<Feature> {
        let of_role = self.features.iter().filter(|feature| feature.role == role);
        let found = of_role.clone().find(|feature| feature.name == name).cloned();
        if found.is_none() {
            let known: Vec<&str> = of_role.take(20).map(|feature| feature.name.as_str()).collect();
            let text = format!("the model has no '{name}', it has {}", known.join(", "));
            self.mistake(line, text);
        }
        found
    }

    fn entry(&mut self, name: &str, mode: Mode, codes: &[Code]) -> usize {
        let codes = if mode == Mode::Off { &[] } else { codes };
        self.entries.push(Entry::new(name.to_owned(), mode, codes));
        self.entries.len() - 1
    }

    /// No answer can be given to inputs that the model does not have, whatever the mode.
    fn entries_of_inputs(&mut self) -> usize {
        let place = self.entry("", self.mode, &[]);
        let whole = [Code::UnexpectedFeature, Code::WrongShape];
        self.entries[place].allow(&whole, Mode::Reject.as_str());
        for spec in &self.signature.inputs {
            let mut entry = Entry::new(spec.name.clone(), self.mode, &[]);
            let codes = [Code::MissingFeature, Code::WrongDtype, Code::WrongShape];
            entry.allow(&codes, Mode::Reject.as_str());
            self.entries.push(entry);
        }
        place
    }

    fn refuse_twins(&mut self, document: &Document) {
        let mut known = HashSet::new();
        let inputs = document.features.iter().map(|rule| (rule.line, &rule.name));
        let outputs = document.outputs.iter().map(|rule| (rule.line, &rule.name));
        for (line, name) in inputs.chain(outputs) {
            if !known.insert(name) {
                self.mistake(line, format!("'{name}' has two rules"));
            }
        }
    }

    fn data_type(&self, feature: &Feature) -> DataType {
        let side = match feature.role {
            Role::Input => &self.signature.inputs,
            Role::Prediction => &self.signature.outputs,
        };
        side[feature.tensor()].data_type
    }

    fn feature(&mut self, rule: &FeatureRule) -> Option<Column> {
        let feature = self.find(rule.line, &rule.name, Role::Input)?;
        let mode = rule.mode.unwrap_or(self.mode);
        let before = self.mistakes.len();
        if mode == Mode::Repair && feature.element(0).is_none() {
            let text = format!("'{}' is more than one value, which cannot be repaired", rule.name);
            self.mistake(rule.line, text);
        }
        if let (Some(min), Some(max)) = (rule.min, rule.max)
            && min > max
        {
            self.mistake(rule.line, format!("'{}': min {min} is above max {max}", rule.name));
        }
        if rule.set.as_ref().is_some_and(Vec::is_empty) {
            self.mistake(rule.line, format!("'{}': the set is empty", rule.name));
        }
        let compiled = if feature.reading == Reading::Text {
            Rule::Text(self.text(rule)?)
        } else {
            Rule::Number(self.number(rule, self.data_type(&feature))?)
        };
        if self.mistakes.len() > before {
            return None;
        }
        let codes = match &compiled {
            Rule::Number(rule) => rule.codes(),
            Rule::Text(rule) => rule.codes(),
        };
        let entry = self.entry(&rule.name, mode, &codes);
        (mode != Mode::Off).then_some(Column { entry, mode, feature, rule: compiled })
    }

    fn number(&mut self, rule: &FeatureRule, data_type: DataType) -> Option<NumberRule> {
        for (there, key) in
            [(rule.pattern.is_some(), "pattern"), (rule.max_length.is_some(), "max_length")]
        {
            if there {
                self.mistake(rule.line, format!("'{}' is a number and has no {key}", rule.name));
            }
        }
        let set =
            rule.set.as_ref().map(|set| set.iter().map(number_of).collect::<Option<Vec<_>>>());
        let impute = rule.impute.as_ref().map(number_of);
        if set == Some(None) || impute == Some(None) {
            self.mistake(rule.line, format!("'{}' is a number, expected numbers", rule.name));
            return None;
        }
        let seen = |number: f64| as_seen(number, data_type);
        let set = set.flatten().map(|set| {
            let mut set: Vec<f64> = set.into_iter().map(|number| seen(number) + 0.0).collect();
            set.sort_by(f64::total_cmp);
            set
        });
        let (min, max) = bounds(rule.min.map(seen), rule.max.map(seen), data_type);
        let clips = [min, max].into_iter().flatten().filter(|_| rule.clip);
        let repairs = clips.chain(impute.flatten());
        for number in repairs.filter(|number| !holds(data_type, *number)) {
            let text = format!("'{}': {number} is no value of {data_type}", rule.name);
            self.mistake(rule.line, text);
        }
        let infinite = if rule.inf.unwrap_or(true) { f64::INFINITY } else { f64::MAX };
        let compiled = NumberRule {
            least: min.unwrap_or(-infinite),
            greatest: max.unwrap_or(infinite),
            min,
            max,
            nan: rule.nan.unwrap_or(true),
            nullable: rule.nullable.unwrap_or(true),
            set,
            clip: rule.clip,
            impute: impute.flatten().map(seen),
        };
        if compiled.clip && min.is_none() && max.is_none() {
            self.mistake(rule.line, format!("'{}': clip needs min or max", rule.name));
        }
        if compiled.impute.is_some_and(|value| compiled.check(value).is_some()) {
            self.mistake(rule.line, format!("'{}': the rule refuses its own impute", rule.name));
        }
        Some(compiled)
    }

    fn text(&mut self, rule: &FeatureRule) -> Option<TextRule> {
        let misplaced = [
            (rule.min.is_some(), "min"),
            (rule.max.is_some(), "max"),
            (rule.nan.is_some(), "nan"),
            (rule.inf.is_some(), "inf"),
            (rule.clip, "clip"),
        ];
        for (_, key) in misplaced.into_iter().filter(|(there, _)| *there) {
            self.mistake(rule.line, format!("'{}' is a text and has no {key}", rule.name));
        }
        let set = rule.set.as_ref().map(|set| set.iter().map(text_of).collect::<Option<_>>());
        let impute = rule.impute.as_ref().map(text_of);
        if set == Some(None) || impute == Some(None) {
            self.mistake(rule.line, format!("'{}' is a text, expected texts", rule.name));
            return None;
        }
        let pattern = rule.pattern.as_ref().map(|written| {
            // Alone first: what closes a bracket of ours would not be anchored.
            Regex::new(written)?;
            Regex::new(&format!("^(?:{written})$")).map(|regex| (written.clone(), regex))
        });
        let pattern = match pattern.transpose() {
            Ok(pattern) => pattern,
            Err(error) => {
                let error = error.to_string().lines().last().unwrap_or_default().to_owned();
                self.mistake(rule.line, format!("'{}': the pattern: {error}", rule.name));
                None
            }
        };
        let compiled = TextRule {
            nullable: rule.nullable.unwrap_or(true),
            set: set.flatten(),
            pattern,
            max_length: rule.max_length,
            impute: impute.flatten(),
        };
        if compiled.impute.as_ref().is_some_and(|text| compiled.check(text).is_some()) {
            self.mistake(rule.line, format!("'{}': the rule refuses its own impute", rule.name));
        }
        Some(compiled)
    }

    fn output(&mut self, rule: &OutputRule) -> Option<Column> {
        let feature = self.find(rule.line, &rule.name, Role::Prediction)?;
        if feature.reading == Reading::Text {
            self.mistake(rule.line, format!("'{}' is a text, expected a number", rule.name));
            return None;
        }
        let as_feature = FeatureRule {
            line: rule.line,
            name: rule.name.clone(),
            nan: Some(!rule.finite),
            inf: Some(!rule.finite),
            min: rule.min,
            max: rule.max,
            ..FeatureRule::default()
        };
        if let (Some(min), Some(max)) = (rule.min, rule.max)
            && min > max
        {
            self.mistake(rule.line, format!("'{}': min {min} is above max {max}", rule.name));
        }
        let mode = rule.mode.unwrap_or(self.mode);
        let compiled = self.number(&as_feature, self.data_type(&feature))?;
        let entry = self.entry(&rule.name, mode, &[Code::OutputInvalid]);
        let rule = Rule::Number(compiled);
        (mode != Mode::Off).then_some(Column { entry, mode, feature, rule })
    }

    fn relation(&mut self, line: Line, mode: Mode, relation: &Relation) -> Option<RowCheck> {
        let test = match relation {
            Relation::Compare { left, operator, right } => {
                let (left, right) =
                    (self.find(line, left, Role::Input), self.find(line, right, Role::Input));
                let (left, right) = (left?, right?);
                for feature in [&left, &right] {
                    if feature.reading != Reading::Number {
                        self.mistake(line, format!("'{}' is no single number", feature.name));
                    }
                }
                Test::Compare(left, *operator, right)
            }
            Relation::RequiredIf(required) => {
                let feature = self.find(line, &required.feature, Role::Input);
                let then = self.find(line, &required.then, Role::Input);
                let (feature, then) = (feature?, then?);
                let of_text = matches!(required.equals, Scalar::Text(_));
                if of_text != (feature.reading == Reading::Text) {
                    let text = format!("'{}' is never {}", feature.name, required.equals);
                    self.mistake(line, text);
                }
                for named in [&feature, &then] {
                    if named.element(0).is_none() {
                        self.mistake(line, format!("'{}' is more than one value", named.name));
                    }
                }
                let equals = match &required.equals {
                    Scalar::Number(number) => {
                        Scalar::Number(as_seen(*number, self.data_type(&feature)))
                    }
                    Scalar::Text(text) => Scalar::Text(text.clone()),
                };
                Test::RequiredIf(feature, equals, then)
            }
        };
        let expected = relation.to_string();
        let entry = self.entry(&expected, mode, &[Code::RowRule]);
        (mode != Mode::Off).then_some(RowCheck { entry, mode, expected, test })
    }
}

/// A bound as the model sees it: 0.1 is another number in 32 bits.
fn as_seen(number: f64, data_type: DataType) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "that is what is wanted")]
    match data_type {
        DataType::Fp32 => f64::from(number as f32),
        DataType::Fp16 => f16::from_f64(number).to_f64(),
        _ => number,
    }
}

/// Bounds that are values of the type: what is clipped becomes one of them.
fn bounds(min: Option<f64>, max: Option<f64>, data_type: DataType) -> (Option<f64>, Option<f64>) {
    match range(data_type) {
        Some(_) => (min.map(f64::ceil), max.map(f64::floor)),
        None => (min, max),
    }
}

/// Whether a tensor of this type can hold the number.
fn holds(data_type: DataType, number: f64) -> bool {
    range(data_type).is_none_or(|(least, greatest)| {
        number.fract() == 0.0 && (least..=greatest).contains(&number)
    })
}

/// Of types of whole numbers.
#[expect(clippy::cast_precision_loss, reason = "the ends of 64 bits are as good rounded")]
fn range(data_type: DataType) -> Option<(f64, f64)> {
    Some(match data_type {
        DataType::Bool => (0.0, 1.0),
        DataType::Uint8 => (0.0, u8::MAX.into()),
        DataType::Uint16 => (0.0, u16::MAX.into()),
        DataType::Uint32 => (0.0, u32::MAX.into()),
        DataType::Uint64 => (0.0, u64::MAX as f64),
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => (i64::MIN as f64, i64::MAX as f64),
        DataType::Fp16 | DataType::Fp32 | DataType::Fp64 | DataType::Bytes => return None,
    })
}

fn number_of(scalar: &Scalar) -> Option<f64> {
    if let Scalar::Number(number) = scalar { Some(*number) } else { None }
}

fn text_of(scalar: &Scalar) -> Option<String> {
    if let Scalar::Text(text) = scalar { Some(text.clone()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_repair_puts_in_is_a_value_of_the_input() {
        assert_eq!(bounds(Some(0.5), Some(9.5), DataType::Int64), (Some(1.0), Some(9.0)));
        assert_eq!(bounds(Some(0.5), None, DataType::Fp32), (Some(0.5), None));
        assert!(holds(DataType::Uint8, 255.0) && !holds(DataType::Uint8, 300.0));
        assert!(!holds(DataType::Int32, 55.7) && holds(DataType::Fp64, 55.7));
    }
}
