"""PyPI `kserve`: its `InferenceRESTClient`, unchanged, against onnxd, in both of its REST protocols."""

import asyncio

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

import golden

FP32 = np.dtype(np.float32)


def ask(protocol, method, *arguments, **options):
    """One call of the asynchronous client, with a client of its own."""

    async def call():
        async with InferenceRESTClient(RESTConfig(protocol=protocol, timeout=30)) as client:
            return await getattr(client, method)(*arguments, **options)

    return asyncio.run(call())


def refusal(protocol, method, *arguments, **options):
    """The status and the server's own words: the client appends the status and the URL to them."""
    with pytest.raises(httpx.HTTPStatusError) as caught:
        ask(protocol, method, *arguments, **options)
    status = caught.value.response.status_code
    return status, str(caught.value).partition(f", '{status} ")[0]


# --- Protocol v1 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_v1_finds_the_server_live(url, slash):
    assert ask("v1", "is_server_live", url + slash) is True


def test_v1_finds_a_loaded_model_ready(url):
    assert ask("v1", "is_model_ready", url, "digits") is True


def test_v1_readiness_of_an_unknown_model_is_not_found(url):
    status, message = refusal("v1", "is_model_ready", url, "x")
    assert status == 404 and "'x'" in message


def test_v1_rows_come_back_as_objects_with_label_and_probabilities(url, digits):
    answer = ask("v1", "infer", url, {"instances": digits.pixels.tolist()}, model_name="digits")
    assert list(answer) == ["predictions"]
    assert all(sorted(row) == ["label", "probabilities"] for row in answer["predictions"])
    assert_predictions(answer, digits)


def test_v1_rows_may_name_their_input(url, digits):
    instances = [{"pixels": row} for row in digits.pixels.tolist()]
    assert_predictions(ask("v1", "infer", url, {"instances": instances}, model_name="digits"), digits)


def test_v1_rows_name_each_of_several_inputs(url):
    instances = [{"A": [1.0, 2.0, 3.0], "B": [4.0, 5.0]}, {"B": [-4.0, -5.0], "A": [-1.0, -2.0, -3.0]}]
    columns = {"A": [[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]], "B": [[4.0, 5.0], [-4.0, -5.0]]}
    rows = ask("v1", "infer", url, {"instances": instances}, model_name="two_inputs")["predictions"]
    whole = ask("v1", "infer", url, {"inputs": columns}, model_name="two_inputs")["outputs"]
    assert len(rows) == 2
    if isinstance(whole, dict):
        assert rows == [{name: column[row] for name, column in whole.items()} for row in range(2)]
    else:
        assert rows == whole


def test_v1_a_model_with_one_output_answers_with_bare_values(url):
    rows = np.array([1.5, -2.0, 0.25, 0.0, 4.0, -8.0]).reshape(-1, input_width(url, "dtype_fp32")).tolist()
    assert ask("v1", "infer", url, {"instances": rows}, model_name="dtype_fp32") == {"predictions": rows}
    assert ask("v1", "infer", url, {"inputs": rows}, model_name="dtype_fp32") == {"outputs": rows}


@pytest.mark.parametrize("named", [True, False])
def test_v1_columns_come_back_as_columns(url, digits, named):
    pixels = digits.pixels.tolist()
    answer = ask("v1", "infer", url, {"inputs": {"pixels": pixels} if named else pixels}, model_name="digits")
    assert list(answer) == ["outputs"]
    digits.check(answer["outputs"]["label"], np.array(answer["outputs"]["probabilities"], FP32))


def test_v1_bytes_travel_as_text_or_base64(url):
    width = input_width(url, "dtype_bytes")
    given = ["plain", {"b64": "xbzDs8WCdw=="}, "猫"][:width]
    answer = ask("v1", "infer", url, {"instances": [given]}, model_name="dtype_bytes")
    assert answer == {"predictions": [["plain", "żółw", "猫"][:width]]}


def input_width(url, model):
    return httpx.get(f"{url}/v2/models/{model}", trust_env=False).json()["inputs"][0]["shape"][1]


def assert_predictions(answer, digits):
    predictions = answer["predictions"]
    digits.check(
        [row["label"] for row in predictions],
        np.array([row["probabilities"] for row in predictions], FP32),
    )


def test_v1_an_unknown_model_is_named(url, digits):
    status, message = refusal("v1", "infer", url, {"instances": digits.pixels.tolist()}, model_name="x")
    assert status == 404 and "'x'" in message


@pytest.mark.parametrize("body", [{}, {"instances": [], "inputs": []}, {"signature_name": "serving_default"}])
def test_v1_a_body_without_exactly_one_of_both_keys_is_refused(url, body):
    status, message = refusal("v1", "infer", url, body, model_name="digits")
    assert status == 400 and "'inputs'" in message and "'instances'" in message


def test_v1_a_short_row_is_refused_with_the_name_of_the_input(url):
    status, message = refusal("v1", "infer", url, {"instances": [[0.0] * 63]}, model_name="digits")
    assert status == 400 and "pixels" in message and "63" in message and "64" in message


def test_v1_ragged_rows_are_refused(url):
    status, message = refusal("v1", "infer", url, {"instances": [[0.0] * 64, [0.0] * 63]}, model_name="digits")
    assert status == 400 and message


def test_v1_a_word_where_a_number_belongs_is_refused_with_the_name_of_the_input(url):
    instances = [[0.0] * 63 + ["seven"]]
    status, message = refusal("v1", "infer", url, {"instances": instances}, model_name="digits")
    assert status == 400 and "pixels" in message


# --- Protocol v2 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_v2_finds_the_server_live_and_ready(url, slash):
    assert ask("v2", "is_server_live", url + slash) is True
    assert ask("v2", "is_server_ready", url + slash) is True


def test_v2_finds_a_loaded_model_ready_and_an_unknown_one_not(url):
    assert ask("v2", "is_model_ready", url, "digits") is True
    assert ask("v2", "is_model_ready", url, "x") is False


def pixels_as(form, pixels):
    wire = InferInput("pixels", list(pixels.shape), "FP32")
    match form:
        case "flat json":
            wire.data = pixels.ravel().tolist()
        case "nested json":
            wire.data = pixels.tolist()
        case "binary":
            wire.set_data_from_numpy(pixels, binary_data=True)
    return wire


def outputs_as(form):
    """The two ways of this client to say how outputs shall travel: for all, and for each."""
    match form:
        case "default":
            return {}
        case "all binary":
            return {"parameters": {"binary_data_output": True}}
        case "one binary":
            label = RequestedOutput("label", {"binary_data": False})
            return {"request_outputs": [label, RequestedOutput("probabilities", {"binary_data": True})]}
        case "all binary but one":
            return {
                "parameters": {"binary_data_output": True},
                "request_outputs": [RequestedOutput("label", {"binary_data": False}), RequestedOutput("probabilities")],
            }


@pytest.mark.parametrize("given", ["flat json", "nested json", "binary"])
@pytest.mark.parametrize("returned", ["default", "all binary", "one binary", "all binary but one"])
def test_v2_returns_the_right_digit_however_tensors_travel(url, digits, given, returned):
    request = InferRequest(
        "digits", [pixels_as(given, digits.pixels)], request_id="seven-1", **outputs_as(returned)
    )
    response_headers = {}
    response = ask("v2", "infer", url, request, model_name="digits", response_headers=response_headers)
    assert (response.model_name, response.id) == ("digits", "seven-1")
    digits.check(response.get_output_by_name("label").as_numpy(), response.get_output_by_name("probabilities").as_numpy())
    carries_binary = returned != "default"
    assert ("inference-header-content-length" in response_headers) == carries_binary
    expected = "application/octet-stream" if carries_binary else "application/json"
    assert response_headers["content-type"] == expected


def test_v2_accepts_a_plain_dict_as_the_request(url, digits):
    tensor = {"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": digits.pixels[0].tolist()}
    response = ask("v2", "infer", url, {"inputs": [tensor]}, model_name="digits")
    assert response.id is None
    digits.check(
        response.get_output_by_name("label").as_numpy(), response.get_output_by_name("probabilities").as_numpy(), [0]
    )


def test_v2_the_golden_examples_of_file_type_hold(url):
    for example in golden.examples("file-type"):
        inputs = []
        for given in example.inputs:
            wire = InferInput(given.name, list(given.value.shape), given.datatype)
            wire.set_data_from_numpy(given.value, binary_data=True)
            inputs.append(wire)
        request = InferRequest("file-type", inputs, parameters={"binary_data_output": True})
        response = ask("v2", "infer", url, request, model_name="file-type")
        example.check(lambda name, response=response: response.get_output_by_name(name).as_numpy())


def test_v2_a_hundred_requests_through_one_client_each_get_their_own_answer(url, digits):
    async def all_at_once():
        async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=30)) as client:
            return await asyncio.gather(*(one(client, number) for number in range(100)))

    async def one(client, number):
        row = digits.pixels[[number % len(digits)]]
        request = InferRequest("digits", [pixels_as("binary", row)], request_id=str(number))
        return await client.infer(url, request, model_name="digits")

    for number, response in enumerate(asyncio.run(all_at_once())):
        assert response.id == str(number)
        label, probabilities = (response.get_output_by_name(name) for name in ("label", "probabilities"))
        digits.check(label.as_numpy(), probabilities.as_numpy(), [number % len(digits)])


def test_v2_half_precision_travels_in_binary(url):
    values = np.array([[0.5, -1.0, 65504.0], [0.0, 2.0**-24, 1.0]], np.float16)
    values = values.reshape(-1, input_width(url, "dtype_fp16"))
    metadata = httpx.get(f"{url}/v2/models/dtype_fp16", trust_env=False).json()
    wire = InferInput(metadata["inputs"][0]["name"], list(values.shape), "FP16")
    wire.set_data_from_numpy(values, binary_data=True)
    request = InferRequest("dtype_fp16", [wire], parameters={"binary_data_output": True})
    [answer] = ask("v2", "infer", url, request, model_name="dtype_fp16").outputs
    np.testing.assert_array_equal(answer.as_numpy(), values)


def test_v2_nan_travels_as_null_when_strict_json_is_asked_for(url):
    """This client writes NaN as null and cannot read a bare NaN."""
    metadata = httpx.get(f"{url}/v2/models/dtype_fp32", trust_env=False).json()
    width = metadata["inputs"][0]["shape"][1]
    values = np.array([[np.nan, 1.0, np.nan, 2.0, 3.0, np.nan]], np.float32).reshape(-1, width)
    wire = InferInput(metadata["inputs"][0]["name"], list(values.shape), "FP32", data=values.ravel().tolist())
    request = InferRequest("dtype_fp32", [wire], parameters={"strict_json": True})
    [answer] = ask("v2", "infer", url, request, model_name="dtype_fp32").outputs
    np.testing.assert_array_equal(answer.as_numpy(), values)


def test_v2_an_unknown_model_is_named(url, digits):
    request = InferRequest("x", [pixels_as("flat json", digits.pixels)])
    assert refusal("v2", "infer", url, request, model_name="x") == (404, "Request for unknown model: 'x' is not found")


@pytest.mark.parametrize("given", ["flat json", "binary"])
def test_v2_a_wrong_shape_is_refused_with_the_name_of_the_input(url, digits, given):
    request = InferRequest("digits", [pixels_as(given, np.ascontiguousarray(digits.pixels[:, :63]))])
    status, message = refusal("v2", "infer", url, request, model_name="digits")
    assert status == 400 and "pixels" in message and "63" in message and "64" in message
