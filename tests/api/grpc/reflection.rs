//! Reflection, and calls that are none.

use futures_util::stream;
use tonic::Code;
use tonic::body::Body;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::start;
use crate::support::{Grpc, Repository, grpc_next};

fn ask(grpc: &Grpc, what: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(what) };
    let mut client = ServerReflectionClient::with_origin(grpc.channel(), grpc.origin());
    let answer: ServerReflectionResponse = grpc.wait(async {
        let call = client.server_reflection_info(stream::iter([request]));
        let mut answers = call.await.expect("it is served").into_inner();
        grpc_next(&mut answers).await.expect("there is an answer")
    });
    answer.message_response.expect("it says something")
}

#[test]
fn reflection_lists_the_services_and_describes_them() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &[]);
    let MessageResponse::ListServicesResponse(listed) =
        ask(&grpc, MessageRequest::ListServices(String::new()))
    else {
        panic!("no list");
    };
    let mut names: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
    names.sort();
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "inference.GRPCInferenceService",
    ];
    assert_eq!(names, expected);
    let symbol = MessageRequest::FileContainingSymbol("inference.ModelInferRequest".to_owned());
    let MessageResponse::FileDescriptorResponse(files) = ask(&grpc, symbol) else {
        panic!("no file");
    };
    let file = files.file_descriptor_proto.first().expect("there is one");
    let name = b"raw_input_contents";
    assert!(file.windows(name.len()).any(|window| window == name));
    server.stop();
}

#[test]
fn what_is_not_offered_is_unimplemented() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &[]);
    for path in ["/inference.GRPCInferenceService/ModelStreamInfer", "/nowhere/Nothing", "/"] {
        let status = grpc.post(path, Body::empty(), &[]);
        assert_eq!(status.code(), Code::Unimplemented, "{path} {status:?}");
    }
    server.stop();
}

#[test]
fn what_is_no_call_of_grpc_is_told_so_by_http_and_has_an_id() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &[]);
    for kind in ["application/json", "application/grpc-web", "application/grpcx"] {
        let answer = grpc.send(
            "/inference.GRPCInferenceService/ServerLive",
            Body::empty(),
            &[("content-type", kind)],
        );
        assert_eq!(answer.status(), 415, "{kind}");
        assert!(answer.headers().contains_key("x-request-id"), "{kind}");
    }
    server.stop();
}

#[test]
fn without_an_address_there_is_no_grpc() {
    let repository = Repository::with(&["scale_1"]);
    let server = crate::support::Server::start(repository.path(), &[]);
    assert_eq!(server.logged("listening").get("grpc.addr"), None);
    server.stop();
}
