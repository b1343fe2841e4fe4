//! The keys of `model.toml`, and what must hold between them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::reader::{Found, Reader, Table};
use super::{
    Batching, Evaluation, Gate, GoldenPolicy, Limits, Metric, Rollback, Settings, SignaturePolicy,
    Target, contract, drift, quality, values,
};
use crate::repository::Version;

const KEYS: [&str; 13] = [
    "versions",
    "labels",
    "traffic",
    "shadow",
    "features",
    "unload_after",
    "batching",
    "limits",
    "gate",
    "rollback",
    "drift",
    "contract",
    "quality",
];

const GATE_KEYS: [&str; 4] = ["golden", "signature", "max_latency_p99", "evaluation"];

const BATCHING_KEYS: [&str; 3] = ["max_rows", "preferred_rows", "max_delay"];

const EVALUATION_KEYS: [&str; 7] =
    ["data", "target", "metric", "positive", "min", "max", "not_worse_than_live_by"];

const ROLLBACK_KEYS: [&str; 4] = ["window", "min_requests", "max_error_rate", "max_latency_p99"];

const METRICS: [Metric; 6] =
    [Metric::Auc, Metric::Accuracy, Metric::F1, Metric::Rmse, Metric::Mae, Metric::LogLoss];

pub(super) fn read(text: &str) -> Result<Settings, String> {
    let mut reader = Reader::new(text);
    let mut settings = Settings::default();
    if let Some(document) = reader.document() {
        let root = reader.root(&document, &KEYS);
        settings.versions = reader.get(&root, "versions", values::versions).unwrap_or_default();
        settings.features = reader.get(&root, "features", values::texts);
        settings.unload_after = reader.get(&root, "unload_after", values::duration);
        settings.labels = labels(&mut reader, &root);
        settings.traffic = traffic(&mut reader, &root, &settings.labels);
        settings.shadow = shadow(&mut reader, &root, &settings.labels);
        settings.batching = batching(&mut reader, &root);
        settings.limits = limits(&mut reader, &root);
        settings.gate = gate(&mut reader, &root);
        settings.rollback = rollback(&mut reader, &root);
        settings.drift = drift::read(&mut reader, &root);
        settings.contract = contract::read(&mut reader, &root);
        settings.contract_in_settings = settings.contract.is_some();
        settings.quality = quality::read(&mut reader, &root);
    }
    reader.finish()?;
    Ok(settings)
}

fn labels(reader: &mut Reader, root: &Table) -> BTreeMap<String, Version> {
    let Some(table) = reader.open_table(root, "labels") else { return BTreeMap::new() };
    let mut labels = BTreeMap::new();
    for (label, version) in reader.entries(&table, values::whole(1)) {
        if let Target::Version(number) = Target::from_text(&label) {
            let message = format!("labels.{label}: {number} is a version, expected a name");
            reader.mistake(&version.at, message);
        }
        labels.insert(label, version.value);
    }
    labels
}

fn traffic(
    reader: &mut Reader,
    root: &Table,
    labels: &BTreeMap<String, Version>,
) -> BTreeMap<Target, u32> {
    let Some(table) = reader.open_table(root, "traffic") else { return BTreeMap::new() };
    let mut traffic = BTreeMap::new();
    let weights = reader.entries(&table, values::whole(0));
    for (name, Found { value: weight, at }) in weights {
        let target = Found { value: Target::from_text(&name), at };
        check_label(reader, &table.path_of(&name), &target, labels);
        traffic.insert(target.value, weight);
    }
    if !traffic.is_empty() && traffic.values().all(|weight| *weight == 0) {
        let message = "traffic: every weight is 0, expected one above it".to_owned();
        reader.mistake(&root.place("traffic"), message);
    }
    traffic
}

fn shadow(reader: &mut Reader, root: &Table, labels: &BTreeMap<String, Version>) -> Option<Target> {
    let target = reader.find(root, "shadow", values::target)?;
    check_label(reader, "shadow", &target, labels);
    Some(target.value)
}

fn check_label(
    reader: &mut Reader,
    path: &str,
    target: &Found<Target>,
    labels: &BTreeMap<String, Version>,
) {
    let Target::Label(label) = &target.value else { return };
    if labels.contains_key(label) {
        return;
    }
    let known: Vec<&str> = labels.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
    reader.mistake(&target.at, format!("{path}: '{label}' is not among the labels: {known}"));
}

fn batching(reader: &mut Reader, root: &Table) -> Batching {
    let default = Batching::default();
    let Some(table) = reader.table(root, "batching", &BATCHING_KEYS) else { return default };
    Batching {
        max_rows: reader.get(&table, "max_rows", values::whole(1)).unwrap_or(default.max_rows),
        preferred_rows: reader.get(&table, "preferred_rows", values::whole(1)),
        max_delay: reader.get(&table, "max_delay", values::duration).unwrap_or_default(),
    }
}

fn limits(reader: &mut Reader, root: &Table) -> Limits {
    let Some(table) = reader.table(root, "limits", &["queue", "deadline", "idle_cores"]) else {
        return Limits::default();
    };
    Limits {
        queue: reader.get(&table, "queue", values::whole(1)),
        deadline: reader.get(&table, "deadline", values::duration),
        idle_cores: reader.get(&table, "idle_cores", values::boolean).unwrap_or(true),
    }
}

fn gate(reader: &mut Reader, root: &Table) -> Gate {
    let Some(table) = reader.table(root, "gate", &GATE_KEYS) else { return Gate::default() };
    let golden = values::one_of(&[
        ("required", GoldenPolicy::Required),
        ("if-present", GoldenPolicy::IfPresent),
        ("off", GoldenPolicy::Off),
    ]);
    let signature = values::one_of(&[
        ("compatible", SignaturePolicy::Compatible),
        ("any", SignaturePolicy::Any),
    ]);
    Gate {
        golden: reader.get(&table, "golden", golden).unwrap_or_default(),
        signature: reader.get(&table, "signature", signature).unwrap_or_default(),
        max_latency_p99: reader.get(&table, "max_latency_p99", values::duration),
        evaluation: evaluation(reader, &table),
    }
}

fn evaluation(reader: &mut Reader, gate: &Table) -> Option<Evaluation> {
    let table = reader.table(gate, "evaluation", &EVALUATION_KEYS)?;
    let at = gate.place("evaluation");
    let data = reader.require(&table, &at, "data", values::text);
    let target = reader.require(&table, &at, "target", values::text);
    let metrics = METRICS.map(|metric| (metric.as_str(), metric));
    let metric = reader.require(&table, &at, "metric", values::one_of(&metrics));
    let positive = reader.find(&table, "positive", values::label);
    let min = reader.find(&table, "min", values::number);
    let max = reader.find(&table, "max", values::number);
    let not_worse = reader.get(&table, "not_worse_than_live_by", values::not_negative);
    let bars = ["min", "max", "not_worse_than_live_by"];
    if bars.iter().all(|bar| !table.has(bar)) {
        let message =
            format!("gate.evaluation has no bar, expected at least one of {}", bars.join(", "));
        reader.mistake(&at, message);
    }
    let metric = metric?;
    let misplaced = |bar: &str, kind: &str, wanted: &str| {
        let metric = metric.as_str();
        format!("gate.evaluation.{bar}: {metric} is better when {kind}, expected {wanted}")
    };
    match (&min, &max) {
        (Some(min), _) if !metric.larger_is_better() => {
            reader.mistake(&min.at, misplaced("min", "smaller", "max"));
        }
        (_, Some(max)) if metric.larger_is_better() => {
            reader.mistake(&max.at, misplaced("max", "larger", "min"));
        }
        _ => {}
    }
    if let (Metric::Rmse | Metric::Mae, Some(positive)) = (metric, &positive) {
        let message = format!("gate.evaluation.positive: {} knows no classes", metric.as_str());
        reader.mistake(&positive.at, message);
    }
    Some(Evaluation {
        data: PathBuf::from(data?),
        target: target?,
        metric,
        positive: positive.map(|found| found.value),
        min: min.map(|found| found.value),
        max: max.map(|found| found.value),
        not_worse_than_live_by: not_worse,
    })
}

fn rollback(reader: &mut Reader, root: &Table) -> Rollback {
    let default = Rollback::default();
    let Some(table) = reader.table(root, "rollback", &ROLLBACK_KEYS) else { return default };
    Rollback {
        window: reader.get(&table, "window", values::duration).unwrap_or(default.window),
        min_requests: reader
            .get(&table, "min_requests", values::whole(1))
            .unwrap_or(default.min_requests),
        max_error_rate: reader.get(&table, "max_error_rate", values::share),
        max_latency_p99: reader.get(&table, "max_latency_p99", values::duration),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        read(text).unwrap_err().split("; ").map(str::to_owned).collect()
    }

    #[test]
    fn every_key_is_read() {
        let settings = read(
            r#"
            versions = [1, 2, 3]
            labels = { stable = 1, canary = 2 }
            traffic = { stable = 95, "2" = 5 }
            shadow = 3
            features = ["a", "b"]
            unload_after = "10m"
            [batching]
            max_rows = 8
            preferred_rows = 4
            max_delay = "2ms"
            [limits]
            queue = 9
            deadline = "2s"
            idle_cores = false
            [gate]
            golden = "required"
            signature = "any"
            max_latency_p99 = "20ms"
            evaluation = { data = "eval.csv", target = "late", metric = "auc", positive = "late", min = 0.70, not_worse_than_live_by = 0.01 }
            [rollback]
            window = "1m"
            min_requests = 50
            max_error_rate = 0.05
            max_latency_p99 = "50ms"
            [drift]
            mode = "off"
            reference = "other.json"
            window = "10m"
            false_alarms_per_30_days = 0.5
            "#,
        )
        .unwrap();
        let labels = [("stable".to_owned(), 1), ("canary".to_owned(), 2)];
        let stable = Target::Label("stable".to_owned());
        let expected = Settings {
            versions: crate::repository::VersionPolicy::These([1, 2, 3].into()),
            labels: labels.into(),
            traffic: [(stable, 95), (Target::Version(2), 5)].into(),
            shadow: Some(Target::Version(3)),
            features: Some(vec!["a".to_owned(), "b".to_owned()]),
            unload_after: Some(Duration::from_mins(10)),
            batching: Batching {
                max_rows: 8,
                preferred_rows: Some(4),
                max_delay: Duration::from_millis(2),
            },
            limits: Limits {
                queue: Some(9),
                deadline: Some(Duration::from_secs(2)),
                idle_cores: false,
            },
            gate: Gate {
                golden: GoldenPolicy::Required,
                signature: SignaturePolicy::Any,
                max_latency_p99: Some(Duration::from_millis(20)),
                evaluation: Some(Evaluation {
                    data: PathBuf::from("eval.csv"),
                    target: "late".to_owned(),
                    metric: Metric::Auc,
                    positive: Some("late".to_owned()),
                    min: Some(0.7),
                    max: None,
                    not_worse_than_live_by: Some(0.01),
                }),
            },
            rollback: Rollback {
                window: Duration::from_mins(1),
                min_requests: 50,
                max_error_rate: Some(0.05),
                max_latency_p99: Some(Duration::from_millis(50)),
            },
            drift: crate::drift::Settings {
                mode: crate::drift::Mode::Off,
                reference: Some(PathBuf::from("other.json")),
                window: Duration::from_mins(10),
                false_alarms_per_30_days: 0.5,
            },
            contract: None,
            contract_in_settings: false,
            quality: None,
            // What only a configuration of Triton says, and notes.
            ..Settings::default()
        };
        assert_eq!(settings, expected);
        assert_eq!(read(""), Ok(Settings::default()));
    }

    #[test]
    fn all_mistakes_are_listed_with_their_lines() {
        let text = "versions = \"newest\"\n\ntrafic = 1\n[limits]\nqueue = 0\n[gate]\nmax_latency_p99 = \"20\"\n";
        assert_eq!(
            mistakes(text),
            [
                r#"line 1: versions: 'newest' is no choice of versions, expected "latest", "latest:N", "all" or a list of versions"#,
                "line 3: unknown key 'trafic', keys are: versions, labels, traffic, shadow, features, unload_after, batching, limits, gate, rollback, drift, contract, quality",
                "line 5: limits.queue: 0 is no number from 1, expected a whole one",
                "line 7: gate.max_latency_p99: '20' is no duration, expected for example 20ms",
            ]
        );
    }

    #[test]
    fn text_that_is_no_toml_is_reported_line_by_line() {
        let found = mistakes("versions = \nlabels = { stable = 1 }\nshadow 3\n");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("line 1: ") && found[1].starts_with("line 3: "), "{found:?}");
        assert!(mistakes("versions = 'all'\nversions = 'all'\n")[0].starts_with("line 2: "));
    }

    #[test]
    fn traffic_and_shadow_name_labels_that_exist() {
        let text =
            "labels = { stable = 1 }\ntraffic = { stabel = 1, stable = 0 }\nshadow = \"x\"\n";
        assert_eq!(
            mistakes(text),
            [
                "line 2: traffic.stabel: 'stabel' is not among the labels: stable",
                "line 3: shadow: 'x' is not among the labels: stable",
            ]
        );
        let none = "traffic = { \"1\" = 0, \"2\" = 0 }";
        assert_eq!(mistakes(none), ["line 1: traffic: every weight is 0, expected one above it"]);
        let number = "labels = { 7 = 1 }";
        assert_eq!(mistakes(number), ["line 1: labels.7: 7 is a version, expected a name"]);
    }

    #[test]
    fn an_evaluation_has_a_bar_that_suits_its_metric() {
        let of = |rest: &str| {
            mistakes(&format!("[gate.evaluation]\ndata = \"d.csv\"\ntarget = \"y\"\n{rest}"))
        };
        assert_eq!(
            of("metric = \"auc\""),
            [
                "line 1: gate.evaluation has no bar, expected at least one of min, max, not_worse_than_live_by"
            ]
        );
        assert_eq!(
            of("metric = \"auc\"\nmax = 1"),
            ["line 5: gate.evaluation.max: auc is better when larger, expected min"]
        );
        assert_eq!(
            of("metric = \"rmse\"\nmin = 1\npositive = \"late\""),
            [
                "line 5: gate.evaluation.min: rmse is better when smaller, expected max",
                "line 6: gate.evaluation.positive: rmse knows no classes",
            ]
        );
        assert_eq!(
            of("metric = \"roc\"\nmin = nan"),
            [
                "line 4: gate.evaluation.metric: 'roc' is none of: auc, accuracy, f1, rmse, mae, log_loss",
                "line 5: gate.evaluation.min: nan is no number, expected for example 0.7",
            ]
        );
        assert_eq!(of("min = 0.5"), ["line 1: gate.evaluation.metric is missing"]);
    }

    #[test]
    fn rates_are_shares() {
        assert_eq!(
            mistakes("[rollback]\nmax_error_rate = 5"),
            [
                "line 2: rollback.max_error_rate: 5 is no share from 0 to 1, expected for example 0.05"
            ]
        );
        assert_eq!(mistakes("gate = 5"), ["line 1: gate: 5 is no table"]);
    }
}
