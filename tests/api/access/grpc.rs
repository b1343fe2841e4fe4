//! Every call with every kind of caller.

use std::collections::BTreeSet;
use std::path::Path;

use insta::assert_snapshot;
use onnxd::access::Need;
use tonic::body::Body;
use tonic::{Code, Status};

use super::{callers, refusal, start};
use crate::support::{Grpc, GrpcStalled, Keys, Repository, Server, until};

const REFLECTION: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

fn header(key: Option<&str>) -> Vec<(&'static str, &str)> {
    key.map(|key| ("x-api-key", key)).into_iter().collect()
}

/// A call with an empty message.
fn call(grpc: &Grpc, path: &str, key: Option<&str>) -> Option<Status> {
    let message = Body::new(http_body_util::Full::new(vec![0; 5].into()));
    Status::from_header_map(grpc.head(path, message, &header(key)).headers())
}

#[test]
fn what_each_call_needs_is_said_of_all_calls_of_the_protocol() {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = protox::compile(["inference.proto"], [proto]).expect("the protocol compiles").file;
    let mut there = BTreeSet::new();
    for file in &files {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            there.extend(service.method.iter().map(|call| format!("/{name}/{}", call.name())));
        }
    }
    let declared: BTreeSet<String> = onnxd::grpc::calls().map(|(path, _)| path).collect();
    assert_eq!(declared, there);
    let line = |(path, need): (String, Need)| format!("{:<8}{path}", need.to_string());
    let table: Vec<String> = onnxd::grpc::calls().map(line).collect();
    assert_snapshot!(table.join("\n"));
}

#[test]
fn every_call_lets_in_who_has_its_role_and_nobody_else() {
    let repository = Repository::with(&["scale_1"]);
    let (server, keys) = start(&repository, &["--grpc-addr", "127.0.0.1:0"]);
    let grpc = server.grpc();
    let mut calls: Vec<(String, String)> =
        onnxd::grpc::calls().map(|(path, need)| (path, need.to_string())).collect();
    calls.push(("/grpc.health.v1.Health/Check".to_owned(), "public".to_owned()));
    calls.push(("/grpc.health.v1.Health/Watch".to_owned(), "any".to_owned()));
    calls.extend(REFLECTION.map(|path| (path.to_owned(), "any".to_owned())));
    calls.push(("/inference.GRPCInferenceService/New".to_owned(), "any".to_owned()));
    calls.push(("/other.Service/Call".to_owned(), "any".to_owned()));
    for (path, need) in &calls {
        for (caller, key) in callers(&keys) {
            let status = call(&grpc, path, key.as_deref());
            let code = status.as_ref().map(Status::code);
            let what = format!("{path} by {caller}: {status:?}");
            match refusal(caller, need) {
                Some(401) => assert_eq!(code, Some(Code::Unauthenticated), "{what}"),
                Some(_) => {
                    assert_eq!(code, Some(Code::PermissionDenied), "{what}");
                    let message = format!("a key with the role '{need}' is needed");
                    assert_eq!(status.as_ref().map(Status::message), Some(&*message), "{what}");
                }
                None => {
                    let refused = [Code::Unauthenticated, Code::PermissionDenied];
                    assert!(code.is_none_or(|code| !refused.contains(&code)), "{what}");
                }
            }
        }
    }
    // What is refused is no prediction.
    let headers = [("x-api-key", keys.get("metrics"))];
    let page = server.get_with("/metrics", &headers);
    let lines = page.text().lines().filter(|line| {
        line.starts_with("onnxd_requests_total{") && line.contains("protocol=\"grpc\"")
    });
    let counts = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    assert_eq!(counts.sum::<u64>(), 1, "{}", page.text());
    server.stop();
}

#[test]
fn a_call_that_is_refused_is_refused_before_its_message_is_read() {
    let repository = Repository::with(&["scale_1"]);
    let (server, keys) = start(&repository, &["--grpc-addr", "127.0.0.1:0"]);
    let grpc = server.grpc();
    let bearer = format!("Bearer {}", keys.get("predict"));
    let path = "/inference.GRPCInferenceService/RepositoryModelLoad";
    let stalled = Body::new(GrpcStalled(None));
    let status = grpc.post(path, stalled, &[("authorization", &bearer)]);
    assert_eq!(status.code(), Code::PermissionDenied);
    server.stop();
}

#[test]
fn a_key_that_has_used_up_its_calls_is_told_when_to_come_back() {
    let repository = Repository::with(&["scale_1"]);
    let mut keys = Keys::of_roles(&["metrics"]);
    let key = keys.add("slow", "predict", &["--requests-per-second", "0.5"]);
    let arguments = ["--auth-keys", &keys.file(), "--grpc-addr", "127.0.0.1:0"];
    let server = Server::start(repository.path(), &arguments);
    let grpc = server.grpc();
    let path = "/inference.GRPCInferenceService/ServerMetadata";
    assert_eq!(call(&grpc, path, Some(&key)).map(|status| status.code()), None);
    let refused = call(&grpc, path, Some(&key)).expect("it is refused");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let wait = refused.metadata().get("grpc-retry-pushback-ms").expect("it says when");
    assert!(["1000", "2000"].contains(&wait.to_str().expect("it is text")), "{wait:?}");
    until("a token has come", || call(&grpc, path, Some(&key)).is_none().then_some(()));
    server.stop();
}
