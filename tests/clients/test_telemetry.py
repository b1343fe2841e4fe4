"""Spans and bodies as the libraries read them that OpenTelemetry and CloudEvents ship."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from cloudevents.http import from_http, from_json
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from server import Server, build_repository

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REQUEST = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1.0, 2.0, 3.0]}]}


class Sink(ThreadingHTTPServer):
    """Keeps what is posted to it."""

    def __init__(self):
        self.posted = []
        super().__init__(("127.0.0.1", 0), Take)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def at(self, path: str) -> list:
        return [(headers, body) for where, headers, body in self.posted if where == path]


class Take(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posted.append((self.path, dict(self.headers), body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink
        sink.shutdown()


def ask(tmp_path, *arguments: str) -> httpx.Response:
    """One prediction of a server with these arguments, which has ended when this returns."""
    repository = build_repository(tmp_path / "models")
    server = Server(os.environ["ONNXD_BIN"], repository, tmp_path / "onnxd.log", *arguments)
    try:
        server.wait_until_ready()
        answer = httpx.post(
            f"http://{server.address}/v2/models/symbolic_batch/infer",
            json=REQUEST,
            headers={"traceparent": PARENT, "x-request-id": "seven"},
        )
        assert answer.status_code == 200
        assert server.stop() == 0
        assert server.complaints() == []
        return answer
    finally:
        server.kill()


def test_opentelemetrys_own_classes_read_the_spans(tmp_path, sink):
    ask(tmp_path, "--otlp-endpoint", sink.url, "--trace-sample", "0", "--service-name", "iris")
    [(headers, body)] = sink.at("/v1/traces")
    assert headers["content-type"] == "application/x-protobuf"
    request = ExportTraceServiceRequest.FromString(body)
    # Nothing was written under a number that the protocol does not have.
    assert request.SerializeToString() == body
    [resource] = request.resource_spans
    of = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert of["service.name"] == "iris"
    [scope] = resource.scope_spans
    root, *stages = scope.spans
    assert root.name == "POST /v2/models/{model}/infer" and root.kind == Span.SPAN_KIND_SERVER
    assert root.trace_id.hex() == PARENT.split("-")[1] and root.parent_span_id.hex() == PARENT.split("-")[2]
    assert root.status.code == Status.STATUS_CODE_UNSET
    assert [span.name for span in stages] == ["decode", "queue", "infer", "encode"]
    for span in stages:
        assert span.kind == Span.SPAN_KIND_INTERNAL and span.parent_span_id == root.span_id
        assert root.start_time_unix_nano <= span.start_time_unix_nano
        assert span.start_time_unix_nano <= span.end_time_unix_nano <= root.end_time_unix_nano


def test_cloudevents_own_classes_read_lines_of_a_file(tmp_path):
    path = tmp_path / "payloads"
    answer = ask(tmp_path, "--payload-log", f"file:{path}", "--payload-attributes", "namespace=prod")
    request, response = map(from_json, path.read_text().splitlines())
    assert request["type"] == "org.kubeflow.serving.inference.request"
    assert response["type"] == "org.kubeflow.serving.inference.response"
    for event in (request, response):
        assert (event["id"], event["namespace"], event["inferenceservicename"]) == ("seven", "prod", "symbolic_batch")
        assert event["traceparent"] == PARENT
    assert request.data == REQUEST
    assert response.data == answer.json()


def test_cloudevents_own_classes_read_what_is_posted(tmp_path, sink):
    answer = ask(tmp_path, "--payload-log", f"{sink.url}/broker")
    events = [from_http(headers, body) for headers, body in sink.at("/broker")]
    by_type = {event["type"].rsplit(".", 1)[1]: event for event in events}
    assert len(events) == 2 and set(by_type) == {"request", "response"}
    assert by_type["request"].data == REQUEST
    assert by_type["response"].data == json.loads(answer.content)
    assert {event["source"] for event in events} == {"/v2/models/symbolic_batch/versions/1"}
