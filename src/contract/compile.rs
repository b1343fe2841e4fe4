//! From what an owner wrote to checks of a model's columns. Everything that is wrong is said at
//! once.

mod numbers;

use std::collections::HashSet;

use super::check::Contract;
use super::column::{Column, Rule};
use super::document::{Document, FeatureRule, Line, Mode, OutputRule, Relation, Required, Scalar};
use super::number::Number;
use super::pattern::Pattern;
use super::quarantine::Ring;
use super::relation::{RowCheck, Test};
use super::rows::Rows;
use super::rule::{TextRule, TextSet, ValueRule};
use super::tables::Tables;
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
        let columns = document.features.iter().filter_map(|rule| compiler.feature(rule));
        let columns: Vec<Column> = columns.collect();
        let outputs = document.outputs.iter().filter_map(|rule| compiler.output(rule));
        let outputs: Vec<Column> = outputs.collect();
        compiler.refuse_twins(document);
        let relations = document.rows.iter().filter_map(|rule| {
            let mode = rule.mode.unwrap_or(document.mode);
            compiler.relation(rule.line, mode, &rule.relation)
        });
        let relations: Vec<RowCheck> = relations.collect();
        let inputs = compiler.entries_of_inputs();
        let Compiler { features, mut entries, mut mistakes, .. } = compiler;
        if !document.values {
            for entry in &mut entries {
                entry.demands.hide_texts();
            }
        }
        if !mistakes.is_empty() {
            mistakes.sort_by_key(|(line, _)| *line);
            let line = |(line, text)| format!("line {line}: {text}");
            return Err(mistakes.into_iter().map(line).collect::<Vec<_>>().join("; "));
        }
        let data_type = |column: &Column| data_type(signature, &column.feature);
        let columns = Tables::new(columns, data_type);
        let keeping = relations.iter().any(|check| check.mode == Mode::Quarantine);
        Ok(Self {
            id: document.id(),
            mode: document.mode,
            values: document.values,
            max_rows: document.max_rows,
            leading: leading(&features),
            features,
            keeps_rows: keeping || columns.keep_rows(),
            columns,
            relations,
            outputs: Tables::new(outputs, data_type),
            entries,
            inputs,
            rows: Rows::new(),
            answers: Rows::new(),
            ring: Ring::default(),
        })
    }
}

fn data_type(signature: &Signature, feature: &Feature) -> DataType {
    let side = match feature.role {
        Role::Input => &signature.inputs,
        Role::Prediction => &signature.outputs,
    };
    side[feature.tensor()].data_type
}

/// The first feature of each input.
fn leading(features: &[Feature]) -> Vec<Feature> {
    let mut leading: Vec<Feature> = Vec::new();
    for feature in features.iter().filter(|feature| feature.role == Role::Input) {
        if leading.last().is_none_or(|last| last.tensor() != feature.tensor()) {
            leading.push(feature.clone());
        }
    }
    leading
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
        data_type(self.signature, feature)
    }

    fn refuse_crossed(&mut self, line: Line, name: &str, bounds: (Option<Number>, Option<Number>)) {
        if let (Some(min), Some(max)) = bounds
            && min > max
        {
            self.mistake(line, format!("'{name}': min {min} is above max {max}"));
        }
    }

    fn feature(&mut self, rule: &FeatureRule) -> Option<Column> {
        let feature = self.find(rule.line, &rule.name, Role::Input)?;
        let mode = rule.mode.unwrap_or(self.mode);
        let before = self.mistakes.len();
        if mode == Mode::Repair && feature.element(0).is_none() {
            let text = format!("'{}' is more than one value, which cannot be repaired", rule.name);
            self.mistake(rule.line, text);
        }
        self.refuse_crossed(rule.line, &rule.name, (rule.min, rule.max));
        if rule.set.as_ref().is_some_and(Vec::is_empty) {
            self.mistake(rule.line, format!("'{}': the set is empty", rule.name));
        }
        let compiled = if feature.reading == Reading::Text {
            Rule::Text(self.text(rule)?)
        } else {
            self.number(rule, &feature)?
        };
        if self.mistakes.len() > before {
            return None;
        }
        let entry = self.entry(&rule.name, mode, &compiled.codes());
        self.entries[entry].demands = rule.into();
        (mode != Mode::Off).then_some(Column { entry, mode, feature, rule: compiled })
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
        let pattern = rule.pattern.as_deref().map(Pattern::new);
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
            set: set.flatten().map(TextSet::new),
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
        self.refuse_crossed(rule.line, &rule.name, (rule.min, rule.max));
        let mode = rule.mode.unwrap_or(self.mode);
        let compiled = self.number(&as_feature, &feature)?;
        let entry = self.entry(&rule.name, mode, &[Code::OutputInvalid]);
        self.entries[entry].demands = rule.into();
        let rule = compiled;
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
            Relation::RequiredIf(required) => self.required(line, required)?,
        };
        let expected = relation.to_string();
        let entry = self.entry(&expected, mode, &[Code::RowRule]);
        (mode != Mode::Off).then_some(RowCheck { entry, mode, expected, test })
    }
}

impl Compiler<'_> {
    fn required(&mut self, line: Line, required: &Required) -> Option<Test> {
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
                Scalar::Number(numbers::as_seen(*number, self.data_type(&feature)))
            }
            Scalar::Text(text) => Scalar::Text(text.clone()),
        };
        Some(Test::RequiredIf(feature, equals, then))
    }
}

fn text_of(scalar: &Scalar) -> Option<String> {
    if let Scalar::Text(text) = scalar { Some(text.clone()) } else { None }
}
