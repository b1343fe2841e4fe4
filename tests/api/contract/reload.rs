//! Contracts that change while their version serves: the next one is in force by itself, and one
//! with a mistake changes nothing.

use super::{PREDICT, flight, rows, serve, with};
use crate::support::{Server, until};
use serde_json::{Value, json};

const MODEL: &str = "flight-delay";
const REFUSED: &str = "a model version was refused";

const BOTH: &str =
    "the model and the version have a contract each; that of the version is in force";

const AT_MOST_23: &str = "mode = \"reject\"\n[[feature]]\nname = \"hour\"\nmax = 23\n";

fn late() -> String {
    rows(&[with("hour", &json!(24))])
}

fn status(server: &Server, body: String) -> u16 {
    server.post(PREDICT, body).status
}

fn reason(server: &Server) -> String {
    server.state(MODEL, "1").map(|(_, reason)| reason).unwrap_or_default()
}

#[test]
fn a_contract_with_a_mistake_is_refused_by_name_and_the_old_one_stays_in_force() {
    let feature = |rule: &str| format!("mode = \"reject\"\n[[feature]]\n{rule}\n");
    let mistakes = [
        (feature("name = \"hours\""), "line 2: the model has no 'hours', it has carrier, origin"),
        (feature("name = \"hour\"\nmin = 5\nmax = 4"), "line 2: 'hour': min 5 is above max 4"),
        (feature("name = \"origin\"\npattern = \"[A-Z\""), "line 2: 'origin': the pattern: "),
        (
            feature("name = \"hour\"\nset = [\"noon\"]"),
            "line 2: 'hour' is a number, expected numbers",
        ),
        (
            feature("name = \"hour\"\nmax_length = 3"),
            "line 2: 'hour' is a number and has no max_length",
        ),
        (feature("name = \"carrier\"\nmax = 3"), "line 2: 'carrier' is a text and has no max"),
        (feature("name = \"carrier\"\nset = []"), "line 2: 'carrier': the set is empty"),
        (
            feature("name = \"hour\"\nmaximum = 3"),
            "line 4: unknown key 'feature.maximum', keys are: name",
        ),
        (
            feature("name = \"hour\"\nmax = \"x\""),
            "line 4: feature.max: 'x' is no number, expected for example",
        ),
        ("mode = \"strict\"\n".to_owned(), "line 1: mode: "),
    ];
    let (repository, server) = serve(AT_MOST_23);
    for (contract, expected) in mistakes {
        repository.write("flight-delay/contract.toml", &contract);
        let said = until(expected, || Some(reason(&server)).filter(|it| it.contains(expected)));
        assert!(!said.contains("/tmp"), "no paths of the server: {said}");
        assert_eq!((status(&server, late()), status(&server, rows(&[flight()]))), (400, 200));
    }
    server.stop_after(&[REFUSED, "a model cannot be loaded"]);
}

#[test]
fn a_changed_contract_is_in_force_without_new_model_files_and_takes_old_series_along() {
    let (repository, server) = serve(AT_MOST_23);
    assert_eq!(status(&server, late()), 400);
    let series = |server: &Server, code: &str| {
        let page = server.get("/metrics").text().to_owned();
        let of_code = format!("code=\"{code}\",feature=\"hour\"");
        page.lines()
            .filter(|line| line.contains("_violations_total{"))
            .any(|line| line.contains(&of_code))
    };
    assert!(series(&server, "above_max") && !series(&server, "below_min"));
    let other = AT_MOST_23.replace("max = 23", "min = 3");
    repository.write("flight-delay/contract.toml", other);
    until("the other contract", || (status(&server, late()) == 200).then_some(()));
    assert!(!series(&server, "above_max") && series(&server, "below_min"));
    let early = rows(&[with("hour", &json!(1))]);
    assert_eq!(status(&server, early), 400);
    server.stop();
}

#[test]
fn the_contract_of_a_version_goes_before_that_of_its_model_and_the_log_names_both() {
    let (repository, server) = serve(AT_MOST_23);
    assert_eq!(status(&server, late()), 400);
    repository.write("flight-delay/1/contract.toml", AT_MOST_23.replace("23", "24"));
    until("that of the version", || (status(&server, late()) == 200).then_some(()));
    let line = server.logged(BOTH);
    let ends = |key: &str, end: &str| line[key].as_str().is_some_and(|path| path.ends_with(end));
    assert!(ends("used", "flight-delay/1/contract.toml"), "{line}");
    assert!(ends("ignored", "flight-delay/contract.toml"), "{line}");
    server.stop_after(&[BOTH]);
}

#[test]
fn what_is_off_is_not_looked_for_and_has_no_series() {
    let off = AT_MOST_23.replace("mode = \"reject\"", "mode = \"off\"");
    let (_repository, server) = serve(&off);
    let answer = server.post(PREDICT, late());
    assert_eq!((answer.status, answer.header("onnxd-contract-violations")), (200, None));
    assert!(!server.get("/metrics").text().contains("code=\"above_max\""));
    let report = server.get("/api/models/flight-delay/contract").json();
    assert_eq!(report["versions"]["1"]["features"][0]["violations"], json!({}), "{report}");
    server.stop();
}

#[test]
fn a_large_request_is_checked_as_a_small_one_is() {
    let quarantine = AT_MOST_23.replace("reject", "quarantine");
    let (_repository, server) = serve(&quarantine);
    let mut many = vec![flight(); 20_000];
    assert_eq!(status(&server, rows(&many)), 200);
    for row in [7, 19_000] {
        many[row] = with("hour", &json!(24));
    }
    let answer = server.post(PREDICT, rows(&many));
    let found: Value = answer.json();
    assert_eq!((answer.status, &found["total"]), (400, &json!(2)), "{found}");
    assert_eq!(found["violations"][1]["row"], 19_000, "{found}");
    let kept = server.get("/api/models/flight-delay/quarantine");
    assert_eq!(kept.text().lines().count(), 2, "{}", kept.text());
    server.stop();
}
