"""What clients do on the wire beyond calling an API, with nothing but sockets: the raw form, connections, framing."""

import gzip
import http.client
import json
import socket
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import pytest

INFER = "/v2/models/digits/infer"
JSON_LENGTH = "Inference-Header-Content-Length"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def json(self):
        return json.loads(self.body)

    def error(self) -> str:
        """Every refusal is a JSON object with one string."""
        assert self.headers["content-type"] == "application/json"
        document = self.json()
        assert isinstance(document["error"], str) and document["error"]
        return document["error"]

    def tensors(self) -> dict[str, np.ndarray]:
        """An answer whose outputs are all binary."""
        assert self.headers["content-type"] == "application/octet-stream"
        length = int(self.headers[JSON_LENGTH.lower()])
        document, rest = json.loads(self.body[:length]), self.body[length:]
        found = {}
        for output in document["outputs"]:
            size = output["parameters"]["binary_data_size"]
            dtype = {"INT64": "<i8", "FP32": "<f4"}[output["datatype"]]
            found[output["name"]] = np.frombuffer(rest[:size], dtype).reshape(output["shape"])
            rest = rest[size:]
        assert rest == b""
        return found


class Client:
    """One kept-alive connection of the standard library's HTTP client."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=30)

    def ask(self, method, path, body=None, headers=None, **options) -> Answer:
        self.connection.request(method, path, body, headers or {}, **options)
        response = self.connection.getresponse()
        return Answer(response.status, lowered(response.getheaders()), response.read())


def lowered(headers):
    return {name.lower(): value for name, value in headers}


@pytest.fixture
def client(address):
    client = Client(address)
    yield client
    client.connection.close()


class Wire:
    """One bare connection, for what an HTTP library would hide."""

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.reader = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def status_and_headers(self):
        status = int(self.line().split(" ")[1])
        headers = {}
        while line := self.line():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return status, headers

    def line(self) -> str:
        return self.reader.readline().decode("latin-1").rstrip("\r\n")

    def answer(self) -> Answer:
        status, headers = self.status_and_headers()
        if "content-length" in headers:
            return Answer(status, headers, self.reader.read(int(headers["content-length"])))
        assert headers["transfer-encoding"] == "chunked"
        body = b""
        while size := int(self.line(), 16):
            body += self.reader.read(size)
            self.line()
        self.line()
        return Answer(status, headers, body)

    def is_closed_by_the_server(self) -> bool:
        return self.reader.read(1) == b""


@pytest.fixture
def wire(address):
    wire = Wire(address)
    yield wire
    wire.reader.close()
    wire.socket.close()


def json_request(pixels, **more) -> bytes:
    tensor = {"name": "pixels", "shape": list(pixels.shape), "datatype": "FP32", "data": pixels.ravel().tolist()}
    return json.dumps({"inputs": [tensor], **more}).encode()


def binary_request(pixels, size=None) -> tuple[bytes, dict[str, str]]:
    blob = pixels.astype("<f4").tobytes()
    parameters = {"binary_data_size": len(blob) if size is None else size}
    tensor = {"name": "pixels", "shape": list(pixels.shape), "datatype": "FP32", "parameters": parameters}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return head + blob, {JSON_LENGTH: str(len(head))}


def assert_right_json(answer: Answer, digits, rows=None):
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    outputs = {output["name"]: output for output in answer.json()["outputs"]}
    label, probabilities = (
        np.array(outputs[name]["data"], dtype).reshape(outputs[name]["shape"])
        for name, dtype in (("label", np.int64), ("probabilities", np.float32))
    )
    digits.check(label, probabilities, rows)


def assert_right_binary(answer: Answer, digits, rows=None):
    assert answer.status == 200, answer.body
    tensors = answer.tensors()
    digits.check(tensors["label"], tensors["probabilities"], rows)


def head(method, path, *lines) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: onnxd", *lines, "", ""]).encode()


# --- The raw form ----------------------------------------------------------------------------------------------------


def test_a_body_of_nothing_but_numbers_returns_the_right_digit(client, digits):
    body = digits.pixels.astype("<f4").tobytes()
    assert_right_binary(client.ask("POST", INFER, body, {JSON_LENGTH: "0"}), digits)


def test_the_raw_form_may_call_itself_an_octet_stream_and_name_a_version(client, digits):
    body = digits.pixels.astype("<f4").tobytes()
    headers = {JSON_LENGTH: "0", "Content-Type": "application/octet-stream"}
    assert_right_binary(client.ask("POST", "/v2/models/digits/versions/1/infer", body, headers), digits)


def test_a_raw_body_that_is_not_a_whole_number_of_rows_is_refused_by_name(client):
    answer = client.ask("POST", INFER, bytes(4 * 63), {JSON_LENGTH: "0"})
    assert answer.status == 400
    assert "pixels" in answer.error() and "252" in answer.error()


def test_the_raw_form_is_refused_for_a_model_with_two_inputs(client):
    answer = client.ask("POST", "/v2/models/two_inputs/infer", bytes(20), {JSON_LENGTH: "0"})
    assert answer.status == 400
    assert "input" in answer.error()


# --- Binary framing --------------------------------------------------------------------------------------------------


def test_the_header_name_is_read_in_any_case(client, digits):
    body, headers = binary_request(digits.pixels)
    headers = {name.upper(): value for name, value in headers.items()}
    assert_right_binary(client.ask("POST", INFER, body, headers), digits)


@pytest.mark.parametrize("length", ["999999", "-1", "18446744073709551616", "ten", "1.5", ""])
def test_a_json_length_out_of_range_is_refused(client, digits, length):
    body, _ = binary_request(digits.pixels)
    answer = client.ask("POST", INFER, body, {JSON_LENGTH: length})
    assert answer.status == 400
    assert JSON_LENGTH.lower() in answer.error().lower()


def test_a_json_length_that_cuts_the_json_short_is_refused(client, digits):
    body, headers = binary_request(digits.pixels)
    headers[JSON_LENGTH] = str(int(headers[JSON_LENGTH]) - 1)
    answer = client.ask("POST", INFER, body, headers)
    assert answer.status == 400 and answer.error()


@pytest.mark.parametrize("change", [-4, 4, 1])
def test_a_blob_size_that_is_not_the_size_of_the_shape_is_refused_by_name(client, digits, change):
    size = digits.pixels.astype("<f4").nbytes
    body, headers = binary_request(digits.pixels, size + change)
    answer = client.ask("POST", INFER, body, headers)
    assert answer.status == 400 and "pixels" in answer.error()


@pytest.mark.parametrize("change", ["one byte too few", "one byte too many"])
def test_blobs_that_do_not_add_up_to_the_body_are_refused(client, digits, change):
    body, headers = binary_request(digits.pixels)
    body = body[:-1] if change == "one byte too few" else body + b"\0"
    answer = client.ask("POST", INFER, body, headers)
    assert answer.status == 400 and answer.error()


def test_a_string_longer_than_its_blob_is_refused_by_name(client):
    metadata = client.ask("GET", "/v2/models/dtype_bytes").json()["inputs"][0]
    blob = struct.pack("<I", 4_000_000_000) + b"short"
    tensor = {
        "name": metadata["name"],
        "shape": [1, metadata["shape"][1]],
        "datatype": "BYTES",
        "parameters": {"binary_data_size": len(blob)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    answer = client.ask("POST", "/v2/models/dtype_bytes/infer", head + blob, {JSON_LENGTH: str(len(head))})
    assert answer.status == 400 and metadata["name"] in answer.error()


# --- Compression -----------------------------------------------------------------------------------------------------


def test_an_answer_is_not_compressed_for_a_client_that_did_not_ask(client, digits):
    answer = client.ask("POST", INFER, json_request(digits.rows(300)), {"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert_right_json(answer, digits, np.arange(300) % len(digits))


@pytest.mark.parametrize("algorithm, decompress", [("gzip", gzip.decompress), ("deflate", zlib.decompress)])
def test_a_large_answer_is_compressed_in_the_form_that_was_asked_for(client, digits, algorithm, decompress):
    answer = client.ask("POST", INFER, json_request(digits.rows(300)), {"Accept-Encoding": algorithm})
    assert answer.headers["content-encoding"] == algorithm
    answer.body = decompress(answer.body)
    assert_right_json(answer, digits, np.arange(300) % len(digits))


def test_a_body_that_is_not_the_gzip_it_claims_to_be_is_refused(client, digits):
    answer = client.ask("POST", INFER, json_request(digits.pixels), {"Content-Encoding": "gzip"})
    assert answer.status == 400 and answer.error()


def test_a_gzip_body_that_unpacks_beyond_the_limit_is_refused(client):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(128)) + packer.flush()
    answer = client.ask("POST", INFER, bomb, {"Content-Encoding": "gzip"})
    assert answer.status == 413 and answer.error()


# --- Connections -----------------------------------------------------------------------------------------------------


def test_one_connection_serves_a_hundred_requests(client, digits):
    body, headers = binary_request(digits.pixels)
    assert_right_binary(client.ask("POST", INFER, body, headers), digits)
    kept = client.connection.sock
    for _ in range(99):
        assert_right_binary(client.ask("POST", INFER, body, headers), digits)
        assert client.connection.sock is kept


def test_a_refusal_keeps_the_connection_open(client, digits):
    assert client.ask("POST", INFER, b"{").status == 400
    kept = client.connection.sock
    assert kept is not None
    assert client.ask("POST", "/v2/models/x/infer", json_request(digits.pixels)).status == 404
    assert client.ask("POST", INFER, json_request(digits.pixels[:, :63])).status == 400
    assert_right_json(client.ask("POST", INFER, json_request(digits.pixels)), digits)
    assert client.connection.sock is kept


def test_pipelined_requests_are_answered_in_order(wire, digits):
    requests = b""
    for number in range(5):
        body = json_request(digits.pixels[[number % len(digits)]], id=str(number))
        requests += head("POST", INFER, f"Content-Length: {len(body)}") + body
        requests += head("GET", "/v2/health/live")
    wire.send(requests)
    for number in range(5):
        answer = wire.answer()
        assert answer.json()["id"] == str(number)
        assert_right_json(answer, digits, [number % len(digits)])
        assert wire.answer().json() == {"live": True}


def test_a_request_that_arrives_byte_by_byte_is_answered(wire, digits):
    body = json_request(digits.pixels[[0]])
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in head("POST", INFER, f"Content-Length: {len(body)}") + body:
        wire.send(bytes([byte]))
    assert_right_json(wire.answer(), digits, [0])


def test_connection_close_is_honoured(wire):
    wire.send(head("GET", "/v2/health/ready", "Connection: close"))
    assert wire.answer().json() == {"ready": True}
    assert wire.is_closed_by_the_server()


# --- Request bodies --------------------------------------------------------------------------------------------------


def pieces(body, size):
    return (body[start : start + size] for start in range(0, len(body), size))


def test_a_chunked_json_body_returns_the_right_digit(client, digits):
    answer = client.ask("POST", INFER, pieces(json_request(digits.pixels), 100), encode_chunked=True)
    assert_right_json(answer, digits)


def test_a_chunked_binary_body_returns_the_right_digit(client, digits):
    body, headers = binary_request(digits.pixels)
    # 97 is prime: no piece ends where a tensor or a number does.
    assert_right_binary(client.ask("POST", INFER, pieces(body, 97), headers, encode_chunked=True), digits)


def test_a_client_that_waits_for_100_continue_gets_it_before_it_sends_the_body(wire, digits):
    body = json_request(digits.pixels)
    wire.send(head("POST", INFER, f"Content-Length: {len(body)}", "Expect: 100-continue"))
    assert wire.status_and_headers()[0] == 100
    wire.send(body)
    assert_right_json(wire.answer(), digits)


def test_a_body_announced_beyond_the_limit_is_refused_before_it_is_sent(wire):
    wire.send(head("POST", INFER, f"Content-Length: {1 << 40}", "Expect: 100-continue"))
    answer = wire.answer()
    assert answer.status == 413 and answer.error()


def test_a_chunked_body_beyond_the_limit_is_refused(wire):
    wire.send(head("POST", INFER, "Transfer-Encoding: chunked"))
    for _ in range(64):
        wire.send(b"100000\r\n" + b" " * (1 << 20) + b"\r\n")
    # One byte more than the default limit, and nothing after it that could be left unread.
    wire.send(b"1\r\n \r\n")
    answer = wire.answer()
    assert answer.status == 413 and answer.error()


def test_json_is_read_whatever_its_content_type_says(client, digits):
    for content_type in ("application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded"):
        answer = client.ask("POST", INFER, json_request(digits.pixels), {"Content-Type": content_type})
        assert_right_json(answer, digits)


def test_keys_may_come_in_any_order_and_unknown_ones_are_ignored(client, digits):
    tensor = {
        "data": digits.pixels.tolist(),
        "parameters": {"content_type": "np", "level": 1.5},
        "datatype": "FP32",
        "shape": list(digits.pixels.shape),
        "name": "pixels",
    }
    body = json.dumps({"outputs": [], "inputs": [tensor], "model_name": "digits", "later": {"a": [1, None]}})
    assert_right_json(client.ask("POST", INFER, body), digits)


# --- Methods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/v2", "/v2/models/digits"])
def test_head_answers_as_get_without_a_body(client, path):
    asked, got = client.ask("HEAD", path), client.ask("GET", path)
    assert (asked.status, asked.body) == (200, b"")
    assert got.status == 200
    assert asked.headers.get("content-type") == got.headers.get("content-type")


def test_the_server_metadata_is_found_with_and_without_a_slash(client):
    assert client.ask("GET", "/v2").json() == client.ask("GET", "/v2/").json()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_wrong_method_is_refused_and_says_which_is_right(client, method):
    answer = client.ask(method, INFER)
    assert answer.status == 405 and answer.error()
    assert "POST" in answer.headers["allow"]


def test_options_names_the_allowed_method(client):
    answer = client.ask("OPTIONS", INFER)
    assert answer.status in (200, 204, 405)
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/v2/nowhere", "/v2/models/digits/nowhere", "/v1/nowhere"])
def test_an_unknown_path_is_refused_in_json(client, path):
    answer = client.ask("GET", path)
    assert answer.status == 404 and answer.error()


# --- What v1 readers look at -----------------------------------------------------------------------------------------


def test_the_v1_status_pleases_both_of_its_readers(client):
    assert client.ask("GET", "/v1/models/digits").json() == {
        "name": "digits",
        "ready": True,
        "model_version_status": [
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ],
    }


def test_the_root_answers_json_to_a_client_that_does_not_ask_for_html(client):
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        answer = client.ask("GET", "/", headers=headers)
        assert answer.status == 200 and answer.json()["status"] == "alive"


@pytest.mark.parametrize("path", ["/v1/models/digits:predict", "/v1/models/digits/versions/1:predict"])
def test_v1_predicts_with_and_without_a_version(client, digits, path):
    answer = client.ask("POST", path, json.dumps({"instances": digits.pixels.tolist()}))
    predictions = answer.json()["predictions"]
    digits.check(
        [row["label"] for row in predictions], np.array([row["probabilities"] for row in predictions], np.float32)
    )
