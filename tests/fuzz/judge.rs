//! What is wrong with rows, in the words of their owner: written by hand beside the contract, and
//! sharing nothing with it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::row::Row;

/// What the server is given.
pub const CONTRACT: &str = r#"
mode = "reject"

[[feature]]
name = "text[1]"
set = ["UA", "AA", "é"]

[[feature]]
name = "text[0]"
nullable = false
max_length = 3
pattern = "[A-Z]+"

[[feature]]
name = "real[0]"
nan = false
inf = false
min = -1
max = 1

[[feature]]
name = "real[1]"
nullable = false
min = 0

[[feature]]
name = "real[2]"
set = [1, 2, 3.5]

[[feature]]
name = "whole[0]"
min = 0
max = 9007199254740992

[[feature]]
name = "whole[1]"
set = [1, -5, 9007199254740993]

[[row]]
left = "real[0]"
operator = "<="
right = "real[3]"

[[row]]
required_if = { feature = "text[1]", equals = "UA", then = "real[3]" }
"#;

/// A violation as a refusal lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    feature: String,
    row: u64,
    code: String,
}

impl Wrong {
    pub fn listed(violation: &Value) -> Self {
        let text = |key: &str| violation[key].as_str().unwrap_or_default().to_owned();
        let row = violation["row"].as_u64().unwrap_or(u64::MAX);
        Self { feature: text("feature"), row, code: text("code") }
    }
}

/// Rows that have a violation.
pub fn rows(wrong: &[Wrong]) -> u64 {
    wrong.iter().map(|wrong| wrong.row).collect::<BTreeSet<u64>>().len() as u64
}

type Check = (&'static str, fn(&Row) -> Option<&'static str>);

/// In the order in which violations are listed.
const CHECKS: [Check; 9] = [
    ("real[0]", |row| match row.real[0] {
        value if value.is_nan() => Some("nan"),
        value if value < -1.0 => Some("below_min"),
        value if value > 1.0 => Some("above_max"),
        _ => None,
    }),
    ("real[1]", |row| match row.real[1] {
        value if value.is_nan() => Some("null_not_allowed"),
        value if value < 0.0 => Some("below_min"),
        _ => None,
    }),
    ("real[2]", |row| {
        let known = [1.0, 2.0, 3.5].contains(&row.real[2]) || row.real[2].is_nan();
        (!known).then_some("not_in_set")
    }),
    ("whole[0]", |row| match row.whole[0] {
        ..0 => Some("below_min"),
        9_007_199_254_740_993.. => Some("above_max"),
        _ => None,
    }),
    ("whole[1]", |row| {
        (!matches!(row.whole[1], 1 | -5 | 9_007_199_254_740_993)).then_some("not_in_set")
    }),
    ("text[0]", |row| match row.text[0].as_str() {
        "" => Some("null_not_allowed"),
        text if text.chars().count() > 3 => Some("too_long"),
        text if !text.bytes().all(|byte| byte.is_ascii_uppercase()) => Some("pattern"),
        _ => None,
    }),
    ("text[1]", |row| {
        (!["UA", "AA", "é", ""].contains(&row.text[1].as_str())).then_some("not_in_set")
    }),
    ("real[0] <= real[3]", |row| (row.real[0] > row.real[3]).then_some("row_rule")),
    ("real[3] where text[1] is 'UA'", |row| {
        (row.text[1] == "UA" && row.real[3].is_nan()).then_some("row_rule")
    }),
];

pub fn wrong(rows: &[Row]) -> Vec<Wrong> {
    let mut found = Vec::new();
    for (feature, check) in CHECKS {
        for (at, row) in rows.iter().enumerate() {
            if let Some(code) = check(row) {
                let (feature, code) = (feature.to_owned(), code.to_owned());
                found.push(Wrong { feature, row: at as u64, code });
            }
        }
    }
    found
}
