//! The commands: what they print and how they end.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Finished, Repository, fixture, models_that_ship, onnxd, program};

fn inspect(name: &str) -> Finished {
    onnxd(&["inspect", &fixture(name).display().to_string()])
}

/// What depends on the machine: paths, times and memory.
fn masked(text: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let lines = text.lines().map(|line| match line.trim_start().split(' ').next() {
        Some("memory") => "  memory     about # kB".to_owned(),
        Some("rows:") => "  rows: run  1: # us, …".to_owned(),
        _ => line.replace(root, "ROOT"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

mod inspect {
    use super::*;

    #[test]
    fn it_shows_what_a_model_takes_and_gives() {
        let digits = models_that_ship().join("digits");
        let run = onnxd(&["inspect", &digits.display().to_string()]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert_snapshot!(masked(&run.stdout));
    }

    #[test]
    fn it_says_the_same_in_json() {
        let digits = models_that_ship().join("digits");
        let run = onnxd(&["inspect", "--json", &digits.display().to_string()]);
        let reports: Value = serde_json::from_str(&run.stdout).expect("it prints JSON");
        let report = &reports[0];
        assert_eq!((run.code, reports.as_array().map(Vec::len)), (0, Some(1)));
        assert_eq!(report["model"], "digits");
        assert_eq!((&report["servable"], &report["reason"]), (&json!(true), &Value::Null));
        let pixels = json!([{"name": "pixels", "datatype": "FP32", "shape": "[N, 64]"}]);
        assert_eq!(report["inputs"], pixels);
        assert_eq!(report["batching"], true);
        assert!(report["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{report}");
        assert_eq!(report["cost"][0]["rows"], 1);
        assert!(report["cost"][0]["us"].as_f64().is_some_and(|cost| cost > 0.0), "{report}");
    }

    #[test]
    fn it_shows_where_the_time_goes() {
        let direction = models_that_ship().join("text-direction").display().to_string();
        let run = onnxd(&["inspect", "--profile", &direction]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let lines = run.stdout.lines().map(str::trim_start);
        assert_eq!(lines.filter(|line| line.starts_with("profile ")).count(), 1, "{}", run.stdout);
        let run = onnxd(&["inspect", "--profile", "--json", &direction]);
        let reports: Value = serde_json::from_str(&run.stdout).expect("it prints JSON");
        let profile = &reports[0]["profile"];
        let nodes = profile["nodes"].as_array().expect("it lists nodes");
        let shares: f64 = nodes.iter().filter_map(|node| node["share"].as_f64()).sum();
        assert!((shares - 1.0).abs() < 1e-6, "{profile}");
        assert!(profile["total_us"].as_f64().is_some_and(|total| total > 0.0), "{profile}");
    }

    #[test]
    fn it_names_classes_and_the_columns_that_the_settings_name() {
        let run =
            onnxd(&["inspect", &models_that_ship().join("flight-delay").display().to_string()]);
        let scores = "  output     probabilities FP32 [?, 2] labels: late, on-time\n";
        assert_eq!((run.code, run.stdout.matches(scores).count()), (0, 2), "{}", run.stdout);
        let repository = Repository::with(&["symbolic_batch"]);
        repository.write("symbolic_batch/model.toml", "features = [\"a\", \"b\", \"c\"]");
        let run = onnxd(&["inspect", &repository.path().display().to_string()]);
        assert!(run.stdout.contains("features: a, b, c\n"), "{}", run.stdout);
        repository.write("symbolic_batch/model.toml", "features = [\"a\"]");
        let run = onnxd(&["inspect", &repository.path().display().to_string()]);
        let reason = "servable   no: 1 features are named, but";
        assert!(run.code == 1 && run.stdout.contains(reason), "{}", run.stdout);
    }

    #[test]
    fn it_names_the_operator_that_is_missing_and_fails() {
        let run = inspect("unsupported_operator.onnx");
        assert_eq!((run.code, run.stderr.as_str()), (1, "onnxd: 1 of 1 cannot be served\n"));
        assert_snapshot!(masked(&run.stdout));
    }

    #[test]
    fn it_says_why_a_file_is_no_model_and_fails() {
        for (name, reason) in [
            ("empty.onnx", "empty.onnx is not an ONNX model: the file is empty"),
            (
                "corrupt.onnx",
                "corrupt.onnx is not an ONNX model: failed to decode Protobuf message: \
                 ModelProto.graph: buffer underflow (103 bytes; truncated or another format?)",
            ),
            (
                "not_onnx.onnx",
                "not_onnx.onnx is not an ONNX model: failed to decode Protobuf message: \
                 unexpected end group tag (43 bytes; truncated or another format?)",
            ),
        ] {
            let run = inspect(name);
            assert_eq!((run.code, run.stderr.as_str()), (1, "onnxd: 1 of 1 cannot be served\n"));
            let last = run.stdout.lines().last().map(str::trim_start);
            assert_eq!(last, Some(format!("servable   no: {reason}").as_str()));
        }
    }

    #[test]
    fn it_counts_the_models_of_a_repository_that_cannot_be_served() {
        let repository = Repository::with(&["scale_1", "empty", "sequence_output"]);
        let run = onnxd(&["inspect", "--json", &repository.path().display().to_string()]);
        assert_eq!((run.code, run.stderr.as_str()), (1, "onnxd: 2 of 3 cannot be served\n"));
        let reports: Value = serde_json::from_str(&run.stdout).expect("it prints JSON");
        let servable = |model: &str| {
            let reports = reports.as_array().expect("it is a list");
            reports.iter().find(|report| report["model"] == model).map(|r| r["servable"].clone())
        };
        assert_eq!(servable("scale_1"), Some(json!(true)));
        assert_eq!(servable("empty"), Some(json!(false)));
        assert_eq!(servable("sequence_output"), Some(json!(false)));
    }

    #[test]
    fn it_fails_where_there_is_nothing_to_inspect() {
        let run = onnxd(&["inspect", "/nowhere.onnx"]);
        let message = "onnxd: cannot read /nowhere.onnx: No such file or directory (os error 2)\n";
        assert_eq!((run.code, run.stderr.as_str()), (1, message));
        let repository = Repository::new();
        let path = repository.path().display().to_string();
        let run = onnxd(&["inspect", &path]);
        assert_eq!((run.code, run.stderr), (1, format!("onnxd: no models in {path}\n")));
    }
}

mod settings {
    use super::*;

    #[test]
    fn help_names_the_variable_and_the_key_of_every_flag() {
        let run = onnxd(&["serve", "--help"]);
        assert_eq!(run.code, 0);
        let printed = onnxd(&["serve", "--print-config"]).stdout;
        let names: Vec<&str> = printed
            .lines()
            .filter_map(|line| line.trim_start_matches("# ").split(" = ").next())
            .collect();
        assert!(names.len() > 15, "{names:?}");
        for name in names {
            let variable = name.to_uppercase().replace('-', "_");
            // A value in brackets may be left out.
            let flag = [format!("--{name} "), format!("--{name}[")];
            assert!(flag.iter().any(|f| run.stdout.contains(f)), "no {name} in:\n{}", run.stdout);
            for expected in [format!("[env: ONNXD_{variable}]"), format!("[file: {name}]")] {
                assert!(run.stdout.contains(&expected), "no {expected} in:\n{}", run.stdout);
            }
        }
    }

    #[test]
    fn the_effective_settings_are_printed_with_their_origin() {
        let repository = Repository::new();
        repository.write("onnxd.toml", "deadline = \"2s\"\nqueue = 9\nthreads = 3\n");
        let file = repository.path().join("onnxd.toml").display().to_string();
        let mut command = program();
        command.env("ONNXD_QUEUE", "7").env("ONNXD_POLL", "off");
        command.args(["serve", "there", "--config", &file, "--poll", "5s", "--print-config"]);
        let run = Finished::of(command.output().expect("the program starts"));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert_snapshot!(run.stdout.replace(&file, "onnxd.toml"));
    }

    #[test]
    fn what_is_printed_is_a_config_file_that_says_the_same() {
        let repository = Repository::new();
        let printed = onnxd(&["serve", "there", "--poll", "5s", "--print-config"]).stdout;
        repository.write("onnxd.toml", &printed);
        let file = repository.path().join("onnxd.toml").display().to_string();
        let again = onnxd(&["serve", "--config", &file, "--print-config"]);
        assert_eq!((again.code, again.stderr.as_str()), (0, ""));
        let values = |text: &str| -> Vec<String> {
            text.lines().filter_map(|line| line.split("  # ").next().map(str::to_owned)).collect()
        };
        assert_eq!(values(&again.stdout), values(&printed));
    }

    #[test]
    fn kserves_flags_are_understood() {
        let flags =
            ["--model_name=delay", "--model_dir=/mnt/models", "--http_port=8080", "--insecure"];
        let run = onnxd(&[&["serve"], &flags[..], &["--print-config"]].concat());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        for line in [
            "models = \"/mnt/models\"  # flag",
            "model-name = \"delay\"  # flag",
            "http-port = \"8080\"  # flag",
        ] {
            assert!(run.stdout.lines().any(|known| known == line), "no {line} in:\n{}", run.stdout);
        }
    }

    #[test]
    fn mistakes_in_a_config_file_are_listed_with_its_name() {
        let repository = Repository::new();
        repository.write("onnxd.toml", "pol = \"2s\"\nlog = []\n");
        let file = repository.path().join("onnxd.toml").display().to_string();
        let run = onnxd(&["serve", "--config", &file]);
        let message = format!(
            "onnxd: {file}: 'log' is array, expected a string, a number or a boolean\n\
             onnxd: {file}: unknown setting 'pol'\n"
        );
        assert_eq!((run.code, run.stderr), (2, message));
        fs::remove_file(&file).expect("it was there");
        let run = onnxd(&["serve", "--config", &file]);
        let message =
            format!("onnxd: cannot read {file}: No such file or directory (os error 2)\n");
        assert_eq!((run.code, run.stderr), (2, message));
    }

    #[test]
    fn a_variable_with_a_mistake_is_named() {
        let mut command = program();
        command.env("ONNXD_THREADS", "0").env("ONNXD_LOG", "xml").args(["serve", "there"]);
        let run = Finished::of(command.output().expect("the program starts"));
        let message = "onnxd: ONNXD_THREADS: '0' is no number, expected a whole number from 1\n\
            onnxd: ONNXD_LOG: 'xml' is no form of log, expected text or json\n";
        assert_eq!((run.code, run.stderr.as_str()), (2, message));
    }
}
