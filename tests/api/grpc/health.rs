//! `grpc.health.v1`.

use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::start;
use crate::support::{Grpc, Repository, grpc_next};

fn request(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

fn check(grpc: &Grpc, service: &str) -> Result<ServingStatus, Status> {
    let mut client = HealthClient::with_origin(grpc.channel(), grpc.origin());
    let answer = grpc.wait(client.check(request(service)));
    answer.map(|answer| answer.into_inner().status())
}

fn watch(grpc: &Grpc, service: &str) -> Streaming<HealthCheckResponse> {
    let mut client = HealthClient::with_origin(grpc.channel(), grpc.origin());
    grpc.wait(client.watch(request(service))).expect("it is served").into_inner()
}

fn next(grpc: &Grpc, watch: &mut Streaming<HealthCheckResponse>) -> Option<ServingStatus> {
    grpc.wait(grpc_next(watch)).map(|answer| answer.status())
}

#[test]
fn the_server_and_each_model_have_a_health() {
    let repository = Repository::with(&["scale_1", "corrupt"]);
    let (server, grpc) = start(&repository, &[]);
    for name in ["", "inference.GRPCInferenceService", "scale_1"] {
        assert_eq!(check(&grpc, name).expect("it is there"), ServingStatus::Serving, "{name}");
    }
    assert_eq!(check(&grpc, "corrupt").expect("it is there"), ServingStatus::NotServing);
    let unknown = check(&grpc, "nobody").expect_err("it is not there");
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "unknown service 'nobody'"));
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn whoever_watches_a_model_hears_of_its_coming_and_going_and_of_no_swap() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &[]);
    let mut watched = watch(&grpc, "m");
    assert_eq!(next(&grpc, &mut watched), Some(ServingStatus::ServiceUnknown));
    repository.add("m", 1, "scale_1");
    let mut seen = next(&grpc, &mut watched);
    if seen == Some(ServingStatus::NotServing) {
        // It was seen while it loaded.
        seen = next(&grpc, &mut watched);
    }
    assert_eq!(seen, Some(ServingStatus::Serving));
    repository.add("m", 2, "scale_2");
    server.wait_for_state("m", "2", "READY");
    repository.remove("m");
    assert_eq!(next(&grpc, &mut watched), Some(ServingStatus::ServiceUnknown));
    server.stop_after(&[]);
}

#[test]
fn whoever_watches_hears_of_the_end_and_does_not_hold_it_up() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &[]);
    let mut watched = ["", "scale_1"].map(|service| watch(&grpc, service));
    for watched in &mut watched {
        assert_eq!(next(&grpc, watched), Some(ServingStatus::Serving));
    }
    server.terminate();
    for watched in &mut watched {
        assert_eq!(next(&grpc, watched), Some(ServingStatus::NotServing));
        assert_eq!(next(&grpc, watched), None);
    }
    server.stop();
}
