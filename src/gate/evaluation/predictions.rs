//! What a model's outputs say about each row, in the terms of a metric.

use super::metrics::{Tally, log_loss};
use super::outputs::{Output, Scores, has_classes, is_float, is_one_a_row};
use crate::engine::{Signature, TensorSpec};
use crate::repository::Metric;
use crate::table::{Cell, class};
use crate::tensor::Tensor;

/// A score from here on means the positive class, where a model gives no label.
const THRESHOLD: f64 = 0.5;

/// Which outputs to look at, and for what.
#[derive(Debug)]
pub(super) struct Predictions {
    /// The output with one class a row.
    label: Option<Output>,
    /// The output with one number a row, or one for each class.
    scores: Option<Output>,
    positive: Option<String>,
}

/// The column of the positive class, and its name.
struct Positive {
    column: usize,
    name: String,
}

impl Predictions {
    /// # Errors
    /// The outputs cannot give this metric.
    pub(super) fn new(
        signature: &Signature,
        metric: Metric,
        positive: Option<&str>,
    ) -> Result<Self, String> {
        let find = |fits: &dyn Fn(&TensorSpec) -> bool| {
            let place = signature.outputs.iter().position(fits)?;
            Some(Output::new(place, &signature.outputs[place]))
        };
        let label = find(&|spec| !is_float(spec) && is_one_a_row(spec));
        let scores = find(&|spec| is_float(spec) && has_classes(spec)).or_else(|| find(&is_float));
        let (label, scores) = match metric {
            Metric::Auc | Metric::LogLoss => (None, scores),
            Metric::Accuracy | Metric::F1 => (label, scores),
            Metric::Rmse | Metric::Mae => (None, scores.or(label)),
        };
        if label.is_none() && scores.is_none() {
            let outputs: Vec<String> = signature
                .outputs
                .iter()
                .map(|spec| format!("{} {} {}", spec.name, spec.data_type, spec.shape_text()))
                .collect();
            let outputs = outputs.join(", ");
            return Err(format!("no output gives {}, outputs are: {outputs}", metric.as_str()));
        }
        Ok(Self { label, scores, positive: positive.map(class) })
    }

    /// Counts the rows of a run; `first` is the number of its first one, for messages.
    pub(super) fn add(
        &self,
        outputs: &[Tensor],
        truths: &[&Cell],
        first: usize,
        tally: &mut Tally,
    ) -> Result<(), String> {
        if let Some(label) = &self.label {
            let labels = label.labels(outputs, truths.len())?;
            return self.add_labels(&labels, truths, tally);
        }
        let Some(output) = &self.scores else { return Ok(()) };
        let scores = output.scores(outputs, truths.len())?;
        for (row, truth) in truths.iter().enumerate() {
            self.add_scores(&scores, row, truth, tally)
                .map_err(|reason| format!("row {}: {reason}", first + row))?;
        }
        Ok(())
    }

    fn add_labels(
        &self,
        labels: &[String],
        truths: &[&Cell],
        tally: &mut Tally,
    ) -> Result<(), String> {
        let pairs = labels.iter().zip(truths);
        match tally {
            Tally::Accuracy(mean) => {
                pairs.for_each(|(label, truth)| mean.add(f64::from(*label == truth.class())));
            }
            Tally::F1(confusion) => {
                let positive = self.positive_label()?;
                pairs.for_each(|(label, truth)| {
                    confusion.add(*label == positive, truth.class() == positive);
                });
            }
            // Of these the label says nothing, and `new` found none.
            Tally::Auc(_) | Tally::Rmse(_) | Tally::Mae(_) | Tally::LogLoss(_) => {}
        }
        Ok(())
    }

    fn add_scores(
        &self,
        scores: &Scores,
        row: usize,
        truth: &Cell,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let values = scores.row(row)?;
        match tally {
            Tally::Auc(rows) => {
                let positive = self.positive(scores)?;
                rows.push((values[positive.column], truth.class() == positive.name));
            }
            Tally::LogLoss(mean) => {
                mean.add(log_loss(self.probability(scores, values, &truth.class())?));
            }
            Tally::Accuracy(mean) => {
                let hit = self.predicted(scores, values, &truth.class())?;
                mean.add(f64::from(hit));
            }
            Tally::F1(confusion) => {
                let positive = self.positive(scores)?;
                let predicted = best(values) == positive.column;
                confusion.add(predicted, truth.class() == positive.name);
            }
            Tally::Rmse(mean) => mean.add(error(values, truth)?.powi(2)),
            Tally::Mae(mean) => mean.add(error(values, truth)?.abs()),
        }
        Ok(())
    }

    /// The class that labels are compared with.
    fn positive_label(&self) -> Result<String, String> {
        let classes = self.scores.as_ref().map_or(&[][..], |output| &output.classes);
        match (&self.positive, classes) {
            (Some(positive), _) => Ok(positive.clone()),
            (None, [_, second]) => Ok(second.clone()),
            (None, [] | [_]) => Ok("1".to_owned()),
            (None, many) => Err(choose(many)),
        }
    }

    fn positive(&self, scores: &Scores) -> Result<Positive, String> {
        let classes = &scores.output.classes;
        let or_one = || self.positive.clone().unwrap_or_else(|| "1".to_owned());
        let known = scores.width > 1 && classes.len() == scores.width;
        match (&self.positive, scores.width) {
            (_, 1) => Ok(Positive { column: 0, name: or_one() }),
            (Some(name), _) if known => match classes.iter().position(|class| class == name) {
                Some(column) => Ok(Positive { column, name: name.clone() }),
                None => Err(format!("there is no class '{name}', classes are: {}", list(classes))),
            },
            (None, 2) if known => Ok(Positive { column: 1, name: classes[1].clone() }),
            (_, 2) => Ok(Positive { column: 1, name: or_one() }),
            (Some(name), width) => match name.parse() {
                Ok(column) if column < width => Ok(Positive { column, name: name.clone() }),
                _ => Err(format!("positive is '{name}', expected a column below {width}")),
            },
            (None, _) => Err(choose(classes)),
        }
    }

    /// The column of a class; `None` for the other of two, in one column.
    fn column(&self, scores: &Scores, class: &str) -> Result<Option<usize>, String> {
        let classes = &scores.output.classes;
        if scores.width > 1 && classes.len() == scores.width {
            let place = classes.iter().position(|known| known == class);
            let error = || format!("there is no class '{class}', classes are: {}", list(classes));
            return place.map(Some).ok_or_else(error);
        }
        if scores.width <= 2 {
            let positive = self.positive(scores)?;
            let other = (scores.width == 2).then_some(0);
            return Ok(if class == positive.name { Some(positive.column) } else { other });
        }
        let column = class.parse().ok().filter(|column| *column < scores.width);
        let error = || format!("'{class}' is none of the {} columns", scores.width);
        column.map(Some).ok_or_else(error)
    }

    fn probability(&self, scores: &Scores, values: &[f64], truth: &str) -> Result<f64, String> {
        /// Sums of rounded numbers are a little off.
        const SLACK: f64 = 1e-5;
        let probability = match self.column(scores, truth)? {
            Some(column) => values[column],
            None => 1.0 - values[0],
        };
        if (-SLACK..=1.0 + SLACK).contains(&probability) {
            return Ok(probability);
        }
        Err(format!("output '{}' is {probability}, which is no probability", scores.output.name))
    }

    /// Whether the likeliest class is the true one.
    fn predicted(&self, scores: &Scores, values: &[f64], truth: &str) -> Result<bool, String> {
        Ok(match (self.column(scores, truth)?, values) {
            (column, [score]) => (*score >= THRESHOLD) == column.is_some(),
            (column, values) => column == Some(best(values)),
        })
    }
}

fn best(values: &[f64]) -> usize {
    if let [score] = values {
        // One column is the positive class: 0 where it is likely, else no column at all.
        return if *score >= THRESHOLD { 0 } else { usize::MAX };
    }
    let mut best = 0;
    for (column, value) in values.iter().enumerate() {
        // The first of equals, as ArgMax has it.
        if *value > values[best] {
            best = column;
        }
    }
    best
}

fn error(values: &[f64], truth: &Cell) -> Result<f64, String> {
    let [value] = values else {
        return Err(format!("the model gives {} numbers, expected one", values.len()));
    };
    let truth_number = truth.number().filter(|number| number.is_finite());
    let expected = truth_number
        .ok_or_else(|| format!("the target is {}, expected a number", truth.describe()))?;
    Ok(value - expected)
}

fn choose(classes: &[String]) -> String {
    format!("the model has more than two classes, set `positive`: {}", list(classes))
}

fn list(classes: &[String]) -> String {
    classes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Columns, Dim, Label, Role};
    use crate::tensor::{CompactString, Data, DataType, Shape};

    fn signature(classes: &[&str]) -> Signature {
        let names = classes.iter().map(|name| Label::Text((*name).to_owned())).collect();
        let spec = |name: &str, data_type, dims| TensorSpec {
            name: name.to_owned(),
            data_type,
            dims: Some(dims),
            columns: None,
        };
        let label = spec("label", DataType::Bytes, vec![Dim::Unknown]);
        let mut scores = spec("scores", DataType::Fp32, vec![Dim::Unknown, Dim::Unknown]);
        if !classes.is_empty() {
            scores.columns = Some(Columns::new(names, Role::Classes).unwrap());
        }
        Signature { inputs: Vec::new(), outputs: vec![label, scores] }
    }

    fn outputs(labels: &[&str], scores: &[f32]) -> Vec<Tensor> {
        let (rows, width) = (labels.len(), scores.len() / labels.len());
        let labels: Vec<CompactString> =
            labels.iter().map(|label| CompactString::from(*label)).collect();
        let tensor =
            |dims: Vec<usize>, data: Data| Tensor::new(Shape::new(dims).unwrap(), data).unwrap();
        vec![tensor(vec![rows], labels.into()), tensor(vec![rows, width], scores.to_vec().into())]
    }

    /// Rows labelled late, on-time, late; the truth is late, late, on-time.
    fn scored(metric: Metric, classes: &[&str], positive: Option<&str>) -> Result<f64, String> {
        let outputs = outputs(&["late", "on-time", "late"], &[0.9, 0.1, 0.25, 0.75, 0.6, 0.4]);
        let truths = ["late", "late", "on-time"].map(|truth| Cell::Text(truth.into()));
        let predictions = Predictions::new(&signature(classes), metric, positive)?;
        let mut tally = Tally::new(metric);
        predictions.add(&outputs, &truths.iter().collect::<Vec<_>>(), 0, &mut tally)?;
        tally.score()
    }

    #[test]
    fn the_column_of_the_positive_class_is_scored() {
        let both = ["late", "on-time"];
        // Of late: 0.9 and 0.25 for late rows, 0.6 for the other: one pair of two in order.
        assert_eq!(scored(Metric::Auc, &both, Some("late")), Ok(0.5));
        assert_eq!(scored(Metric::Auc, &both, None), Ok(0.5));
        let message = scored(Metric::Auc, &both, Some("early")).unwrap_err();
        assert_eq!(message, "row 0: there is no class 'early', classes are: late, on-time");
    }

    #[test]
    fn labels_are_hits_or_not() {
        let both = ["late", "on-time"];
        let third = scored(Metric::Accuracy, &both, None).unwrap();
        assert!((third - 1.0 / 3.0).abs() < 1e-12);
        // Late: one hit, one missed, one wrong.
        assert_eq!(scored(Metric::F1, &both, Some("late")), Ok(0.5));
        assert_eq!(scored(Metric::F1, &both, None), Ok(0.0));
    }

    #[test]
    fn log_loss_takes_the_probability_of_the_true_class() {
        let loss = scored(Metric::LogLoss, &["late", "on-time"], None).unwrap();
        let expected = -(0.9f64.ln() + 0.25f64.ln() + 0.4f64.ln()) / 3.0;
        assert!((loss - expected).abs() < 1e-6, "{loss} {expected}");
        let message = scored(Metric::LogLoss, &["a", "b"], None).unwrap_err();
        assert_eq!(message, "row 0: there is no class 'late', classes are: a, b");
    }

    #[test]
    fn two_columns_without_names_are_no_and_yes() {
        assert_eq!(scored(Metric::Auc, &[], Some("on-time")), Ok(0.5));
        assert!(scored(Metric::Auc, &[], None).unwrap_err().contains("is `positive` right?"));
    }

    #[test]
    fn one_column_is_the_positive_class() {
        let mut signature = signature(&[]);
        signature.outputs.remove(0);
        let scores = outputs(&["", "", ""], &[0.9, 0.2, 0.4]).remove(1);
        let truths = [Cell::Whole(1), Cell::Whole(0), Cell::Whole(1)];
        let of = |metric: Metric| {
            let predictions = Predictions::new(&signature, metric, None).unwrap();
            let mut tally = Tally::new(metric);
            let truths: Vec<&Cell> = truths.iter().collect();
            predictions.add(std::slice::from_ref(&scores), &truths, 0, &mut tally).unwrap();
            tally.score().unwrap()
        };
        assert!((of(Metric::Auc) - 1.0).abs() < 1e-12);
        assert!((of(Metric::Accuracy) - 2.0 / 3.0).abs() < 1e-12);
        assert!((of(Metric::F1) - 2.0 / 3.0).abs() < 1e-12);
        // sqrt((0.1^2 + 0.2^2 + 0.6^2) / 3) and (0.1 + 0.2 + 0.6) / 3
        assert!((of(Metric::Rmse) - (0.41f64 / 3.0).sqrt()).abs() < 1e-6);
        assert!((of(Metric::Mae) - 0.3).abs() < 1e-6);
        let expected = -(0.9f64.ln() + 0.8f64.ln() + 0.4f64.ln()) / 3.0;
        assert!((of(Metric::LogLoss) - expected).abs() < 1e-6);
    }
}
