//! `onnxd profile diff`: what it says of two profiles and of data, and what it refuses.

use std::fs;

use serde_json::{Value, json};

use crate::profile::{ordinary, table, uniform};
use crate::support::{Finished, Repository, onnxd};

/// A model of three columns with names, and its profile on ordinary rows.
struct Profiled(Repository);

impl Profiled {
    fn new() -> Self {
        Self::on(&rows(1000, 0.0))
    }

    fn on(data: &str) -> Self {
        let profiled = Self(Repository::with(&["scale_1"]));
        profiled.0.write("scale_1/model.toml", "features = [\"a\", \"b\", \"c\"]\n");
        profiled.profile(data, "scale_1/1/profile.json");
        profiled
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Writes the profile of these rows to this file.
    fn profile(&self, data: &str, to: &str) {
        self.0.write("training.csv", data);
        let (model, data, to) = (self.path("scale_1"), self.path("training.csv"), self.path(to));
        let run = onnxd(&["profile", &model, "--data", &data, "--output", &to]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }

    /// Compares the model's profile with this.
    fn diff(&self, current: &str, arguments: &[&str]) -> Finished {
        let (reference, current) = (self.path("scale_1"), self.path(current));
        onnxd(&[&["profile", "diff", &reference, &current], arguments].concat())
    }

    fn json(&self, current: &str, arguments: &[&str]) -> Value {
        let run = self.diff(current, &[&["--format", "json"], arguments].concat());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        serde_json::from_str(&run.stdout).expect("it is JSON")
    }

    /// Why a comparison is refused, without the directory.
    fn refused(&self, current: &str, arguments: &[&str]) -> String {
        let run = self.diff(current, arguments);
        assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
        assert_eq!(run.stdout, "");
        let path = format!("{}/", self.0.path().display());
        run.stderr.replace(&path, "").trim_start_matches("onnxd: ").trim_end().to_owned()
    }

    fn refused_data(&self, name: &str, data: &str, arguments: &[&str]) -> String {
        self.0.write(name, data);
        self.refused(name, arguments)
    }

    /// Why a profile that was changed like this is refused.
    fn refused_profile(&self, change: impl FnOnce(&mut Value)) -> String {
        let bytes = fs::read(self.path("scale_1/1/profile.json")).expect("it is there");
        let mut profile = serde_json::from_slice(&bytes).expect("it is JSON");
        change(&mut profile);
        self.0.write("other.json", profile.to_string());
        self.refused("other.json", &[])
    }
}

/// Ordinary rows whose first column has moved by so much.
fn rows(rows: usize, by: f64) -> String {
    table(rows, |number| {
        let [a, b, c] = ordinary(number);
        format!("{},{b},{c}", a + by)
    })
}

fn feature<'d>(diff: &'d Value, name: &str) -> &'d Value {
    let features = diff["features"].as_array().expect("features");
    features.iter().find(|feature| feature["name"] == name).expect("the feature is compared")
}

fn score(diff: &Value, name: &str, score: &str) -> f64 {
    feature(diff, name)["scores"][score].as_f64().expect("it has this score")
}

#[test]
fn data_is_compared_column_by_column_without_the_model() {
    let profiled = Profiled::new();
    profiled.0.write("same.csv", rows(1000, 0.0));
    let diff = profiled.json("same.csv", &[]);
    assert_eq!(diff["drifted"], 0);
    assert_eq!((score(&diff, "a", "psi"), score(&diff, "a", "wasserstein")), (0.0, 0.0));
    profiled.0.write("moved.csv", rows(1000, 0.5));
    let diff = profiled.json("moved.csv", &[]);
    assert_eq!((&diff["drifted"], &diff["features"][0]["name"]), (&json!(1), &json!("a")));
    assert_eq!(diff["features"][0]["state"], "drifted");
    // Half of the width of a uniform distribution is the square root of three of its sigmas.
    assert!((score(&diff, "a", "wasserstein") - 3f64.sqrt()).abs() < 0.05);
    let of = |side: &str| feature(&diff, "a")[side]["mean"].as_f64().expect("numbers have one");
    assert!((of("current") - of("reference") - 0.5).abs() < 1e-6);
    assert_eq!(feature(&diff, "b")["state"], "stable");
    assert_eq!(diff["not_compared"][0]["name"], "y[0]");
}

#[test]
fn with_the_model_predictions_are_compared_as_well() {
    let profiled = Profiled::new();
    profiled.0.write("moved.csv", rows(1000, 0.5));
    let model = profiled.path("scale_1");
    let diff = profiled.json("moved.csv", &["--model", &model]);
    assert_eq!((&diff["drifted"], &diff["not_compared"]), (&json!(2), &json!([])));
    let same = |side: &str| feature(&diff, "y[0]")["scores"][side].clone();
    assert_eq!(same("psi"), feature(&diff, "a")["scores"]["psi"], "it comes out as it went in");
    assert_eq!(feature(&diff, "y[0]")["role"], "prediction");
}

#[test]
fn every_format_of_data_gives_the_same_figures() {
    let profiled = Profiled::new();
    profiled.0.write("now.csv", rows(400, 0.1));
    let lines: Vec<String> = (0..400)
        .map(|number| {
            let [a, b, c] = ordinary(number);
            json!({"a": a + 0.1, "b": b, "c": c}).to_string()
        })
        .collect();
    profiled.0.write("now.ndjson", lines.join("\n"));
    let [csv, ndjson] = ["now.csv", "now.ndjson"].map(|name| profiled.json(name, &[]));
    assert_eq!(csv["features"], ndjson["features"]);
}

#[test]
fn a_profile_of_the_same_rows_is_the_same_and_exact() {
    let profiled = Profiled::new();
    let diff = profiled.json("scale_1/1", &[]);
    assert_eq!(diff["drifted"], 0);
    for feature in diff["features"].as_array().expect("features") {
        let scores = &feature["scores"];
        assert_eq!((&scores["psi"], &feature["approximate"]), (&json!(0.0), &json!(false)));
    }
    assert_eq!(diff["features"].as_array().map(Vec::len), Some(6));
}

#[test]
fn profiles_of_other_edges_are_compared_nearly_as_their_rows_are_and_it_is_said() {
    let profiled = Profiled::new();
    let moved = rows(3000, 0.2);
    profiled.0.write("moved.csv", &moved);
    profiled.profile(&moved, "moved.json");
    let model = profiled.path("scale_1");
    let exact = profiled.json("moved.csv", &["--model", &model]);
    let near = profiled.json("moved.json", &[]);
    for name in ["a", "b", "c", "y[0]"] {
        let found = feature(&near, name);
        assert_eq!(found["approximate"], true, "{name}");
        let [psi, expected] = [&near, &exact].map(|of| score(of, name, "psi"));
        assert!((psi - expected).abs() < 0.02 + 0.1 * expected, "{name}: {psi} {expected}");
        let [moved, expected] = [&near, &exact].map(|of| score(of, name, "wasserstein"));
        assert!((moved - expected).abs() < 0.02, "{name}: {moved} {expected}");
        assert_eq!(found["state"], feature(&exact, name)["state"]);
        let outside = |of: &Value| feature(of, name)["scores"]["outside"].is_number();
        assert_eq!((outside(&near), outside(&exact)), (false, true), "nobody saw the values");
    }
    let text = profiled.diff("moved.json", &[]).stdout;
    assert!(text.contains("\n~ found with the quantiles"), "{text}");
}

#[test]
fn features_that_one_side_lacks_are_named() {
    let profiled = Profiled::new();
    let bytes = fs::read(profiled.path("scale_1/1/profile.json")).expect("it is there");
    let mut other: Value = serde_json::from_slice(&bytes).expect("it is JSON");
    other["features"][1]["name"] = json!("new");
    other["sha256"] = json!("00ff");
    profiled.0.write("other.json", other.to_string());
    let diff = profiled.json("other.json", &[]);
    assert_eq!(
        (&diff["only_in_reference"], &diff["only_in_current"]),
        (&json!(["b"]), &json!(["new"]))
    );
    let text = profiled.diff("other.json", &[]).stdout;
    assert!(text.contains("\nOnly in the reference: b\nOnly in the current data: new\n"), "{text}");
    assert!(text.contains("The two are of different model files"), "{text}");
    other["features"].as_array_mut().expect("features").truncate(1);
    other["features"][0]["name"] = json!("z");
    profiled.0.write("other.json", other.to_string());
    let reason = profiled.refused("other.json", &[]);
    let expected = "no feature can be compared: only scale_1/1/profile.json has a, b, c, ";
    assert!(reason.starts_with(expected), "{reason}");
    assert!(reason.ends_with("; only other.json has z"), "{reason}");
}

#[test]
fn drift_is_an_exit_code_where_that_is_asked_for() {
    let profiled = Profiled::new();
    profiled.0.write("same.csv", rows(1000, 0.0));
    profiled.0.write("moved.csv", rows(1000, 0.5));
    assert_eq!(profiled.diff("moved.csv", &[]).code, 0);
    assert_eq!(profiled.diff("same.csv", &["--fail-on-drift"]).code, 0);
    let output = profiled.path("diff.json");
    let arguments = ["--fail-on-drift", "--format", "json", "--output", &output];
    let run = profiled.diff("moved.csv", &arguments);
    assert_eq!((run.code, run.stderr.as_str()), (1, "onnxd: 1 feature has drifted\n"));
    let written = fs::read(output).expect("it is written all the same");
    let diff: Value = serde_json::from_slice(&written).expect("it is JSON");
    assert_eq!(diff["drifted"], 1);
}

#[test]
fn mistakes_in_the_command_are_told_from_work_that_failed() {
    let profiled = Profiled::new();
    profiled.0.write("same.csv", rows(300, 0.0));
    let (data, model) = (profiled.path("same.csv"), profiled.path("scale_1"));
    let usage = |arguments: &[&str]| {
        let run = onnxd(&[&["profile", "diff"], arguments].concat());
        assert_eq!(run.code, 2, "{}", run.stderr);
        run.stderr
    };
    assert!(usage(&[&data, &model]).contains("same.csv is data, expected a profile"));
    assert!(usage(&[&model, &model, "--model", &model]).contains("no data for it to be run over"));
    assert!(
        usage(&[&model, &data, "--format", "pdf"]).contains("possible values: table, json, html")
    );
    assert!(usage(&[&model, &data, "--target", "c"]).contains("--model"));
    assert!(usage(&[&model]).contains("<CURRENT>"));
}

#[test]
fn data_that_cannot_be_compared_is_refused_with_the_reason() {
    let profiled = Profiled::new();
    let refused = |data: &str| profiled.refused_data("now.csv", data, &[]);
    assert_eq!(refused(""), "now.csv: it is empty");
    assert_eq!(refused("a,b,c\n"), "now.csv: 0 rows are too few to compare, expected at least 200");
    assert_eq!(
        refused("a,b,c\n1,2,3\n"),
        "now.csv: 1 rows are too few to compare, expected at least 200"
    );
    assert_eq!(
        refused("a,c\n1,2\n"),
        "now.csv: no column is named as input 'b', columns are: a, c"
    );
    assert_eq!(
        refused("a,b,c\n1,2,3\n1,many,3\n"),
        "now.csv: row 1, column 'b': expected FP32 for input 'b', came 'many'"
    );
    assert_eq!(
        profiled.refused_data("now.txt", "a,b,c\n", &[]),
        "now.txt: expected a file .csv, .ndjson, .parquet or .arrow"
    );
    let model = profiled.path("scale_1");
    let with_model = |data: &str| profiled.refused_data("now.csv", data, &["--model", &model]);
    assert_eq!(
        with_model("a,c\n1,2\n"),
        "now.csv: there is no column for feature 'b', columns are: a, c"
    );
    let target = ["--model", &model, "--target", "c"];
    assert_eq!(
        profiled.refused_data("now.csv", &rows(300, 0.0), &target),
        "scale_1/1/profile.json: it was made without --target, so there is nothing to compare one with"
    );
}

#[test]
fn profiles_that_make_no_sense_are_refused_with_the_reason() {
    let profiled = Profiled::new();
    let edges = |edges: Value| {
        profiled.refused_profile(move |profile| profile["features"][0]["bins"]["edges"] = edges)
    };
    assert_eq!(
        edges(json!([0.1, 0.3, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])),
        "other.json: feature 'a': edge 2 is 0.2, expected more than the 0.3 before it"
    );
    let reason = edges(json!([0.1, null]));
    assert!(reason.starts_with("other.json: it is no profile: invalid type: null"), "{reason}");
    let reason = profiled.refused_profile(|profile| {
        profile["features"][0]["quantiles"] = json!([0.0, 2.0, 1.0]);
    });
    assert_eq!(
        reason,
        "other.json: feature 'a': quantile 2 is 1, expected a number of at least the one before it"
    );
    profiled.0.write("other.json", "{\"format\": 1, \"edges\": [NaN]}");
    let reason = profiled.refused("other.json", &[]);
    assert!(reason.starts_with("other.json: it is no profile: "), "{reason}");
}

#[test]
fn the_profile_of_another_model_is_refused_where_the_model_is_known() {
    let profiled = Profiled::new();
    profiled.0.write("same.csv", rows(300, 0.0));
    profiled.0.add("other", 1, "scale_2");
    let other = profiled.path("other");
    let reason = profiled.refused("same.csv", &["--model", &other]);
    assert!(reason.starts_with("scale_1/1/profile.json: it was made with another model file"));
    fs::copy(profiled.path("scale_1/1/profile.json"), profiled.path("other/1/profile.json"))
        .expect("it can be copied");
    let run = onnxd(&["profile", "diff", &other, &profiled.path("same.csv")]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("it was made with another model file"), "{}", run.stderr);
}

#[test]
fn a_constant_and_a_column_that_is_never_there_are_compared_like_others() {
    let text = |value: &str| table(300, |number| format!("{value},,{}", uniform(number)));
    let profiled = Profiled::on(&text("5"));
    profiled.0.write("same.csv", text("5"));
    assert_eq!(profiled.json("same.csv", &[])["drifted"], 0);
    profiled.0.write("other.csv", text("6"));
    let diff = profiled.json("other.csv", &[]);
    assert_eq!((&diff["drifted"], &diff["features"][0]["name"]), (&json!(1), &json!("a")));
    profiled.0.write("there.csv", table(300, |_| "5,1,2".to_owned()));
    let diff = profiled.json("there.csv", &[]);
    let of = |side: &str| feature(&diff, "b")[side]["missing"].clone();
    assert_eq!((of("reference"), of("current")), (json!(1.0), json!(0.0)));
    assert_eq!(feature(&diff, "b")["state"], "drifted");
}

/// A profile whose names and categories are not meant well.
fn hostile(profiled: &Profiled) {
    let bytes = fs::read(profiled.path("scale_1/1/profile.json")).expect("it is there");
    let mut profile: Value = serde_json::from_slice(&bytes).expect("it is JSON");
    let feature = &mut profile["features"][0];
    feature["name"] = json!("<script>alert(1)</script>\u{1b}[2J");
    for field in ["sums", "moments", "quantiles"] {
        feature.as_object_mut().expect("an object").remove(field);
    }
    feature["reading"] = json!("text");
    feature["bins"] = json!({"texts": ["</text><img src=x onerror='alert(1)'>", "\"&\u{202e}"]});
    feature["counts"] = json!([500, 300, 200, 0]);
    profiled.0.write("hostile.json", profile.to_string());
}

#[test]
fn nothing_of_a_name_or_a_category_becomes_markup_or_steers_a_terminal() {
    let profiled = Profiled::new();
    hostile(&profiled);
    let path = profiled.path("hostile.json");
    let page = onnxd(&["profile", "diff", &path, &path, "--format", "html"]);
    assert_eq!(page.code, 0, "{}", page.stderr);
    let page = page.stdout;
    for markup in ["<script", "<img", "</text><i", "src=x onerror='"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("&lt;/text&gt;&lt;img src"));
    assert!(page.contains("&quot;&amp;"));
    let text = onnxd(&["profile", "diff", &path, &path]).stdout;
    for (what, text) in [("page", page), ("text", text)] {
        let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(steers), "{what}");
    }
}

#[test]
fn the_page_stands_alone_and_allows_nothing_but_its_own_style() {
    let profiled = Profiled::new();
    profiled.0.write("moved.csv", rows(1000, 0.5));
    let page = profiled.diff("moved.csv", &["--format", "html"]).stdout;
    assert!(page.contains("content=\"default-src 'none'; style-src 'sha256-"));
    assert!(page.contains("@media (prefers-color-scheme:dark)"));
    assert!(page.contains("name=\"viewport\""));
    for outside in ["http:", "https:", "url(", "@import", "<link", "src=", " style=\""] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<svg").count(), 3, "one for each feature");
    assert!(page.contains("<h1>1 of 3 features have drifted</h1>"));
    assert!(page.len() < 40_000, "{}", page.len());
}

#[test]
fn what_the_reference_does_itself_over_time_is_no_drift() {
    // The level of the first column changes every hundred rows, up and down.
    let wandering = |rows: usize, from: usize| {
        let row = |number: usize| {
            let level = uniform((from + number) / 100);
            format!("{},{},1,{}", level + 0.1 * uniform(number), uniform(number), 1000 + number)
        };
        table(rows, row).replace("a,b,c\n", "a,b,c,at\n")
    };
    let profiled = Profiled::new();
    profiled.0.write("now.csv", wandering(300, 7000));
    let verdict = |arguments: &[&str]| {
        profiled.0.write("training.csv", wandering(6000, 0));
        let [model, data] = ["scale_1", "training.csv"].map(|name| profiled.path(name));
        let run = onnxd(&[&["profile", &model, "--data", &data], arguments].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let diff = profiled.json("now.csv", &[]);
        assert!(score(&diff, "a", "psi") > 0.5, "it is far from the whole");
        let feature = feature(&diff, "a");
        (feature["state"].clone(), feature["usual"]["wasserstein"].is_number())
    };
    assert_eq!(verdict(&["--ignore", "at"]), (json!("drifted"), false));
    assert_eq!(verdict(&["--time", "at"]), (json!("stable"), true));
}
