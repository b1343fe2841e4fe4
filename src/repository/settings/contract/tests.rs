//! Contracts as text: read as they were written, promoted without another change.

use super::*;
use crate::contract::{Counted, Observed, Policy, Promotion, Scalar, Suggested};

fn rule(name: &str) -> FeatureRule {
    FeatureRule { name: name.to_owned(), ..FeatureRule::default() }
}

#[test]
fn a_suggested_contract_is_read_as_it_was_suggested() {
    let hostile = "\"]\n[[feature]]\nname = 'x' # \u{7f}\\";
    let document = Document {
        mode: Mode::Observe,
        features: vec![
            FeatureRule {
                nan: Some(false),
                inf: Some(false),
                min: Some((-0.3).into()),
                max: Some(1e300.into()),
                ..rule("a")
            },
            FeatureRule {
                nullable: Some(false),
                set: Some([hostile, "", "é"].map(|text| Scalar::Text(text.to_owned())).to_vec()),
                ..rule(hostile)
            },
            FeatureRule { max_length: Some(17), ..rule("c.d") },
        ],
        outputs: vec![OutputRule {
            name: "late".to_owned(),
            finite: true,
            min: Some((-1e-6).into()),
            ..OutputRule::default()
        }],
        ..Document::default()
    };
    let notes = ["0 to 1", "3 values", "x", "0 to 1"].map(str::to_owned).to_vec();
    let text = write::suggested(&Suggested { document: document.clone(), notes, rows: 9 });
    assert_eq!(parse(&text), Ok(document), "{text}");
    assert!(text.contains("\n# 0 to 1\n[[feature]]\nname = \"a\"\n"), "{text}");
}

#[test]
fn an_empty_suggestion_is_a_contract_too() {
    let document = Document { mode: Mode::Observe, ..Document::default() };
    let suggested = Suggested { document: document.clone(), notes: Vec::new(), rows: 9 };
    assert_eq!(parse(&write::suggested(&suggested)), Ok(document));
}

const WRITTEN: &str = "\
# Ours.
values = true
[[feature]] # the clock
name = \"hour\"
mode = \"warn\" # for now
max = 23
[[feature]]
name = \"distance\"
[[row]]
left = \"hour\"
operator = \"<\"
right = \"distance\"
[[output]]
name = \"late\"
";

fn promotion(document: &Document) -> Promotion {
    let broken = Counted {
        name: "distance".to_owned(),
        violations: [("nan".to_owned(), 1)].into_iter().collect(),
    };
    let observed = Observed { id: document.id(), rows: 100, answered: 100, features: vec![broken] };
    let policy = Policy { mode: Mode::Reject, least_rows: 1, most_violations: 0.0 };
    Promotion::new(document, &observed, policy).unwrap()
}

#[test]
fn a_promoted_contract_is_as_its_owner_wrote_it_but_for_modes() {
    let promotion = promotion(&parse(WRITTEN).unwrap());
    let text = write::promoted(WRITTEN, &promotion, false).unwrap();
    let expected = WRITTEN
        .replace("values = true\n", "values = true\nmode = \"reject\"\n")
        .replace("mode = \"warn\" # for now\n", "mode = \"reject\" # for now\n")
        .replace("name = \"distance\"\n[", "name = \"distance\"\nmode = \"observe\"\n[");
    assert_eq!(text, expected);
}

#[test]
fn a_contract_in_settings_is_promoted_where_it_is_written() {
    let settings = "traffic = { stable = 1 }\n[contract]\nmode = \"observe\" # yet\nfeature = [{ name = \"hour\", max = 23 }, { name = \"distance\" }]\n";
    let document = Document {
        features: vec![FeatureRule { max: Some(23.0.into()), ..rule("hour") }, rule("distance")],
        ..Document::default()
    };
    let text = write::promoted(settings, &promotion(&document), true).unwrap();
    let expected = settings
        .replace("\"observe\" # yet", "\"reject\" # yet")
        .replace("name = \"distance\" }", "name = \"distance\" , mode = \"observe\" }");
    assert_eq!(text, expected);
}

#[test]
fn a_file_that_is_not_what_was_promoted_stays_as_it_is() {
    let promotion = promotion(&parse(WRITTEN).unwrap());
    let other = WRITTEN.replace("[[output]]\nname = \"late\"\n", "");
    let error = write::promoted(&other, &promotion, false).unwrap_err();
    assert_eq!(error, "0 rules of output, expected 1");
    assert!(write::promoted("mode = ", &promotion, false).is_err());
    assert_eq!(write::promoted("", &promotion, true).unwrap_err(), "there is no [contract]");
}
