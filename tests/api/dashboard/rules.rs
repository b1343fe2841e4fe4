//! What a contract demands of each feature, as the report tells it.

use serde_json::{Value, json};

use crate::support::{Repository, Server};

fn rules(contract: &str) -> Vec<(String, Value)> {
    let repository = Repository::with(&["scale_1"]);
    repository.write("scale_1/contract.toml", contract);
    let server = Server::start(repository.path(), &[]);
    let report = server.get("/api/models/scale_1/contract").json();
    server.stop();
    let features = report["versions"]["1"]["features"].as_array().cloned();
    let features = features.unwrap_or_else(|| panic!("no features: {report}"));
    let rule = |feature: Value| {
        (feature["name"].as_str().expect("it has a name").to_owned(), feature["rules"].clone())
    };
    features.into_iter().map(rule).collect()
}

#[test]
fn a_report_tells_what_is_demanded_and_no_more() {
    let rules = rules(
        r#"
        mode = "warn"
        [[feature]]
        name = "x[0]"
        nullable = false
        min = -1
        max = 2.5
        [[feature]]
        name = "x[1]"
        set = [1, 2.5]
        inf = false
        [[row]]
        left = "x[0]"
        operator = "<="
        right = "x[2]"
        [[output]]
        name = "y[0]"
        finite = true
        max = 7
        "#,
    );
    let of = |name: &str| {
        let found = rules.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no {name}: {rules:?}"), |(_, rules)| rules.clone())
    };
    assert_eq!(of("x[0]"), json!({"nullable": false, "min": -1, "max": 2.5}));
    assert_eq!(of("x[1]"), json!({"inf": false, "allowed": [1, 2.5]}));
    assert_eq!(of("y[0]"), json!({"nan": false, "inf": false, "max": 7}));
    // A rule of rows is its own name, and of inputs as a whole nothing is written.
    assert_eq!(of("x[0] <= x[2]"), json!({}));
    assert_eq!(of("x"), json!({}));
}
