"""What clients do on the wire beyond calling an API, with nothing but sockets: the raw form, connections, framing."""

import gzip
import json
import socket
import struct
import zlib
from contextlib import closing

import pytest

from wire import JSON_LENGTH, Wire, assert_refused, head

INFER = "/v2/models/digits/infer"


@pytest.fixture
def wire(address):
    with closing(Wire(address)) as wire:
        yield wire


def json_request(pixels, **more) -> bytes:
    tensor = {"name": "pixels", "shape": list(pixels.shape), "datatype": "FP32", "data": pixels.ravel().tolist()}
    return json.dumps({"inputs": [tensor], **more}).encode()


def binary_request(pixels, size=None) -> tuple[bytes, dict[str, str]]:
    blob = pixels.astype("<f4").tobytes()
    parameters = {"binary_data_size": len(blob) if size is None else size}
    tensor = {"name": "pixels", "shape": list(pixels.shape), "datatype": "FP32", "parameters": parameters}
    start = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return start + blob, {JSON_LENGTH: str(len(start))}


def assert_right(answer, digits, binary=False):
    digits.check(answer.tensors(binary).__getitem__)


# --- The raw form ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [INFER, "/v2/models/digits/versions/1/infer"])
@pytest.mark.parametrize("more", [{}, {"Content-Type": "application/octet-stream"}], ids=["no type", "octet-stream"])
def test_a_body_of_nothing_but_numbers_returns_the_right_digit(http, digits, path, more):
    body = digits.pixels.astype("<f4").tobytes()
    assert_right(http.ask("POST", path, body, {JSON_LENGTH: "0", **more}), digits, binary=True)


def test_a_raw_body_that_is_not_a_whole_number_of_rows_is_refused_by_name(http):
    assert_refused(http.ask("POST", INFER, bytes(4 * 63), {JSON_LENGTH: "0"}).refusal(), 400, "pixels", "252")


def test_the_raw_form_is_refused_for_a_model_with_two_inputs(http):
    answer = http.ask("POST", "/v2/models/two_inputs/infer", bytes(20), {JSON_LENGTH: "0"})
    assert_refused(answer.refusal(), 400, "input")


# --- Binary framing --------------------------------------------------------------------------------------------------


def test_the_header_name_is_read_in_any_case(http, digits):
    body, headers = binary_request(digits.pixels)
    headers = {name.upper(): value for name, value in headers.items()}
    assert_right(http.ask("POST", INFER, body, headers), digits, binary=True)


@pytest.mark.parametrize("length", ["999999", "-1", "18446744073709551616", "ten", "1.5", ""])
def test_a_json_length_out_of_range_is_refused(http, digits, length):
    body, _ = binary_request(digits.pixels)
    status, message = http.ask("POST", INFER, body, {JSON_LENGTH: length}).refusal()
    assert_refused((status, message.lower()), 400, JSON_LENGTH.lower())


def test_a_json_length_that_cuts_the_json_short_is_refused(http, digits):
    body, headers = binary_request(digits.pixels)
    headers[JSON_LENGTH] = str(int(headers[JSON_LENGTH]) - 1)
    assert_refused(http.ask("POST", INFER, body, headers).refusal(), 400)


@pytest.mark.parametrize("change", [-4, 4, 1])
def test_a_blob_size_that_is_not_the_size_of_the_shape_is_refused_by_name(http, digits, change):
    body, headers = binary_request(digits.pixels, size=digits.pixels.nbytes + change)
    assert_refused(http.ask("POST", INFER, body, headers).refusal(), 400, "pixels")


def test_blobs_that_do_not_add_up_to_the_body_are_refused(http, digits):
    body, headers = binary_request(digits.pixels)
    for wrong in (body[:-1], body + b"\0"):
        assert_refused(http.ask("POST", INFER, wrong, headers).refusal(), 400)


def test_a_string_longer_than_its_blob_is_refused_by_name(http):
    blob = struct.pack("<I", 4_000_000_000) + b"short"
    tensor = {"name": "x", "shape": [1, 2], "datatype": "BYTES", "parameters": {"binary_data_size": len(blob)}}
    start = json.dumps({"inputs": [tensor]}).encode()
    answer = http.ask("POST", "/v2/models/dtype_bytes/infer", start + blob, {JSON_LENGTH: str(len(start))})
    assert_refused(answer.refusal(), 400, "'x'")


# --- Compression -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked, answered, decompress",
    [("identity", None, bytes), ("gzip", "gzip", gzip.decompress), ("deflate", "deflate", zlib.decompress)],
)
def test_a_large_answer_is_compressed_only_in_the_form_that_was_asked_for(http, digits, asked, answered, decompress):
    many = digits.take(*range(300))
    answer = http.ask("POST", INFER, json_request(many.pixels), {"Accept-Encoding": asked})
    assert answer.headers.get("content-encoding") == answered
    answer.body = decompress(answer.body)
    assert_right(answer, many)


def test_a_body_that_is_not_the_gzip_it_claims_to_be_is_refused(http, digits):
    assert_refused(http.ask("POST", INFER, json_request(digits.pixels), {"Content-Encoding": "gzip"}).refusal(), 400)


def test_a_gzip_body_that_unpacks_beyond_the_limit_is_refused(http):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(128)) + packer.flush()
    assert_refused(http.ask("POST", INFER, bomb, {"Content-Encoding": "gzip"}).refusal(), 413)


# --- Connections -----------------------------------------------------------------------------------------------------


def test_one_connection_serves_a_hundred_requests(http, digits):
    body, headers = binary_request(digits.pixels)
    assert_right(http.ask("POST", INFER, body, headers), digits, binary=True)
    kept = http.connection.sock
    for _ in range(99):
        assert_right(http.ask("POST", INFER, body, headers), digits, binary=True)
        assert http.connection.sock is kept


def test_a_refusal_keeps_the_connection_open(http, digits):
    assert http.ask("POST", INFER, b"{").status == 400
    kept = http.connection.sock
    assert kept is not None
    assert http.ask("POST", "/v2/models/x/infer", json_request(digits.pixels)).status == 404
    assert http.ask("POST", INFER, json_request(digits.pixels[:, :63])).status == 400
    assert_right(http.ask("POST", INFER, json_request(digits.pixels)), digits)
    assert http.connection.sock is kept


def test_pipelined_requests_are_answered_in_order(wire, digits):
    requests = b""
    for number in range(5):
        body = json_request(digits.take(number).pixels, id=str(number))
        requests += head("POST", INFER, f"Content-Length: {len(body)}") + body
        requests += head("GET", "/v2/health/live")
    wire.send(requests)
    for number in range(5):
        answer = wire.answer()
        assert answer.json()["id"] == str(number)
        assert_right(answer, digits.take(number))
        assert wire.answer().json() == {"live": True}


def test_a_request_that_arrives_byte_by_byte_is_answered(wire, digits):
    one = digits.take(0)
    body = json_request(one.pixels)
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in head("POST", INFER, f"Content-Length: {len(body)}") + body:
        wire.send(bytes([byte]))
    assert_right(wire.answer(), one)


def test_connection_close_is_honoured(wire):
    wire.send(head("GET", "/v2/health/ready", "Connection: close"))
    assert wire.answer().json() == {"ready": True}
    assert wire.is_closed_by_the_server()


# --- Request bodies --------------------------------------------------------------------------------------------------


def pieces(body, size):
    return (body[start : start + size] for start in range(0, len(body), size))


def test_a_chunked_json_body_returns_the_right_digit(http, digits):
    answer = http.ask("POST", INFER, pieces(json_request(digits.pixels), 100), encode_chunked=True)
    assert_right(answer, digits)


def test_a_chunked_binary_body_returns_the_right_digit(http, digits):
    body, headers = binary_request(digits.pixels)
    # 97 is prime: no piece ends where a tensor or a number does.
    assert_right(http.ask("POST", INFER, pieces(body, 97), headers, encode_chunked=True), digits, binary=True)


def test_a_client_that_waits_for_100_continue_gets_it_before_it_sends_the_body(wire, digits):
    body = json_request(digits.pixels)
    wire.send(head("POST", INFER, f"Content-Length: {len(body)}", "Expect: 100-continue"))
    assert wire.status_and_headers()[0] == 100
    wire.send(body)
    assert_right(wire.answer(), digits)


def test_a_body_announced_beyond_the_limit_is_refused_before_it_is_sent(wire):
    wire.send(head("POST", INFER, f"Content-Length: {1 << 40}", "Expect: 100-continue"))
    assert_refused(wire.answer().refusal(), 413)


def test_a_chunked_body_beyond_the_limit_is_refused(wire):
    wire.send(head("POST", INFER, "Transfer-Encoding: chunked"))
    for _ in range(64):
        wire.send(b"100000\r\n" + b" " * (1 << 20) + b"\r\n")
    # One byte more than the default limit, and nothing after it that could be left unread.
    wire.send(b"1\r\n \r\n")
    assert_refused(wire.answer().refusal(), 413)


@pytest.mark.parametrize("kind", ["json", "json; charset=utf-8", "x-www-form-urlencoded"])
def test_json_is_read_whatever_its_content_type_says(http, digits, kind):
    headers = {"Content-Type": f"application/{kind}"}
    assert_right(http.ask("POST", INFER, json_request(digits.pixels), headers), digits)


def test_keys_may_come_in_any_order_and_unknown_ones_are_ignored(http, digits):
    tensor = {
        "data": digits.pixels.tolist(),
        "parameters": {"content_type": "np", "level": 1.5},
        "datatype": "FP32",
        "shape": list(digits.pixels.shape),
        "name": "pixels",
    }
    body = json.dumps({"outputs": [], "inputs": [tensor], "model_name": "digits", "later": {"a": [1, None]}})
    assert_right(http.ask("POST", INFER, body), digits)


# --- Methods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/v2", "/v2/models/digits"]
)
def test_head_answers_as_get_without_a_body(http, path):
    asked, got = http.ask("HEAD", path), http.ask("GET", path)
    assert (asked.status, asked.body) == (200, b"")
    assert got.status == 200
    assert asked.headers.get("content-type") == got.headers.get("content-type")


def test_the_server_metadata_is_found_with_and_without_a_slash(http):
    assert http.ask("GET", "/v2").json() == http.ask("GET", "/v2/").json()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_wrong_method_is_refused_and_says_which_is_right(http, method):
    answer = http.ask(method, INFER)
    assert_refused(answer.refusal(), 405)
    assert "POST" in answer.headers["allow"]


def test_options_names_the_allowed_method(http):
    answer = http.ask("OPTIONS", INFER)
    assert answer.status in (200, 204, 405)
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/v2/nowhere", "/v2/models/digits/nowhere", "/v1/nowhere"])
def test_an_unknown_path_is_refused_in_json(http, path):
    assert_refused(http.ask("GET", path).refusal(), 404)


# --- What v1 readers look at -----------------------------------------------------------------------------------------


def test_the_v1_status_pleases_both_of_its_readers(http):
    assert http.ask("GET", "/v1/models/digits").json() == {
        "name": "digits",
        "ready": True,
        "model_version_status": [
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ],
    }


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}], ids=str)
def test_the_root_answers_json_to_a_client_that_does_not_ask_for_html(http, headers):
    answer = http.ask("GET", "/", headers=headers)
    assert answer.status == 200 and answer.json()["status"] == "alive"


@pytest.mark.parametrize("path", ["/v1/models/digits:predict", "/v1/models/digits/versions/1:predict"])
def test_v1_predicts_with_and_without_a_version(http, digits, path):
    answer = http.ask("POST", path, json.dumps({"instances": digits.pixels.tolist()}))
    digits.check_predictions(answer.json())
