"""PyPI `tritonclient[http]`, unchanged, against onnxd."""

from itertools import product

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype, triton_to_np_dtype

import golden
from server import DATATYPES, MODELS, SHIPPED_MODELS, eventually
from wire import JSON_LENGTH, assert_refused

BINARY_OR_JSON = pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
ALGORITHMS = pytest.mark.parametrize("algorithm", ["gzip", "deflate"])


@pytest.fixture
def client(address):
    with triton.InferenceServerClient(address, concurrency=8, connection_timeout=10, network_timeout=30) as client:
        yield client


def tensor(name, value, binary=True):
    value = np.ascontiguousarray(value)
    wire = triton.InferInput(name, list(value.shape), np_to_triton_dtype(value.dtype))
    return wire.set_data_from_numpy(value, binary_data=binary)


def wanted(name, binary=True, classes=0):
    return triton.InferRequestedOutput(name, binary_data=binary, class_count=classes)


def both(binary):
    return [wanted("label", binary), wanted("probabilities", binary)]


def recognised(client, digits, binary=True, **options):
    """The answer for these digits, which is the right one."""
    result = client.infer("digits", [tensor("pixels", digits.pixels, binary)], **options)
    digits.check(result.as_numpy)
    return result


def refusal(call, *arguments, **options):
    with pytest.raises(InferenceServerException) as caught:
        call(*arguments, **options)
    return int(caught.value.status()), caught.value.message()


def unknown_model(name):
    return 404, f"Request for unknown model: '{name}' is not found"


# --- Predictions -----------------------------------------------------------------------------------------------------


def test_a_binary_request_with_defaults_returns_the_right_digit(client, digits):
    result = recognised(client, digits.take(0, 1, 2))
    assert result.get_output("label")["parameters"] == {"binary_data_size": 3 * 8}
    assert result.get_output("probabilities")["parameters"] == {"binary_data_size": 3 * 40}
    response = result.get_response()
    assert (response["model_name"], response["model_version"]) == ("digits", "1")


def test_json_both_ways_returns_the_right_digit(client, digits):
    result = recognised(client, digits, binary=False, outputs=both(binary=False))
    assert "data" in result.get_output("label") and "data" in result.get_output("probabilities")


def test_a_json_request_without_outputs_gets_binary_answers_because_the_client_asks_for_them(client, digits):
    result = recognised(client, digits, binary=False)
    assert "binary_data_size" in result.get_output("label")["parameters"]


@pytest.mark.parametrize("binary_output", ["label", "probabilities"])
def test_one_output_in_binary_and_one_in_json(client, digits, binary_output):
    outputs = [wanted(name, binary=name == binary_output) for name in ("label", "probabilities")]
    result = recognised(client, digits, outputs=outputs)
    for name in ("label", "probabilities"):
        assert ("data" in result.get_output(name)) == (name != binary_output)


@pytest.mark.parametrize("binary_inputs", ["A", "B", "AB"])
@pytest.mark.parametrize("order", ["AB", "BA"])
def test_inputs_are_matched_by_name_whatever_their_order_and_form(client, binary_inputs, order):
    values = {"A": np.arange(6, dtype=np.float32).reshape(2, 3), "B": -np.arange(4, dtype=np.float32).reshape(2, 2)}
    result = client.infer("two_inputs", [tensor(name, values[name], name in binary_inputs) for name in order])
    joined = np.hstack([values["A"], values["B"]])
    np.testing.assert_array_equal(result.as_numpy("joined"), joined)
    np.testing.assert_array_equal(result.as_numpy("total"), joined.sum(axis=1))


@pytest.mark.parametrize("names", [["label"], ["probabilities"], ["probabilities", "label"]], ids=" and ".join)
def test_the_requested_outputs_come_back_alone_and_in_the_order_they_were_requested(client, digits, names):
    result = client.infer("digits", [tensor("pixels", digits.pixels)], outputs=[wanted(name) for name in names])
    assert [output["name"] for output in result.get_response()["outputs"]] == names
    for name in names:
        digits.same(result.as_numpy(name), digits.outputs[name])


def test_a_named_version_answers(client, digits):
    recognised(client, digits, model_version="1")


@pytest.mark.parametrize("model", SHIPPED_MODELS)
@BINARY_OR_JSON
def test_every_golden_example_of_a_shipped_model_holds(client, model, binary):
    for example in golden.examples(model):
        inputs = [tensor(name, value, binary) for name, value in example.inputs.items()]
        outputs = [wanted(name, binary) for name in example.outputs]
        example.check(client.infer(model, inputs, outputs=outputs).as_numpy)


def test_async_requests_of_one_row_in_flight_together_each_get_their_own_answer(client, digits):
    pending = [
        client.async_infer("digits", [tensor("pixels", digits.take(number).pixels)], request_id=str(number))
        for number in range(64)
    ]
    # Every answer is read before the first is judged: an unread one would hold its connection.
    for number, result in enumerate([handle.get_result(timeout=30) for handle in pending]):
        assert result.get_response()["id"] == str(number)
        digits.take(number).check(result.as_numpy)


def test_a_refused_async_request_leaves_its_neighbours_alone(client, digits):
    good = [client.async_infer("digits", [tensor("pixels", digits.pixels)]) for _ in range(4)]
    bad = client.async_infer("digits", [tensor("pixels", digits.pixels[:, :63])])
    good += [client.async_infer("digits", [tensor("pixels", digits.pixels)]) for _ in range(4)]
    refused = refusal(bad.get_result, timeout=30)
    results = [handle.get_result(timeout=30) for handle in good]
    assert_refused(refused, 400, "pixels")
    for result in results:
        digits.check(result.as_numpy)


def test_the_request_id_is_echoed(client, digits):
    assert recognised(client, digits, request_id='ré"q/1 猫').get_response()["id"] == 'ré"q/1 猫'


def test_a_request_without_id_gets_an_answer_without_id(client, digits):
    assert "id" not in recognised(client, digits).get_response()


def test_priority_timeout_and_custom_parameters_are_accepted(client, digits):
    parameters = {"caller": "suite", "attempt": 1, "weight": 0.5, "dry": False}
    recognised(client, digits, priority=1, timeout=20_000_000, parameters=parameters)


def test_the_top_classes_come_as_value_and_index(client, digits):
    result = client.infer("digits", [tensor("pixels", digits.pixels)], outputs=[wanted("probabilities", classes=3)])
    assert result.get_output("probabilities")["datatype"] == "BYTES"
    top = result.as_numpy("probabilities")
    assert top.shape == (len(digits.pixels), 3)
    for found, probabilities, label in zip(top, digits.outputs["probabilities"], digits.outputs["label"], strict=True):
        values, indices = zip(*(text.decode().split(":") for text in found), strict=True)
        values, indices = np.array(values, np.float32), [int(index) for index in indices]
        assert len(set(indices)) == 3 and indices[0] == label
        digits.same(values, np.sort(probabilities)[::-1][:3])
        digits.same(values, probabilities[indices])


# --- Compression -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_algorithm, response_algorithm",
    [("gzip", None), ("deflate", None), (None, "gzip"), (None, "deflate"), ("deflate", "gzip")],
)
@BINARY_OR_JSON
def test_compression_either_way_or_both_returns_the_right_digits(
    client, digits, request_algorithm, response_algorithm, binary
):
    recognised(
        client,
        digits.take(*range(300)),
        binary,
        outputs=both(binary),
        request_compression_algorithm=request_algorithm,
        response_compression_algorithm=response_algorithm,
    )


@ALGORITHMS
def test_a_compressed_body_may_be_shorter_than_the_json_it_announces(client, digits, algorithm):
    """The announced length is that of the JSON before compression."""
    recognised(client, digits.take(0), request_id="a" * 2000, request_compression_algorithm=algorithm)


@ALGORITHMS
def test_an_error_is_readable_for_a_client_that_asked_for_compression(client, digits, algorithm):
    """This client never decompresses an error, so errors must not be compressed."""
    inputs = [tensor("pixels", digits.pixels)]
    assert refusal(client.infer, "x", inputs, response_compression_algorithm=algorithm) == unknown_model("x")
    inputs = [tensor("pixels", digits.pixels[:, :63])]
    assert_refused(refusal(client.infer, "digits", inputs, response_compression_algorithm=algorithm), 400, "pixels")


# --- Health, metadata, configuration, repository ---------------------------------------------------------------------


def test_the_server_is_live_and_ready(client):
    assert client.is_server_live()
    assert client.is_server_ready()


def test_a_loaded_model_is_ready(client):
    assert client.is_model_ready("digits")
    assert client.is_model_ready("digits", "1")


def test_an_unknown_model_or_version_is_not_ready(client):
    assert not client.is_model_ready("x")
    assert not client.is_model_ready("digits", "99")


def test_the_server_names_itself_and_its_extensions(client):
    metadata = client.get_server_metadata()
    assert metadata["name"] == "onnxd" and metadata["version"]
    assert set(metadata["extensions"]) >= {
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "parameters",
        "schedule_policy",
        "statistics",
    }


@pytest.mark.parametrize("version", ["", "1"])
def test_the_model_metadata_is_its_signature(client, version):
    assert client.get_model_metadata("digits", version) == {
        "name": "digits",
        "versions": ["1"],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "pixels", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        ],
    }


@pytest.mark.parametrize("version", ["", "1"])
def test_the_model_configuration_describes_its_tensors(client, version):
    """A model that batches: the dims leave out the batch axis."""
    config = client.get_model_config("digits", version)
    assert config["name"] == "digits" and config["platform"] and config["backend"]
    assert config["max_batch_size"] > 1
    assert config["input"] == [{"name": "pixels", "data_type": "TYPE_FP32", "dims": [64]}]
    assert config["output"] == [
        {"name": "label", "data_type": "TYPE_INT64", "dims": []},
        {"name": "probabilities", "data_type": "TYPE_FP32", "dims": [10]},
    ]
    assert config["version_policy"] == {"latest": {"num_versions": 1}}
    # What pays was measured by the server.
    [preferred] = config["dynamic_batching"]["preferred_batch_size"]
    assert 1 < preferred <= config["max_batch_size"]


def test_the_repository_index_lists_every_model_as_ready(client):
    index = client.get_model_repository_index()
    listed = sorted((entry["name"], entry["version"], entry["state"]) for entry in index)
    assert listed == sorted((name, golden.latest(name), "READY") for name in MODELS)
    assert all(isinstance(entry["reason"], str) for entry in index)


# --- Statistics ------------------------------------------------------------------------------------------------------

COMPUTE = ["compute_input", "compute_infer", "compute_output"]
DURATIONS = ["success", "fail", "queue", *COMPUTE, "cache_hit", "cache_miss"]


def statistics(client, version=""):
    [stats] = client.get_inference_statistics("digits", version)["model_stats"]
    return stats


@pytest.mark.parametrize("version", ["", "1"])
def test_statistics_have_every_field_that_a_load_generator_reads(client, digits, version):
    recognised(client, digits)
    stats = eventually(lambda: (found := statistics(client, version))["batch_stats"] and found)
    assert (stats["name"], stats["version"]) == ("digits", "1")
    for field in ("last_inference", "inference_count", "execution_count"):
        assert isinstance(stats[field], int)
    assert sorted(stats["inference_stats"]) == sorted(DURATIONS)
    durations = list(stats["inference_stats"].values())
    for batch in stats["batch_stats"]:
        assert isinstance(batch["batch_size"], int)
        durations += [batch[name] for name in COMPUTE]
    assert all(isinstance(each["count"], int) and isinstance(each["ns"], int) for each in durations)
    assert isinstance(stats["response_stats"], dict) and isinstance(stats["memory_usage"], list)


def test_statistics_without_a_model_cover_every_model(client):
    listed = [entry["name"] for entry in client.get_inference_statistics()["model_stats"]]
    assert sorted(listed) == sorted(MODELS)


def test_statistics_count_successes_failures_and_rows(client, digits):
    def counts():
        stats = statistics(client)
        inference = stats["inference_stats"]
        return inference["success"]["count"], inference["fail"]["count"], stats["inference_count"]

    # Requests of earlier tests may still be written down: start from figures that stand still.
    successes, failures, rows = eventually(lambda: (found := counts()) == counts() and found)
    for _ in range(3):
        recognised(client, digits.take(0, 1))
    refusal(client.infer, "digits", [tensor("pixels", digits.pixels[:, :63])])
    eventually(lambda: counts() == (successes + 3, failures + 1, rows + 6))

    stats = statistics(client)
    assert stats["last_inference"] > 1_600_000_000_000, "milliseconds since 1970"
    assert stats["inference_stats"]["success"]["ns"] > 0 and stats["execution_count"] > 0
    assert 2 in {batch["batch_size"] for batch in stats["batch_stats"]}


def test_statistics_of_an_unknown_model_are_not_found(client):
    assert refusal(client.get_inference_statistics, "x") == unknown_model("x")


# --- What is refused, and how it is said -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x", 'ünknown "model"'])
def test_an_unknown_model_is_named(client, digits, name):
    assert refusal(client.infer, name, [tensor("pixels", digits.pixels)]) == unknown_model(name)
    assert refusal(client.get_model_metadata, name) == unknown_model(name)
    assert refusal(client.get_model_config, name) == unknown_model(name)


def test_an_unknown_version_is_named(client, digits):
    for refused in (
        refusal(client.infer, "digits", [tensor("pixels", digits.pixels)], model_version="99"),
        refusal(client.get_model_metadata, "digits", "99"),
        refusal(client.get_model_config, "digits", "99"),
        refusal(client.get_inference_statistics, "digits", "99"),
    ):
        assert refused == (404, "Request for unknown model: 'digits' version '99' is not found")


@BINARY_OR_JSON
@pytest.mark.parametrize(
    "change, expected, found",
    [
        (lambda pixels: pixels.astype(np.int64), "FP32", "INT64"),
        (lambda pixels: pixels[:, :63], "64", "63"),
        (lambda pixels: pixels.reshape(-1, 8, 8), "[N, 64]", "8, 8]"),
    ],
    ids=["datatype", "dimension", "rank"],
)
def test_a_wrong_kind_of_input_is_named_with_what_was_expected_and_found(
    client, digits, change, expected, found, binary
):
    inputs = [tensor("pixels", change(digits.pixels), binary)]
    assert_refused(refusal(client.infer, "digits", inputs), 400, "pixels", expected, found)


@BINARY_OR_JSON
def test_data_that_does_not_fill_the_shape_names_the_input(client, digits, binary):
    short = tensor("pixels", digits.pixels[:1], binary).set_shape([2, 64])
    sizes = ("256", "512") if binary else ("64", "128")
    assert_refused(refusal(client.infer, "digits", [short]), 400, "pixels", *sizes)


def test_a_missing_input_is_named(client):
    assert_refused(refusal(client.infer, "two_inputs", [tensor("A", np.zeros((2, 3), np.float32))]), 400, "'B'")


@pytest.mark.parametrize("name", ["brightness", "pixels"])
def test_an_input_that_is_unknown_or_given_twice_is_named(client, digits, name):
    inputs = [tensor("pixels", digits.pixels), tensor(name, digits.pixels)]
    assert_refused(refusal(client.infer, "digits", inputs), 400, name)


def test_an_unknown_output_is_named(client, digits):
    inputs = [tensor("pixels", digits.pixels)]
    assert_refused(refusal(client.infer, "digits", inputs, outputs=[wanted("lable")]), 400, "lable")


def test_inputs_with_different_row_counts_are_refused(client):
    inputs = [tensor("A", np.zeros((2, 3), np.float32)), tensor("B", np.zeros((3, 2), np.float32))]
    assert_refused(refusal(client.infer, "two_inputs", inputs), 400)


# --- Every datatype --------------------------------------------------------------------------------------------------

ADDED = ("INT32", "INT64", "FP16", "FP32", "FP64")
TEXTS = ["", "plain", "żółw", "猫", "🦀 crab", 'quote " backslash \\ newline \n zero \0']


def expected_of(datatype, values):
    """What the `dtype_…` fixture of this datatype makes of its input."""
    if datatype == "BOOL":
        return ~values
    if datatype == "BYTES":
        return values
    return values + values if datatype in ADDED else np.hstack([values, values])


def values_of(datatype):
    """A table of a datatype's extremes, halved for a model that adds, so that the sums are extremes again."""
    dtype = triton_to_np_dtype(datatype)
    if datatype == "BYTES":
        return np.array([text.encode() for text in TEXTS], dtype).reshape(-1, 2)
    if datatype == "BOOL":
        return np.array([[True, False, False], [True, True, False]])
    if datatype.startswith("FP"):
        limits = np.finfo(dtype)
        values = [limits.max / 2, limits.min / 2, limits.smallest_normal, limits.smallest_subnormal, -0.0, 0.1]
        values += [np.nan, np.inf, -np.inf]
    else:
        limits, share = np.iinfo(dtype), 2 if datatype in ADDED else 1
        values = [limits.max // share, limits.min // share, (limits.max - 1) // share, limits.max // 3, 0, 1]
    return np.array(values, dtype).reshape(-1, 3)


def through(client, values, binary_input=True, binary_output=True):
    """What the `dtype_…` fixture answers."""
    datatype = np_to_triton_dtype(values.dtype)
    inputs, outputs = [tensor("x", values, binary_input)], [wanted("y", binary_output)]
    result = client.infer(f"dtype_{datatype.lower()}", inputs, outputs=outputs)
    assert result.get_output("y")["datatype"] == datatype
    return result.as_numpy("y")


@pytest.mark.parametrize(
    "datatype, binary_input, binary_output",
    [case for case in product(DATATYPES, [True, False], [True, False]) if case[0] != "FP16" or all(case[1:])],
)
def test_extremes_nan_and_infinity_are_read_and_answered_exactly(client, datatype, binary_input, binary_output):
    values = values_of(datatype)
    answer, expected = through(client, values, binary_input, binary_output), expected_of(datatype, values)
    if datatype == "BYTES" and not binary_output:
        expected = np.array(TEXTS, np.object_).reshape(expected.shape)
    np.testing.assert_array_equal(answer, expected, strict=True)
    if datatype.startswith("FP"):
        np.testing.assert_array_equal(np.signbit(answer), np.signbit(expected), "-0.0 keeps its sign")


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_datatype_stands_in_the_metadata(client, datatype):
    metadata = client.get_model_metadata(f"dtype_{datatype.lower()}")
    values = values_of(datatype)
    for [described], name, width in (
        (metadata["inputs"], "x", values.shape[1]),
        (metadata["outputs"], "y", expected_of(datatype, values).shape[1]),
    ):
        assert described == {"name": name, "datatype": datatype, "shape": [-1, width]}


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\x80text", b"text\xe7\x8c", b"\xc3\x28", b"\xed\xa0\x80"])
def test_bytes_that_are_not_utf_8_are_refused_with_the_name_of_the_input_and_the_element(client, raw):
    values = np.array([[b"text", "żółw".encode()], [raw, b"text"]], np.object_)
    assert_refused(refusal(through, client, values), 400, "'x'", "element 2", "is not UTF-8")


@pytest.mark.parametrize("name, in_json", [("x", {"binary_input": False}), ("y", {"binary_output": False})])
def test_half_precision_is_neither_read_nor_answered_in_json_and_the_tensor_is_named(client, name, in_json):
    assert_refused(refusal(through, client, values_of("FP16"), **in_json), 400, f"'{name}'", "FP16", "binary")


# --- The client's static helpers -------------------------------------------------------------------------------------

generate, parse = triton.InferenceServerClient.generate_request_body, triton.InferenceServerClient.parse_response_body


@pytest.mark.parametrize("algorithm", [None, "gzip", "deflate"])
def test_a_generated_binary_body_can_be_sent_by_any_http_client(http, digits, algorithm):
    many = digits.take(*range(300))
    body, json_length = generate([tensor("pixels", many.pixels)], request_id="by hand")
    headers = {JSON_LENGTH: str(json_length)} | ({"Accept-Encoding": algorithm} if algorithm else {})
    answer = http.ask("POST", "/v2/models/digits/infer", body, headers)
    assert (answer.status, answer.headers.get("content-encoding")) == (200, algorithm)
    header_length = int(answer.headers[JSON_LENGTH.lower()])
    result = parse(answer.body, header_length=header_length, content_encoding=algorithm)
    assert result.get_response()["id"] == "by hand"
    many.check(result.as_numpy)


def test_a_generated_json_body_needs_no_header_at_all(http, digits):
    body, json_length = generate([tensor("pixels", digits.pixels, binary=False)], outputs=both(binary=False))
    assert json_length is None
    answer = http.ask("POST", "/v2/models/digits/infer", body)
    assert answer.status == 200 and JSON_LENGTH.lower() not in answer.headers
    digits.check(parse(answer.body).as_numpy)
