"""PyPI `tritonclient[http]`, unchanged, against onnxd."""

import http.client

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype, triton_to_np_dtype

import golden
from server import FIXTURES, SHIPPED_MODELS
from waiting import eventually


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


def refusal(call, *arguments, **options) -> InferenceServerException:
    with pytest.raises(InferenceServerException) as caught:
        call(*arguments, **options)
    return caught.value


def assert_bad_request(error, *words):
    assert error.status() == "400", error
    for word in words:
        assert word in error.message(), error.message()


# --- Predictions -----------------------------------------------------------------------------------------------------


def test_a_binary_request_with_defaults_returns_the_right_digit(client, digits):
    result = client.infer("digits", [tensor("pixels", digits.pixels)])
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))
    assert result.get_output("label")["parameters"] == {"binary_data_size": 8 * len(digits)}
    assert result.get_output("probabilities")["parameters"] == {"binary_data_size": 40 * len(digits)}
    response = result.get_response()
    assert (response["model_name"], response["model_version"]) == ("digits", "1")


def test_a_single_row_returns_the_right_digit(client, digits):
    for row in range(len(digits)):
        result = client.infer("digits", [tensor("pixels", digits.pixels[[row]])])
        digits.check(result.as_numpy("label"), result.as_numpy("probabilities"), [row])


def test_json_both_ways_returns_the_right_digit(client, digits):
    outputs = [wanted("label", binary=False), wanted("probabilities", binary=False)]
    result = client.infer("digits", [tensor("pixels", digits.pixels, binary=False)], outputs=outputs)
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))
    assert "data" in result.get_output("label") and "data" in result.get_output("probabilities")


def test_a_json_request_without_outputs_gets_binary_answers_because_the_client_asks_for_them(client, digits):
    result = client.infer("digits", [tensor("pixels", digits.pixels, binary=False)])
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))
    assert "binary_data_size" in result.get_output("label")["parameters"]


@pytest.mark.parametrize("binary_output", ["label", "probabilities"])
def test_one_output_in_binary_and_one_in_json(client, digits, binary_output):
    outputs = [wanted(name, binary=name == binary_output) for name in ("label", "probabilities")]
    result = client.infer("digits", [tensor("pixels", digits.pixels)], outputs=outputs)
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))
    for name in ("label", "probabilities"):
        assert ("data" in result.get_output(name)) == (name != binary_output)


@pytest.mark.parametrize("binary_input", ["A", "B"])
def test_one_input_in_binary_and_one_in_json_answer_as_two_in_binary(client, binary_input):
    values = two_inputs_values()
    both = client.infer("two_inputs", [tensor(name, value) for name, value in values.items()])
    mixed = client.infer(
        "two_inputs", [tensor(name, value, binary=name == binary_input) for name, value in values.items()]
    )
    assert_same_outputs(mixed, both)


def test_inputs_are_matched_by_name_and_not_by_place(client):
    values = two_inputs_values()
    in_order = client.infer("two_inputs", [tensor(name, value) for name, value in values.items()])
    reversed_order = client.infer("two_inputs", [tensor(name, value) for name, value in reversed(values.items())])
    assert_same_outputs(reversed_order, in_order)


def two_inputs_values():
    return {"A": np.arange(6, dtype=np.float32).reshape(2, 3), "B": -np.arange(4, dtype=np.float32).reshape(2, 2)}


def assert_same_outputs(one, other):
    names = [output["name"] for output in other.get_response()["outputs"]]
    assert names and [output["name"] for output in one.get_response()["outputs"]] == names
    for name in names:
        np.testing.assert_array_equal(one.as_numpy(name), other.as_numpy(name))


def test_only_the_requested_output_comes_back(client, digits):
    result = client.infer("digits", [tensor("pixels", digits.pixels)], outputs=[wanted("label")])
    assert [output["name"] for output in result.get_response()["outputs"]] == ["label"]
    np.testing.assert_array_equal(result.as_numpy("label"), digits.labels)


def test_outputs_come_back_in_the_order_they_were_requested(client, digits):
    outputs = [wanted("probabilities"), wanted("label")]
    result = client.infer("digits", [tensor("pixels", digits.pixels)], outputs=outputs)
    assert [output["name"] for output in result.get_response()["outputs"]] == ["probabilities", "label"]
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))


def test_a_named_version_answers(client, digits):
    result = client.infer("digits", [tensor("pixels", digits.pixels)], model_version="1")
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))


@pytest.mark.parametrize("model", SHIPPED_MODELS)
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_every_golden_example_of_a_shipped_model_holds(client, model, binary):
    for example in golden.examples(model):
        inputs = [tensor(given.name, given.value, binary) for given in example.inputs]
        outputs = [wanted(expected.name, binary) for expected in example.outputs]
        example.check(client.infer(model, inputs, outputs=outputs).as_numpy)


def test_async_requests_in_flight_together_each_get_their_own_answer(client, digits):
    picked = [number % len(digits) for number in range(64)]
    pending = [
        client.async_infer("digits", [tensor("pixels", digits.pixels[[row]])], request_id=f"{number}")
        for number, row in enumerate(picked)
    ]
    # Every answer is read before the first is judged: an unread one would hold its connection.
    results = [handle.get_result(timeout=30) for handle in pending]
    for number, (row, result) in enumerate(zip(picked, results, strict=True)):
        assert result.get_response()["id"] == str(number)
        digits.check(result.as_numpy("label"), result.as_numpy("probabilities"), [row])


def test_a_refused_async_request_leaves_its_neighbours_alone(client, digits):
    good = [client.async_infer("digits", [tensor("pixels", digits.pixels)]) for _ in range(4)]
    bad = client.async_infer("digits", [tensor("pixels", digits.pixels[:, :63])])
    good += [client.async_infer("digits", [tensor("pixels", digits.pixels)]) for _ in range(4)]
    error = refusal(bad.get_result, timeout=30)
    results = [handle.get_result(timeout=30) for handle in good]
    assert_bad_request(error, "pixels")
    for result in results:
        digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))


def test_the_request_id_is_echoed(client, digits):
    result = client.infer("digits", [tensor("pixels", digits.pixels)], request_id='ré"q/1 猫')
    assert result.get_response()["id"] == 'ré"q/1 猫'


def test_a_request_without_id_gets_an_answer_without_id(client, digits):
    assert "id" not in client.infer("digits", [tensor("pixels", digits.pixels)]).get_response()


def test_priority_timeout_and_custom_parameters_are_accepted(client, digits):
    result = client.infer(
        "digits",
        [tensor("pixels", digits.pixels)],
        priority=1,
        timeout=20_000_000,
        parameters={"caller": "suite", "attempt": 1, "weight": 0.5, "dry": False},
    )
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))


def test_the_top_classes_come_as_value_and_index(client, digits):
    result = client.infer("digits", [tensor("pixels", digits.pixels)], outputs=[wanted("probabilities", classes=3)])
    assert result.get_output("probabilities")["datatype"] == "BYTES"
    top = result.as_numpy("probabilities")
    assert top.shape == (len(digits), 3)
    for row, found in enumerate(top):
        parsed = [text.decode().split(":") for text in found]
        values = np.array([float(fields[0]) for fields in parsed])
        indices = [int(fields[1]) for fields in parsed]
        assert len(set(indices)) == 3 and indices[0] == digits.labels[row]
        golden.same(values, np.sort(digits.probabilities[row])[::-1][:3], digits.relative, digits.absolute)
        golden.same(values, digits.probabilities[row][indices], digits.relative, digits.absolute)


# --- Compression -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_a_compressed_request_is_understood(client, digits, algorithm, binary):
    rows = digits.rows(300)
    outputs = [wanted("label", binary), wanted("probabilities", binary)]
    result = client.infer(
        "digits", [tensor("pixels", rows, binary)], outputs=outputs, request_compression_algorithm=algorithm
    )
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"), np.arange(300) % len(digits))


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_a_compressed_answer_is_what_the_client_can_read(client, digits, algorithm, binary):
    rows = digits.rows(300)
    outputs = [wanted("label", binary), wanted("probabilities", binary)]
    result = client.infer(
        "digits", [tensor("pixels", rows, binary)], outputs=outputs, response_compression_algorithm=algorithm
    )
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"), np.arange(300) % len(digits))


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_a_compressed_body_may_be_shorter_than_the_json_it_announces(client, algorithm):
    """The announced length is that of the JSON before compression."""
    zeros = [tensor("pixels", np.zeros((1, 64), np.float32))]
    packed = client.infer("digits", zeros, request_id="a" * 500, request_compression_algorithm=algorithm)
    assert_same_outputs(packed, client.infer("digits", zeros))


def test_compression_both_ways_returns_the_right_digit(client, digits):
    result = client.infer(
        "digits",
        [tensor("pixels", digits.pixels)],
        request_compression_algorithm="deflate",
        response_compression_algorithm="gzip",
    )
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_an_error_is_readable_for_a_client_that_asked_for_compression(client, digits, algorithm):
    """This client never decompresses an error, so errors must not be compressed."""
    inputs = [tensor("pixels", digits.pixels)]
    error = refusal(client.infer, "x", inputs, response_compression_algorithm=algorithm)
    assert error.message() == "Request for unknown model: 'x' is not found"
    inputs = [tensor("pixels", digits.pixels[:, :63])]
    assert_bad_request(refusal(client.infer, "digits", inputs, response_compression_algorithm=algorithm), "pixels")


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
    assert metadata["name"] == "onnxd"
    assert metadata["version"]
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
    config = client.get_model_config("digits", version)
    assert config["name"] == "digits"
    assert isinstance(config["platform"], str) and isinstance(config["backend"], str)
    assert config["platform"] or config["backend"]
    batched = config["max_batch_size"] > 0
    assert config["max_batch_size"] >= 0

    def dims(*shape):
        """The batch axis is part of the dims only when the server does not batch."""
        return list(shape) if batched else [-1, *shape]

    described = {entry["name"]: (entry["data_type"], entry["dims"]) for entry in config["input"]}
    assert described == {"pixels": ("TYPE_FP32", dims(64))}
    described = {entry["name"]: (entry["data_type"], entry["dims"]) for entry in config["output"]}
    assert described["probabilities"] == ("TYPE_FP32", dims(10))
    # A model that batches has a label without any dimension of its own; Triton writes such dims as [] or [1].
    assert described["label"] in ([("TYPE_INT64", []), ("TYPE_INT64", [1])] if batched else [("TYPE_INT64", [-1])])


def test_the_repository_index_lists_every_model_as_ready(client):
    index = client.get_model_repository_index()
    assert sorted((entry["name"], entry["version"], entry["state"]) for entry in index) == sorted(
        (name, "1", "READY") for name in [*SHIPPED_MODELS, *FIXTURES]
    )
    assert all(isinstance(entry["reason"], str) for entry in index)


# --- Statistics ------------------------------------------------------------------------------------------------------

DURATIONS = [
    "success",
    "fail",
    "queue",
    "compute_input",
    "compute_infer",
    "compute_output",
    "cache_hit",
    "cache_miss",
]


def assert_duration(duration):
    assert isinstance(duration["count"], int) and isinstance(duration["ns"], int)


@pytest.mark.parametrize("version", ["", "1"])
def test_statistics_have_every_field_that_a_load_generator_reads(client, digits, version):
    client.infer("digits", [tensor("pixels", digits.pixels)])
    [stats] = client.get_inference_statistics("digits", version)["model_stats"]
    assert (stats["name"], stats["version"]) == ("digits", "1")
    for field in ("last_inference", "inference_count", "execution_count"):
        assert isinstance(stats[field], int)
    assert sorted(stats["inference_stats"]) == sorted(DURATIONS)
    for name in DURATIONS:
        assert_duration(stats["inference_stats"][name])
    assert isinstance(stats["response_stats"], dict)
    assert isinstance(stats["memory_usage"], list)
    for batch in stats["batch_stats"]:
        assert isinstance(batch["batch_size"], int)
        for name in ("compute_input", "compute_infer", "compute_output"):
            assert_duration(batch[name])


def test_statistics_without_a_model_cover_every_model(client):
    listed = [entry["name"] for entry in client.get_inference_statistics()["model_stats"]]
    assert sorted(listed) == sorted([*SHIPPED_MODELS, *FIXTURES])


def test_statistics_count_successes_failures_and_rows(client, digits):
    def counts():
        [stats] = client.get_inference_statistics("digits")["model_stats"]
        inference = stats["inference_stats"]
        return np.array([inference["success"]["count"], inference["fail"]["count"], stats["inference_count"]])

    # Requests of earlier tests may still be written down: start from figures that stand still.
    before = eventually(lambda: stands_still(counts))
    for _ in range(3):
        client.infer("digits", [tensor("pixels", digits.rows(2))])
    refusal(client.infer, "digits", [tensor("pixels", digits.pixels[:, :63])])
    eventually(lambda: (counts() - before).tolist() == [3, 1, 6])

    [stats] = client.get_inference_statistics("digits")["model_stats"]
    assert stats["last_inference"] > 1_600_000_000_000, "milliseconds since 1970"
    assert stats["inference_stats"]["success"]["ns"] > 0
    assert stats["execution_count"] > 0
    assert {2} <= {batch["batch_size"] for batch in stats["batch_stats"]}


def stands_still(counts):
    first, second = counts(), counts()
    return second if (first == second).all() else None


def test_statistics_of_an_unknown_model_are_not_found(client):
    error = refusal(client.get_inference_statistics, "x")
    assert (error.status(), error.message()) == ("404", "Request for unknown model: 'x' is not found")


# --- What is refused, and how it is said -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x", 'ünknown "model"'])
def test_an_unknown_model_is_named(client, digits, name):
    inputs = [tensor("pixels", digits.pixels)]
    for call in (
        lambda: client.infer(name, inputs),
        lambda: client.get_model_metadata(name),
        lambda: client.get_model_config(name),
    ):
        error = refusal(call)
        assert (error.status(), error.message()) == ("404", f"Request for unknown model: '{name}' is not found")


def test_an_unknown_version_is_named(client, digits):
    inputs = [tensor("pixels", digits.pixels)]
    for call in (
        lambda: client.infer("digits", inputs, model_version="99"),
        lambda: client.get_model_metadata("digits", "99"),
        lambda: client.get_model_config("digits", "99"),
        lambda: client.get_inference_statistics("digits", "99"),
    ):
        error = refusal(call)
        assert error.status() == "404"
        assert error.message().startswith("Request for unknown model: 'digits'")
        assert "99" in error.message() and error.message().endswith("is not found")


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_a_wrong_datatype_names_the_input_and_both_datatypes(client, digits, binary):
    inputs = [tensor("pixels", digits.pixels.astype(np.int64), binary)]
    assert_bad_request(refusal(client.infer, "digits", inputs), "pixels", "FP32", "INT64")


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_a_wrong_dimension_names_the_input_and_both_shapes(client, digits, binary):
    inputs = [tensor("pixels", digits.pixels[:, :63], binary)]
    assert_bad_request(refusal(client.infer, "digits", inputs), "pixels", "64", "63")


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_a_wrong_rank_names_the_input_and_both_shapes(client, digits, binary):
    inputs = [tensor("pixels", digits.pixels.reshape(-1, 8, 8), binary)]
    assert_bad_request(refusal(client.infer, "digits", inputs), "pixels", "64", "8")


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_data_that_does_not_fill_the_shape_names_the_input(client, digits, binary):
    short = tensor("pixels", digits.pixels[:1], binary).set_shape([2, 64])
    found, expected = ("256", "512") if binary else ("64", "128")
    assert_bad_request(refusal(client.infer, "digits", [short]), "pixels", found, expected)


def test_a_missing_input_is_named(client):
    inputs = [tensor("A", np.zeros((2, 3), np.float32))]
    assert_bad_request(refusal(client.infer, "two_inputs", inputs), "B")


def test_an_unknown_input_is_named(client, digits):
    inputs = [tensor("pixels", digits.pixels), tensor("brightness", digits.pixels)]
    assert_bad_request(refusal(client.infer, "digits", inputs), "brightness")


def test_an_input_given_twice_is_named(client, digits):
    inputs = [tensor("pixels", digits.pixels), tensor("pixels", digits.pixels)]
    assert_bad_request(refusal(client.infer, "digits", inputs), "pixels")


def test_an_unknown_output_is_named(client, digits):
    inputs = [tensor("pixels", digits.pixels)]
    assert_bad_request(refusal(client.infer, "digits", inputs, outputs=[wanted("lable")]), "lable")


def test_inputs_with_different_row_counts_are_refused(client):
    inputs = [tensor("A", np.zeros((2, 3), np.float32)), tensor("B", np.zeros((3, 2), np.float32))]
    assert_bad_request(refusal(client.infer, "two_inputs", inputs))


# --- Every datatype --------------------------------------------------------------------------------------------------


def integers(dtype):
    limits = np.iinfo(dtype)
    return np.array([limits.min, limits.max, 0, 1, limits.max - 1, limits.max // 3], dtype)


def floats(dtype):
    limits = np.finfo(dtype)
    return np.array([0.0, -0.0, 1.5, limits.max, limits.min, limits.tiny], dtype)


UNICODE = ["", "plain", "żółw", "猫", "🦀 crab", 'quote " backslash \\ newline \n']

VALUES = {
    "BOOL": np.array([True, False, False, True, True, False]),
    "UINT8": integers(np.uint8),
    "UINT16": integers(np.uint16),
    "UINT32": integers(np.uint32),
    "UINT64": integers(np.uint64),
    "INT8": integers(np.int8),
    "INT16": integers(np.int16),
    "INT32": integers(np.int32),
    "INT64": integers(np.int64),
    "FP16": floats(np.float16),
    "FP32": floats(np.float32),
    "FP64": floats(np.float64),
    "BYTES": np.array([text.encode() for text in UNICODE], dtype=np.object_),
}


def through_identity(client, values, binary_input=True, binary_output=True):
    """Sends six values through the `dtype_…` model of their datatype, which gives back what it got."""
    datatype = np_to_triton_dtype(values.dtype)
    model = f"dtype_{datatype.lower()}"
    metadata = client.get_model_metadata(model)
    [given], [returned] = metadata["inputs"], metadata["outputs"]
    assert given["datatype"] == returned["datatype"] == datatype
    assert given["shape"][0] == -1 and given["shape"][1] in (2, 3)
    values = values.reshape(-1, given["shape"][1])
    result = client.infer(
        model,
        [tensor(given["name"], values, binary_input)],
        outputs=[wanted(returned["name"], binary_output)],
    )
    answer = result.as_numpy(returned["name"])
    assert answer.shape == values.shape and answer.dtype == triton_to_np_dtype(datatype)
    return answer.reshape(-1)


def bits(values):
    """Compares -0.0 and NaN as what they are."""
    return values.tolist() if values.dtype == np.object_ else values.tobytes()


@pytest.mark.parametrize("datatype", VALUES)
def test_every_datatype_survives_the_round_trip_in_binary(client, datatype):
    assert bits(through_identity(client, VALUES[datatype])) == bits(VALUES[datatype])


@pytest.mark.parametrize("datatype", [name for name in VALUES if name not in ("FP16", "BYTES")])
def test_every_datatype_survives_the_round_trip_in_json(client, datatype):
    answer = through_identity(client, VALUES[datatype], binary_input=False, binary_output=False)
    assert bits(answer) == bits(VALUES[datatype])


@pytest.mark.parametrize("binary_input", [True, False])
def test_strings_come_back_as_text_in_json(client, binary_input):
    answer = through_identity(client, VALUES["BYTES"], binary_input, binary_output=False)
    assert answer.tolist() == UNICODE


def test_strings_given_in_json_come_back_in_binary(client):
    answer = through_identity(client, VALUES["BYTES"], binary_input=False)
    assert answer.tolist() == VALUES["BYTES"].tolist()


def test_raw_bytes_that_are_not_text_survive_the_round_trip_in_binary(client):
    raw = np.array([b"\xff\xfe", b"\x00", b"\x80text", b"a\x00b", b"\xc3\x28", bytes(range(256))], dtype=np.object_)
    assert through_identity(client, raw).tolist() == raw.tolist()


def test_half_precision_in_json_is_refused_by_name(client):
    error = refusal(through_identity, client, VALUES["FP16"], binary_input=False)
    assert_bad_request(error, client.get_model_metadata("dtype_fp16")["inputs"][0]["name"], "FP16", "binary")


def test_half_precision_is_not_answered_in_json(client):
    error = refusal(through_identity, client, VALUES["FP16"], binary_output=False)
    assert_bad_request(error, client.get_model_metadata("dtype_fp16")["outputs"][0]["name"], "FP16", "binary")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("binary_input", [True, False])
@pytest.mark.parametrize("binary_output", [True, False])
def test_nan_and_infinity_survive_json_and_binary(client, dtype, binary_input, binary_output):
    values = np.array([np.nan, np.inf, -np.inf, 1.0, -1.0, np.nan], dtype)
    np.testing.assert_array_equal(through_identity(client, values, binary_input, binary_output), values)


# --- The client's static helpers -------------------------------------------------------------------------------------


def post(address, path, body, headers):
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_a_generated_request_body_can_be_sent_by_any_http_client(address, digits):
    body, json_length = triton.InferenceServerClient.generate_request_body(
        [tensor("pixels", digits.pixels)], request_id="by hand"
    )
    headers = {"Inference-Header-Content-Length": str(json_length)}
    response, content = post(address, "/v2/models/digits/infer", body, headers)
    assert response.status == 200
    header_length = int(response.headers["Inference-Header-Content-Length"])
    result = triton.InferenceServerClient.parse_response_body(content, header_length=header_length)
    assert result.get_response()["id"] == "by hand"
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"))


def test_a_generated_json_body_needs_no_header_at_all(address, digits):
    body, json_length = triton.InferenceServerClient.generate_request_body(
        [tensor("pixels", digits.pixels, binary=False)], outputs=[wanted("label", binary=False)]
    )
    assert json_length is None
    response, content = post(address, "/v2/models/digits/infer", body, {})
    assert response.status == 200
    assert response.headers["Inference-Header-Content-Length"] is None
    result = triton.InferenceServerClient.parse_response_body(content)
    np.testing.assert_array_equal(result.as_numpy("label"), digits.labels)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_a_compressed_answer_can_be_parsed_by_hand(address, digits, algorithm):
    body, json_length = triton.InferenceServerClient.generate_request_body([tensor("pixels", digits.rows(300))])
    headers = {"Inference-Header-Content-Length": str(json_length), "Accept-Encoding": algorithm}
    response, content = post(address, "/v2/models/digits/infer", body, headers)
    assert response.headers["Content-Encoding"] == algorithm
    header_length = int(response.headers["Inference-Header-Content-Length"])
    result = triton.InferenceServerClient.parse_response_body(
        content, header_length=header_length, content_encoding=algorithm
    )
    digits.check(result.as_numpy("label"), result.as_numpy("probabilities"), np.arange(300) % len(digits))
