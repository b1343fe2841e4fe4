//! What is said of models, and loading and unloading them by request.

use std::fs;

use onnxd::grpc::generated::model_repository_parameter::ParameterChoice;
use onnxd::grpc::generated::model_version_policy::{Latest, PolicyChoice};
use onnxd::grpc::generated::{
    DataType, ModelConfigRequest, ModelMetadataRequest, ModelReadyRequest,
    ModelRepositoryParameter, ModelStatisticsRequest, RepositoryIndexRequest,
    RepositoryModelLoadRequest, RepositoryModelUnloadRequest, ServerLiveRequest,
    ServerMetadataRequest, ServerReadyRequest,
};
use tonic::Code;

use super::{floats, start};
use crate::support::{Grpc, Repository, fixture};

fn load(
    grpc: &Grpc,
    model: &str,
    parameters: &[(&str, ParameterChoice)],
) -> Result<(), (Code, String)> {
    let parameter = |(name, choice): &(&str, ParameterChoice)| {
        let parameter = ModelRepositoryParameter { parameter_choice: Some(choice.clone()) };
        ((*name).to_owned(), parameter)
    };
    let request = RepositoryModelLoadRequest {
        model_name: model.to_owned(),
        parameters: parameters.iter().map(parameter).collect(),
        ..Default::default()
    };
    let answer = grpc.wait(grpc.client().repository_model_load(request));
    let answer = answer.map_err(|status| (status.code(), status.message().to_owned()))?;
    let answer = answer.into_inner();
    assert_eq!((answer.model_name.as_str(), answer.is_loaded), (model, true));
    Ok(())
}

/// What a `scale` model multiplies with.
fn scale(grpc: &Grpc, model: &str) -> Result<u8, Code> {
    let answer = grpc.infer(floats(model, &[1, 3], &[1.0; 3])).map_err(|status| status.code())?;
    let raw = &answer.into_inner().raw_output_contents[0];
    let scale = [1.0_f32, 2.0, 3.0].iter().position(|scale| raw[..4] == scale.to_le_bytes());
    Ok(u8::try_from(scale.expect("it is one of three")).expect("it is small") + 1)
}

#[test]
fn a_model_serves_after_it_was_loaded_and_until_it_is_unloaded() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_2");
    let (server, grpc) = start(&repository, &["--model-control", "explicit"]);
    assert_eq!(scale(&grpc, "m"), Err(Code::NotFound));
    load(&grpc, "m", &[]).expect("it is there");
    assert_eq!(scale(&grpc, "m"), Ok(2));
    let unknown = (Code::NotFound, "Request for unknown model: 'n' is not found".to_owned());
    assert_eq!(load(&grpc, "n", &[]), Err(unknown));
    // KServe's clients know no name of a repository, and have the model's in its place.
    let kserve =
        RepositoryModelUnloadRequest { repository_name: "m".to_owned(), ..Default::default() };
    let answer = grpc.wait(grpc.client().repository_model_unload(kserve)).expect("it serves");
    assert!(answer.into_inner().is_unloaded);
    assert_eq!(scale(&grpc, "m"), Err(Code::NotFound));
    server.stop_after(&["no models found"]);
}

#[test]
fn a_file_may_come_with_the_request_to_load() {
    let repository = Repository::new();
    let (server, grpc) = start(&repository, &["--model-control", "explicit"]);
    let file = fs::read(fixture("scale_3.onnx")).expect("the fixture is there");
    let file = ("file:1/model.onnx", ParameterChoice::BytesParam(file.into()));
    let config = ("config", ParameterChoice::StringParam(r#"{"max_batch_size": 8}"#.to_owned()));
    load(&grpc, "m", &[config, file]).expect("it came along");
    assert_eq!(scale(&grpc, "m"), Ok(3));
    let wrong = ("file:../model.onnx", ParameterChoice::BytesParam(b"x"[..].into()));
    let refused = load(&grpc, "m", &[wrong]).expect_err("it would leave its directory");
    assert_eq!(refused.0, Code::InvalidArgument);
    assert_eq!(scale(&grpc, "m"), Ok(3));
    server.stop_after(&["no models found"]);
}

#[test]
fn where_the_repository_decides_nothing_is_unloaded() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &[]);
    let unload =
        RepositoryModelUnloadRequest { model_name: "scale_1".to_owned(), ..Default::default() };
    let refused = grpc.wait(grpc.client().repository_model_unload(unload)).expect_err("poll");
    let http = server.post("/v2/repository/models/scale_1/unload", "").error().1;
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, http.as_str()));
    server.stop();
}

#[test]
fn the_server_and_its_models_are_described() {
    let repository = Repository::with(&["symbolic_batch", "dtype_bytes", "corrupt"]);
    let (server, grpc) = start(&repository, &[]);
    let mut client = grpc.client();
    let name = || "symbolic_batch".to_owned();
    grpc.wait(async {
        assert!(client.server_live(ServerLiveRequest {}).await.expect("it lives").get_ref().live);
        assert!(client.server_ready(ServerReadyRequest {}).await.expect("it is").get_ref().ready);
        let about = client.server_metadata(ServerMetadataRequest {}).await.expect("it is there");
        let about = about.into_inner();
        assert_eq!((about.name.as_str(), about.extensions.len()), ("onnxd", 7));

        let ready = |name: &str, version: &str| ModelReadyRequest {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        let serves = client.model_ready(ready("symbolic_batch", "1")).await.expect("it is there");
        assert!(serves.get_ref().ready);
        let refused = client.model_ready(ready("corrupt", "")).await.expect("it is there");
        assert!(!refused.get_ref().ready);
        let unknown = client.model_ready(ready("nobody", "")).await.expect("nobody is not ready");
        assert!(!unknown.get_ref().ready);

        let request = ModelMetadataRequest { name: name(), ..Default::default() };
        let model = client.model_metadata(request).await.expect("it serves").into_inner();
        assert_eq!(
            (model.versions, model.platform),
            (vec!["1".to_owned()], "onnx_onnxv1".to_owned())
        );
        let [x] = &model.inputs[..] else { panic!("one input: {:?}", model.inputs) };
        assert_eq!(
            (x.name.as_str(), x.datatype.as_str(), &x.shape[..]),
            ("x", "FP32", &[-1, 3][..])
        );

        let request = ModelConfigRequest { name: name(), ..Default::default() };
        let config = client.model_config(request).await.expect("it serves").into_inner().config;
        let config = config.expect("there is one");
        assert_eq!(
            (config.platform.as_str(), config.backend.as_str()),
            ("onnxruntime_onnx", "onnxruntime")
        );
        assert!(config.max_batch_size > 0);
        assert_eq!(
            (config.input[0].data_type(), &config.input[0].dims[..]),
            (DataType::TypeFp32, &[3][..])
        );
        let policy = config.version_policy.and_then(|policy| policy.policy_choice);
        assert_eq!(policy, Some(PolicyChoice::Latest(Latest { num_versions: 1 })));
        let request = ModelConfigRequest { name: "dtype_bytes".to_owned(), ..Default::default() };
        let config = client.model_config(request).await.expect("it serves").into_inner().config;
        assert_eq!(config.expect("there is one").input[0].data_type(), DataType::TypeString);
    });
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn statistics_and_the_index_say_what_happened() {
    let repository = Repository::with(&["scale_1", "corrupt"]);
    let (server, grpc) = start(&repository, &[]);
    assert_eq!(scale(&grpc, "scale_1"), Ok(1));
    assert_eq!(
        grpc.infer(floats("scale_1", &[1, 4], &[1.0; 4])).map_err(|s| s.code()).err(),
        Some(Code::InvalidArgument)
    );
    let mut client = grpc.client();
    for name in ["", "scale_1"] {
        let request = ModelStatisticsRequest { name: name.to_owned(), ..Default::default() };
        let statistics =
            grpc.wait(client.model_statistics(request)).expect("it serves").into_inner();
        let [of] = &statistics.model_stats[..] else { panic!("one model: {statistics:?}") };
        assert_eq!((of.name.as_str(), of.inference_count, of.execution_count), ("scale_1", 1, 1));
        let stats = of.inference_stats.as_ref().expect("they are there");
        let count =
            |pair: Option<onnxd::grpc::generated::StatisticDuration>| pair.map(|pair| pair.count);
        assert_eq!((count(stats.success), count(stats.fail)), (Some(1), Some(1)));
        assert_eq!(count(stats.cache_miss), Some(0));
    }
    let index = |ready| RepositoryIndexRequest { ready, ..Default::default() };
    let all = grpc.wait(client.repository_index(index(false))).expect("it is there").into_inner();
    let states: Vec<(&str, &str)> =
        all.models.iter().map(|model| (model.name.as_str(), model.state.as_str())).collect();
    assert_eq!(states, [("corrupt", "UNAVAILABLE"), ("scale_1", "READY")]);
    assert!(all.models[0].reason.contains("not an ONNX model"), "{all:?}");
    let ready = grpc.wait(client.repository_index(index(true))).expect("it is there").into_inner();
    assert_eq!(ready.models.len(), 1);
    server.stop_after(&["a model version was refused"]);
}
