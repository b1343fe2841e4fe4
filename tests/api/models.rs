//! What lies in the models' path, and what the server makes of it.

use std::net::TcpListener;
use std::path::Path;

use serde_json::json;

use crate::support::{
    Repository, Server, Tolerance, assert_answer, examples, fixture, floats, infer_path, onnxd,
    until,
};

fn names(server: &Server) -> Vec<String> {
    let models = server.get("/v1/models").json();
    let models = models["models"].as_array().expect("models are listed");
    models.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn versions(server: &Server, model: &str) -> Vec<String> {
    let document = server.get(&format!("/v2/models/{model}")).json();
    let versions = document["versions"].as_array().expect("versions are listed");
    versions.iter().filter_map(|version| version.as_str().map(str::to_owned)).collect()
}

/// The name under which the only model in a path is served.
fn only_name(path: &Path, arguments: &[&str]) -> String {
    let server = Server::start(path, arguments);
    let names = names(&server);
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(server.scaled(&names[0]), ("1".to_owned(), 1));
    server.stop();
    names.into_iter().next().expect("there is one")
}

mod loading {
    //! Models that serve late or never.

    use super::*;

    #[test]
    fn a_model_that_is_loading_answers_503_until_it_is_ready() {
        let repository = Repository::with(&["slow"]);
        let server = Server::launch(repository.path(), &[]);
        server.wait_for_state("slow", "1", "LOADING");
        let message = "model 'slow' is not ready: it is loading".to_owned();
        let request = floats(&[1, 16], &[0.0; 16]);
        let answer = server.infer("slow", &request);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.error(), (503, message.clone()));
        assert_eq!(server.post("/v1/models/slow:predict", "{}").error(), (503, message));
        let ready = server.get("/v2/models/slow/ready");
        assert_eq!((ready.status, ready.json()), (503, json!({"ready": false})));
        for probe in ["/readyz", "/v2/health/ready"] {
            let ready = server.get(probe);
            assert_eq!((ready.status, ready.json()), (503, json!({"ready": false})));
        }
        assert_eq!(server.get("/healthz").status, 200);
        let unknown = "model 'nope' is not ready: it is loading".to_owned();
        assert_eq!(server.infer("nope", &request).error(), (503, unknown));
        server.wait_for_state("slow", "1", "READY");
        let example = &examples(&fixture("expected.json"))["slow.onnx"][0];
        let tolerance = Tolerance { relative: 1e-4, absolute: 1e-6 };
        let answer = server.infer("slow", &example.request);
        assert_answer("slow", &answer, &example.response, tolerance);
        server.stop_after(&["request failed"]);
    }

    #[test]
    fn a_file_that_is_no_model_states_what_is_wrong_with_it() {
        let broken = [
            (
                "corrupt",
                "model.onnx is not an ONNX model: failed to decode Protobuf message: \
                 ModelProto.graph: buffer underflow (103 bytes; truncated or another format?)",
            ),
            ("empty", "model.onnx is not an ONNX model: the file is empty"),
            (
                "not_onnx",
                "model.onnx is not an ONNX model: failed to decode Protobuf message: unexpected \
                 end group tag (43 bytes; truncated or another format?)",
            ),
            (
                "unsupported_operator",
                "unsupported operator: com.example::FancyAttention (node 'encoder/attention')",
            ),
            (
                "sequence_output",
                "unsupported operator: SequenceConstruct (node 'sequenceconstruct_y')",
            ),
        ];
        let repository = Repository::with(&broken.map(|(name, _)| name));
        repository.add("good", 1, "scale_1");
        let server = Server::start(repository.path(), &[]);
        for (name, reason) in broken {
            let state = server.state(name, "1");
            assert_eq!(state, Some(("UNAVAILABLE".to_owned(), reason.to_owned())));
            let message = format!("model '{name}' is not ready: version 1: {reason}");
            assert_eq!(server.post(&infer_path(name), "{}").error(), (503, message));
        }
        assert_eq!(server.scaled("good").1, 1);
        server.stop_after(&["a model version was refused", "request failed"]);
    }

    #[test]
    fn a_server_whose_models_all_fail_is_alive_and_not_ready() {
        let repository = Repository::with(&["empty"]);
        let server = Server::launch(repository.path(), &[]);
        server.wait_for_state("empty", "1", "UNAVAILABLE");
        assert_eq!(server.get("/healthz").status, 200);
        assert_eq!(server.get("/readyz").status, 503);
        repository.add("empty", 2, "scale_2");
        until("a model serves", || (server.get("/readyz").status == 200).then_some(()));
        server.stop_after(&["the file is empty"]);
    }

    #[test]
    fn a_directory_without_models_is_ready_says_so_and_waits_for_some() {
        let repository = Repository::new();
        let server = Server::start(repository.path(), &[]);
        assert_eq!(names(&server), Vec::<String>::new());
        let said = server.logged("no models found; the server waits for some");
        assert_eq!(said["path"], json!(repository.path()));
        repository.add("late", 1, "scale_3");
        server.wait_for_state("late", "1", "READY");
        assert_eq!(server.scaled("late").1, 3);
        server.stop_after(&["no models found; the server waits for some"]);
    }
}

mod repository {
    //! Directories that contradict themselves, and policies.

    use super::*;

    #[test]
    fn two_models_with_one_name_are_refused_both_and_named() {
        let repository = Repository::with(&["scale_1"]);
        repository.copy("scale_2.onnx", "x.onnx");
        repository.copy("scale_3.onnx", "x/1/model.onnx");
        let server = Server::start(repository.path(), &[]);
        let reason = "two models have this name: the directory x/ and the file x.onnx; rename one"
            .to_owned();
        assert_eq!(server.state("x", ""), Some(("UNAVAILABLE".to_owned(), reason.clone())));
        let message = format!("model 'x' is not ready: {reason}");
        assert_eq!(server.post(&infer_path("x"), "{}").error(), (503, message));
        assert_eq!(server.model("x")["problem"], reason);
        assert_eq!(server.scaled("scale_1").1, 1);
        std::fs::remove_file(repository.path().join("x.onnx")).expect("it was there");
        until("the other serves", || server.state("x", "1").filter(|(state, _)| state == "READY"));
        assert_eq!(server.scaled("x").1, 3);
        server.stop_after(&["a model cannot be loaded", "request failed"]);
    }

    #[test]
    fn a_typo_in_the_settings_is_reported_with_its_line() {
        let repository = Repository::with(&["scale_1", "scale_2"]);
        repository.write("scale_1/model.toml", "versions = \"all\"\n\n[limits]\nqueu = 5\n");
        let server = Server::start(repository.path(), &[]);
        let (state, reason) = server.state("scale_1", "").expect("it is in the index");
        assert_eq!(state, "UNAVAILABLE");
        assert_eq!(
            reason,
            "model.toml: line 4: unknown key 'limits.queu', keys are: queue, deadline, idle_cores"
        );
        assert_eq!(server.scaled("scale_2").1, 2);
        server.stop_after(&["a model cannot be loaded"]);
    }

    #[test]
    fn a_typo_in_the_settings_of_a_model_that_serves_keeps_it_serving() {
        let repository = Repository::with(&["scale_1"]);
        let server = Server::start(repository.path(), &[]);
        repository.write("scale_1/model.toml", "versions = \"newest\"\n");
        let reason = until("the typo is seen", || {
            server.state("scale_1", "1").map(|(_, reason)| reason).filter(|text| !text.is_empty())
        });
        let mistake =
            "versions: 'newest' is no choice of versions, expected \"latest\", \"latest:N\"";
        assert!(reason.contains(mistake) && reason.contains("line 1"), "{reason}");
        assert_eq!(server.scaled("scale_1"), ("1".to_owned(), 1));
        repository.write("scale_1/model.toml", "");
        let repaired = Some(("READY".to_owned(), String::new()));
        until("it is repaired", || (server.state("scale_1", "1") == repaired).then_some(()));
        server.stop_after(&["a model cannot be loaded"]);
    }

    /// The versions that serve out of 1, 2, 3 and 10.
    fn served_with(policy: &str) -> Vec<String> {
        let repository = Repository::new();
        for version in [1, 2, 3, 10] {
            repository.add("m", version, "scale_1");
        }
        repository.write("m/model.toml", format!("versions = {policy}\n"));
        let server = Server::start(repository.path(), &[]);
        let served = versions(&server, "m");
        for version in &served {
            let request = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
            let answer = server.post(&format!("/v2/models/m/versions/{version}/infer"), request);
            assert_eq!(answer.json()["model_version"], *version);
        }
        let highest = served.last().cloned();
        assert_eq!(Some(server.scaled("m").0), highest, "no version means the highest");
        server.stop();
        served
    }

    #[test]
    fn policies_say_which_versions_serve() {
        assert_eq!(served_with(r#""latest""#), ["10"]);
        assert_eq!(served_with(r#""latest:2""#), ["3", "10"]);
        assert_eq!(served_with(r#""all""#), ["1", "2", "3", "10"]);
        assert_eq!(served_with("[2, 3, 7]"), ["2", "3"]);
    }
}

mod layout {
    //! A single model, in every form that a mount may have.

    use super::*;

    #[test]
    fn a_directory_with_a_model_file_names_the_model() {
        let repository = Repository::new();
        repository.copy("scale_1.onnx", "flight-delay/model.onnx");
        assert_eq!(only_name(&repository.path().join("flight-delay"), &[]), "flight-delay");
    }

    #[test]
    fn an_onnx_file_is_a_model_of_its_name() {
        let repository = Repository::new();
        repository.copy("scale_1.onnx", "delay.v2.onnx");
        assert_eq!(only_name(&repository.path().join("delay.v2.onnx"), &[]), "delay.v2");
    }

    #[test]
    fn a_model_file_is_named_for_its_directory() {
        let repository = Repository::new();
        repository.copy("scale_1.onnx", "flight-delay/model.onnx");
        let file = repository.path().join("flight-delay/model.onnx");
        assert_eq!(only_name(&file, &[]), "flight-delay");
    }

    #[test]
    fn a_directory_with_one_onnx_file_is_that_model() {
        let repository = Repository::new();
        repository.copy("scale_1.onnx", "mount/delay.onnx");
        assert_eq!(only_name(&repository.path().join("mount"), &[]), "delay");
    }

    #[test]
    fn a_directory_of_versions_is_one_model() {
        let repository = Repository::new();
        repository.add("flight-delay", 1, "scale_1");
        assert_eq!(only_name(&repository.path().join("flight-delay"), &[]), "flight-delay");
    }

    #[test]
    fn a_single_model_takes_the_name_that_it_is_given() {
        let repository = Repository::new();
        repository.copy("scale_1.onnx", "mount/model.onnx");
        let mount = repository.path().join("mount");
        assert_eq!(only_name(&mount, &["--model-name", "given"]), "given");
        assert_eq!(only_name(&mount, &["--model_name=given"]), "given");
    }

    #[test]
    fn one_name_for_several_models_ends_the_program() {
        let repository = Repository::with(&["scale_1", "scale_2"]);
        let path = repository.path().display().to_string();
        let run = onnxd(&["serve", &path, "--http-addr", "127.0.0.1:0", "--model-name", "m"]);
        let message =
            format!("onnxd: --model-name names a single model, but {path} holds several\n");
        assert_eq!((run.code, run.stderr), (1, message));
    }

    #[test]
    fn files_and_directories_lie_side_by_side_in_a_repository() {
        let repository = Repository::with(&["scale_1", "scale_2"]);
        repository.copy("scale_3.onnx", "alone.onnx");
        repository.write("README.md", "These are models.");
        repository.write("data/numbers.csv", "1,2");
        let server = Server::start(repository.path(), &[]);
        assert_eq!(names(&server), ["alone", "scale_1", "scale_2"]);
        assert_eq!(server.scaled("alone").1, 3);
        server.stop();
    }
}

mod start {
    //! Starts that cannot work.

    use super::*;

    #[test]
    fn a_port_in_use_ends_the_program_with_a_reason() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = taken.local_addr().expect("it is bound").to_string();
        let repository = Repository::with(&["scale_1"]);
        let path = repository.path().display().to_string();
        let run = onnxd(&["serve", &path, "--http-addr", &address]);
        let message =
            format!("onnxd: cannot listen on {address}: Address already in use (os error 98)\n");
        assert_eq!((run.code, run.stderr), (1, message));
    }

    #[test]
    fn a_path_that_is_not_there_ends_the_program_with_a_reason() {
        let run = onnxd(&["serve", "/nowhere/models", "--http-addr", "127.0.0.1:0"]);
        let message =
            "onnxd: cannot read /nowhere/models: No such file or directory (os error 2)\n";
        assert_eq!((run.code, run.stderr.as_str()), (1, message));
    }

    #[test]
    fn all_bad_settings_are_listed_at_once() {
        let run = onnxd(&["serve", "--http-addr", "localhost", "--max-body", "lots", "--queue=0"]);
        let message = "\
            onnxd: --http-addr: 'localhost' is no address, expected for example 127.0.0.1:8080\n\
            onnxd: --max-body: 'lots' is no size, expected for example 64MiB\n\
            onnxd: --queue: '0' is no number, expected a whole number from 1\n";
        assert_eq!((run.code, run.stderr.as_str()), (2, message));
    }

    #[test]
    fn an_unknown_flag_is_a_mistake_of_usage() {
        let run = onnxd(&["serve", "--htp-addr", "127.0.0.1:0"]);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains("unexpected argument '--htp-addr'"), "{}", run.stderr);
        assert!(run.stderr.contains("'--http-addr'"), "{}", run.stderr);
    }
}

mod large {
    //! Requests that do not arrive in one piece.

    use super::*;

    #[test]
    fn many_binary_numbers_are_answered_like_the_same_in_json_however_they_are_cut() {
        const ROWS: usize = 30_000;
        let server = Server::start(&fixture("symbolic_batch.onnx"), &[]);
        let values: Vec<f32> =
            (0..=250u8).cycle().take(3 * ROWS).map(|value| f32::from(value) / 4.0).collect();
        let wide: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        let expected = server.infer("symbolic_batch", &floats(&[ROWS, 3], &wide)).json();
        let parameters = json!({"binary_data_size": 4 * values.len()});
        let input =
            json!({"name": "x", "datatype": "FP32", "shape": [ROWS, 3], "parameters": parameters});
        let head = json!({"inputs": [input]}).to_string();
        let blob: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let body = [head.as_bytes(), &blob].concat();
        for cut in [head.len() - 5, head.len() + 131_071, body.len() - 1] {
            let mut connection = server.connect();
            let length = body.len().to_string();
            let start = format!(
                "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nInference-Header-Content-Length: {}\r\n\r\n",
                infer_path("symbolic_batch"),
                head.len()
            );
            connection.send(&[start.as_bytes(), &body[..cut]].concat());
            // Most times the server has read this part before it has answered another request.
            assert_eq!(server.get("/v2/health/live").status, 200);
            connection.send(&body[cut..]);
            let answer = connection.answer().json();
            assert_eq!(answer["outputs"], expected["outputs"], "cut at {cut}");
        }
        server.stop();
    }
}
