"""PyPI `kserve`: its `InferenceRESTClient`, unchanged, against onnxd, in both of its REST protocols."""

import asyncio

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from kserve.utils.numpy_codec import from_np_dtype

import golden
from server import SHIPPED_MODELS
from wire import assert_refused


def ask(protocol, method, *arguments, **options):
    """One call of the asynchronous client, with a client of its own."""

    async def call():
        async with InferenceRESTClient(RESTConfig(protocol=protocol, timeout=30)) as client:
            return await getattr(client, method)(*arguments, **options)

    return asyncio.run(call())


def v1(url, model, body):
    return ask("v1", "infer", url, body, model_name=model)


def v2(url, request, **options):
    return ask("v2", "infer", url, request, model_name=request.model_name, **options)


def refusal(call, *arguments, **options):
    """The status and the server's own words: the client appends the status and the URL to them."""
    with pytest.raises(httpx.HTTPStatusError) as caught:
        call(*arguments, **options)
    status = caught.value.response.status_code
    return status, str(caught.value).partition(f", '{status} ")[0]


@pytest.mark.parametrize("slash", ["", "/"])
def test_v1_finds_the_server_live(url, slash):
    assert ask("v1", "is_server_live", url + slash) is True


def test_v1_finds_a_loaded_model_ready(url):
    assert ask("v1", "is_model_ready", url, "digits") is True


def test_v1_readiness_of_an_unknown_model_is_not_found(url):
    assert_refused(refusal(ask, "v1", "is_model_ready", url, "x"), 404, "'x'")


def test_v1_rows_come_back_as_objects_with_label_and_probabilities(url, digits):
    digits.check_predictions(v1(url, "digits", {"instances": digits.pixels.tolist()}))


def test_v1_rows_may_name_their_input(url, digits):
    instances = [{"pixels": row} for row in digits.pixels.tolist()]
    digits.check_predictions(v1(url, "digits", {"instances": instances}))


def test_v1_rows_name_each_of_several_inputs(url):
    instances = [{"A": [1, 2, 3], "B": [4, 5]}, {"B": [-4, -5], "A": [-1, -2, -3]}]
    predictions = [{"joined": [1, 2, 3, 4, 5], "total": 15}, {"joined": [-1, -2, -3, -4, -5], "total": -15}]
    assert v1(url, "two_inputs", {"instances": instances}) == {"predictions": predictions}


def test_v1_a_model_with_one_output_answers_with_bare_values(url):
    rows, doubled = [[1.5, -2.0, 0.25], [0.0, 4.0, -8.0]], [[3.0, -4.0, 0.5], [0.0, 8.0, -16.0]]
    assert v1(url, "dtype_fp32", {"instances": rows}) == {"predictions": doubled}
    assert v1(url, "dtype_fp32", {"inputs": rows}) == {"outputs": doubled}


@pytest.mark.parametrize("named", [True, False])
def test_v1_columns_come_back_as_columns(url, digits, named):
    pixels = digits.pixels.tolist()
    answer = v1(url, "digits", {"inputs": {"pixels": pixels} if named else pixels})
    assert list(answer) == ["outputs"]
    digits.check(lambda name: np.array(answer["outputs"][name], digits.outputs[name].dtype))


def test_v1_columns_name_each_of_several_inputs(url):
    answer = v1(url, "two_inputs", {"inputs": {"B": [[4, 5], [6, 7]], "A": [[1, 2, 3], [0, 0, 0]]}})
    assert answer == {"outputs": {"joined": [[1, 2, 3, 4, 5], [0, 0, 0, 6, 7]], "total": [15, 13]}}


def test_v1_bytes_travel_as_text_or_base64(url):
    instances = [["plain", {"b64": "xbzDs8WCdw=="}], ["猫", ""]]
    assert v1(url, "dtype_bytes", {"instances": instances}) == {"predictions": [["plain", "żółw"], ["猫", ""]]}


def test_v1_base64_that_holds_no_text_is_refused_with_the_name_of_the_input(url):
    assert_refused(refusal(v1, url, "dtype_bytes", {"instances": [["plain", {"b64": "//4="}]]}), 400, "'x'", "UTF-8")


def test_v1_an_unknown_model_is_named(url, digits):
    assert_refused(refusal(v1, url, "x", {"instances": digits.pixels.tolist()}), 404, "'x'")


@pytest.mark.parametrize("body", [{}, {"instances": [], "inputs": []}, {"signature_name": "serving_default"}])
def test_v1_a_body_without_exactly_one_of_both_keys_is_refused(url, body):
    assert_refused(refusal(v1, url, "digits", body), 400, "'inputs'", "'instances'")


@pytest.mark.parametrize(
    "rows, words",
    [
        pytest.param([[0.0] * 63], ["63", "64"], id="short"),
        pytest.param([[0.0] * 64, [0.0] * 63], [], id="ragged"),
        pytest.param([[0.0] * 63 + ["seven"]], [], id="a word for a number"),
    ],
)
def test_v1_wrong_rows_are_refused_with_the_name_of_the_input(url, rows, words):
    assert_refused(refusal(v1, url, "digits", {"instances": rows}), 400, "pixels", *words)


def tensor(name, value, form="binary"):
    wire = InferInput(name, list(value.shape), from_np_dtype(value.dtype))
    match form:
        case "flat json":
            wire.data = value.ravel().tolist()
        case "nested json":
            wire.data = value.tolist()
        case "binary":
            wire.set_data_from_numpy(value, binary_data=True)
    return wire


def answer_of(response):
    return lambda name: response.get_output_by_name(name).as_numpy()


ALL_BINARY = {"binary_data_output": True}
LABEL_IN_JSON = RequestedOutput("label", {"binary_data": False})
RETURNED = {
    "default": {},
    "all binary": {"parameters": ALL_BINARY},
    "one binary": {"request_outputs": [LABEL_IN_JSON, RequestedOutput("probabilities", {"binary_data": True})]},
    "all binary but one": {
        "parameters": ALL_BINARY,
        "request_outputs": [LABEL_IN_JSON, RequestedOutput("probabilities")],
    },
}
"""The two ways of this client to say how outputs shall travel: for all, and for each."""


@pytest.mark.parametrize("slash", ["", "/"])
def test_v2_finds_the_server_live_and_ready(url, slash):
    assert ask("v2", "is_server_live", url + slash) is True
    assert ask("v2", "is_server_ready", url + slash) is True


def test_v2_finds_a_loaded_model_ready_and_an_unknown_one_not(url):
    assert ask("v2", "is_model_ready", url, "digits") is True
    assert ask("v2", "is_model_ready", url, "x") is False


@pytest.mark.parametrize("given", ["flat json", "nested json", "binary"])
@pytest.mark.parametrize("returned", RETURNED)
def test_v2_returns_the_right_digit_however_tensors_travel(url, digits, given, returned):
    pixels = tensor("pixels", digits.pixels, given)
    headers = {}
    response = v2(
        url, InferRequest("digits", [pixels], request_id="seven-1", **RETURNED[returned]), response_headers=headers
    )
    assert (response.model_name, response.id) == ("digits", "seven-1")
    digits.check(answer_of(response))
    carries_binary = returned != "default"
    assert ("inference-header-content-length" in headers) == carries_binary
    assert headers["content-type"] == ("application/octet-stream" if carries_binary else "application/json")


def test_v2_accepts_a_plain_dict_as_the_request(url, digits):
    one = digits.take(0)
    pixels = {"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": one.pixels[0].tolist()}
    response = ask("v2", "infer", url, {"inputs": [pixels]}, model_name="digits")
    assert response.id is None
    one.check(answer_of(response))


@pytest.mark.parametrize("model", SHIPPED_MODELS)
def test_v2_every_golden_example_of_a_shipped_model_holds(url, model):
    for example in golden.examples(model):
        inputs = [tensor(name, value) for name, value in example.inputs.items()]
        example.check(answer_of(v2(url, InferRequest(model, inputs, parameters=ALL_BINARY))))


def test_v2_a_hundred_requests_through_one_client_each_get_their_own_answer(url, digits):
    async def all_at_once():
        async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=30)) as client:
            return await asyncio.gather(*(one(client, number) for number in range(100)))

    async def one(client, number):
        pixels = tensor("pixels", digits.take(number).pixels)
        return await client.infer(url, InferRequest("digits", [pixels], request_id=str(number)), model_name="digits")

    for number, response in enumerate(asyncio.run(all_at_once())):
        assert response.id == str(number)
        digits.take(number).check(answer_of(response))


def test_v2_half_precision_travels_in_binary(url):
    values = np.array([[0.5, -1.0, 32752.0], [0.0, 2.0**-24, 1.0]], np.float16)
    response = v2(url, InferRequest("dtype_fp16", [tensor("x", values)], parameters=ALL_BINARY))
    np.testing.assert_array_equal(answer_of(response)("y"), values + values, strict=True)


def test_v2_nan_travels_as_null_when_strict_json_is_asked_for(url):
    """This client writes NaN as null and cannot read a bare NaN."""
    values = np.array([[np.nan, 1.0, np.nan], [2.0, 3.0, np.nan]], np.float32)
    request = InferRequest("dtype_fp32", [tensor("x", values, "flat json")], parameters={"strict_json": True})
    np.testing.assert_array_equal(answer_of(v2(url, request))("y"), values + values, strict=True)


def test_v2_an_unknown_model_is_named(url, digits):
    request = InferRequest("x", [tensor("pixels", digits.pixels, "flat json")])
    assert refusal(v2, url, request) == (404, "Request for unknown model: 'x' is not found")


@pytest.mark.parametrize("given", ["flat json", "binary"])
def test_v2_a_wrong_shape_is_refused_with_the_name_of_the_input(url, digits, given):
    request = InferRequest("digits", [tensor("pixels", np.ascontiguousarray(digits.pixels[:, :63]), given)])
    assert_refused(refusal(v2, url, request), 400, "pixels", "63", "64")
