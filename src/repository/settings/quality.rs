//! `[quality]` of `model.toml`.

use std::time::Duration;

use super::reader::{Reader, Table};
use super::values;
use crate::quality::{About, Settings};

const KEYS: [&str; 10] = [
    "score",
    "label",
    "value",
    "positive",
    "negative",
    "threshold",
    "expires",
    "remember",
    "min_accuracy",
    "max_absolute_error",
];

/// Truths that take longer are about a world that is gone.
const EXPIRES: Duration = Duration::from_hours(24 * 30);

pub(super) fn read(reader: &mut Reader, root: &Table) -> Option<Settings> {
    let table = reader.table(root, "quality", &KEYS)?;
    let about = about(reader, root, &table);
    refuse_of_others(reader, &table, about.as_ref());
    Some(Settings {
        expires: reader.get(&table, "expires", values::duration).unwrap_or(EXPIRES),
        remember: reader.get(&table, "remember", values::whole(0)).unwrap_or(0),
        min_accuracy: reader.get(&table, "min_accuracy", values::share),
        max_absolute_error: reader.get(&table, "max_absolute_error", values::not_negative),
        about: about?,
    })
}

/// Numbers have no accuracy, and classes no error.
fn refuse_of_others(reader: &mut Reader, table: &Table, about: Option<&About>) {
    let misplaced = match about {
        Some(About::Value { .. }) => ("min_accuracy", "only a score and a label have one"),
        Some(_) => ("max_absolute_error", "only a value has one"),
        None => return,
    };
    let (key, why) = misplaced;
    if table.has(key) {
        reader.mistake(&table.place(key), format!("quality.{key}: {why}"));
    }
}

/// Exactly one of the three says what is predicted.
fn about(reader: &mut Reader, root: &Table, table: &Table) -> Option<About> {
    let [score, label, value] =
        ["score", "label", "value"].map(|key| reader.get(table, key, values::text));
    let positive = reader.get(table, "positive", values::label);
    let negative = reader.get(table, "negative", values::label);
    let threshold = reader.get(table, "threshold", values::share);
    let only_of_scores =
        ["positive", "negative", "threshold"].into_iter().filter(|key| table.has(key));
    let only_of_scores: Vec<&str> = only_of_scores.collect();
    match (score, label, value) {
        (Some(feature), None, None) => {
            let threshold = threshold.unwrap_or(0.5);
            Some(About::Score { feature, positive, negative, threshold })
        }
        (None, label, value) if label.is_some() != value.is_some() => {
            for key in only_of_scores {
                let message = format!("quality.{key}: only a score has one");
                reader.mistake(&table.place(key), message);
            }
            label
                .map(|feature| About::Label { feature })
                .or_else(|| value.map(|feature| About::Value { feature }))
        }
        _ => {
            let message = "quality: expected one of score, label and value".to_owned();
            reader.mistake(&root.place("quality"), message);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::*;

    fn read(text: &str) -> Result<Option<Settings>, String> {
        document::read(&format!("[quality]\n{text}")).map(|settings| settings.quality)
    }

    #[test]
    fn a_prediction_is_a_score_a_label_or_a_value() {
        let settings = read(
            "score = \"p.late\"\npositive = \"late\"\nthreshold = 0.3\nexpires = \"2h\"\nremember = 7\nmin_accuracy = 0.8",
        );
        let about = About::Score {
            feature: "p.late".to_owned(),
            positive: Some("late".to_owned()),
            negative: None,
            threshold: 0.3,
        };
        let expires = Duration::from_hours(2);
        let expected = Settings {
            about,
            expires,
            remember: 7,
            min_accuracy: Some(0.8),
            max_absolute_error: None,
        };
        assert_eq!(settings, Ok(Some(expected)));
        let about = About::Label { feature: "y".to_owned() };
        let expected = Settings {
            about,
            expires: EXPIRES,
            remember: 0,
            min_accuracy: None,
            max_absolute_error: None,
        };
        assert_eq!(read("label = \"y\""), Ok(Some(expected)));
        assert_eq!(document::read("").map(|settings| settings.quality), Ok(None));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let one = Err("line 1: quality: expected one of score, label and value".to_owned());
        assert_eq!(read(""), one);
        assert_eq!(read("score = \"a\"\nvalue = \"b\""), one);
        assert_eq!(
            read("value = \"b\"\nthreshold = 0.5"),
            Err("line 3: quality.threshold: only a score has one".to_owned())
        );
        assert_eq!(
            read("value = \"b\"\nmin_accuracy = 0.5"),
            Err("line 3: quality.min_accuracy: only a score and a label have one".to_owned())
        );
        assert_eq!(
            read("label = \"b\"\nmax_absolute_error = 2"),
            Err("line 3: quality.max_absolute_error: only a value has one".to_owned())
        );
    }
}
