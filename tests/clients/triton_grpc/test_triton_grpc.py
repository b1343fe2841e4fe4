"""PyPI `tritonclient[grpc]`, unchanged, against onnxd. In a process without `kserve`: both have their own messages of
the same names."""

import asyncio
import queue

import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.grpc import model_config_pb2, service_pb2
from tritonclient.utils import InferenceServerException, np_to_triton_dtype, triton_to_np_dtype

import descriptors
import golden
from server import DATATYPES, MODELS, SHIPPED_MODELS

UNKNOWN = "Request for unknown model: 'x' is not found"


@pytest.fixture
def client(grpc_address):
    with triton.InferenceServerClient(grpc_address) as client:
        yield client


def tensor(name, value, module=triton):
    value = np.ascontiguousarray(value)
    return module.InferInput(name, list(value.shape), np_to_triton_dtype(value.dtype)).set_data_from_numpy(value)


def refusal(call, *arguments, **options):
    with pytest.raises(InferenceServerException) as caught:
        call(*arguments, **options)
    return caught.value.status(), caught.value.message()


def test_the_server_and_its_models_are_ready(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("digits") and client.is_model_ready("digits", "1")
    assert not client.is_model_ready("x")


@pytest.mark.parametrize("model", SHIPPED_MODELS)
def test_every_golden_example_of_a_shipped_model_holds(client, model):
    for example in golden.examples(model):
        inputs = [tensor(name, value) for name, value in example.inputs.items()]
        outputs = [triton.InferRequestedOutput(name) for name in example.outputs]
        example.check(client.infer(model, inputs, outputs=outputs).as_numpy)


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name != "BYTES"])
def test_every_number_comes_back_in_its_type(client, datatype):
    value = np.array([[0, 1, 1], [1, 0, 0]], triton_to_np_dtype(datatype))
    answer = client.infer(f"dtype_{datatype.lower()}", [tensor("x", value)]).as_numpy("y")
    assert answer.dtype == value.dtype
    twice = ~value if datatype == "BOOL" else value + value
    expected = twice if answer.shape == value.shape else np.hstack([value, value])
    np.testing.assert_array_equal(answer, expected)


def test_strings_come_back(client):
    value = np.array([["", "a"], ["Grüße", "two words"]], object)
    answer = client.infer("dtype_bytes", [tensor("x", value)]).as_numpy("y")
    assert [text.decode() for text in answer.flat] == list(value.flat)


def test_ids_versions_and_outputs_are_those_asked_for(client, digits):
    outputs = [triton.InferRequestedOutput("probabilities"), triton.InferRequestedOutput("label")]
    result = client.infer(
        "digits", [tensor("pixels", digits.pixels)], model_version="1", request_id="the-7th", outputs=outputs
    )
    digits.check(result.as_numpy)
    response = result.get_response()
    assert (response.id, response.model_name, response.model_version) == ("the-7th", "digits", "1")
    assert [output.name for output in response.outputs] == ["probabilities", "label"]


def test_classification_names_the_best_classes(client, digits):
    outputs = [triton.InferRequestedOutput("probabilities", class_count=2)]
    answer = client.infer("digits", [tensor("pixels", digits.pixels)], outputs=outputs).as_numpy("probabilities")
    best = [int(row[0].decode().split(":")[1]) for row in answer]
    assert best == list(digits.outputs["probabilities"].argmax(axis=1))


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_requests_are_answered(client, digits, algorithm):
    many = digits.take(*range(300))
    many.check(client.infer("digits", [tensor("pixels", many.pixels)], compression_algorithm=algorithm).as_numpy)


def test_priority_timeout_and_parameters_are_accepted(client, digits):
    result = client.infer(
        "digits",
        [tensor("pixels", digits.pixels)],
        priority=1,
        timeout=10_000_000,
        client_timeout=30,
        parameters={"text": "a", "number": 1, "flag": True},
        headers={"x-routing-key": "a"},
    )
    digits.check(result.as_numpy)


def test_callbacks_get_the_answers(client, digits):
    answers = queue.Queue()
    for number in range(32):
        client.async_infer(
            "digits",
            [tensor("pixels", digits.take(number).pixels)],
            callback=lambda result, error: answers.put((result, error)),
            request_id=str(number),
        )
    for _ in range(32):
        result, error = answers.get(timeout=30)
        assert error is None
        digits.take(int(result.get_response().id)).check(result.as_numpy)


def test_refusals_have_codes_and_words(client, digits):
    pixels = [tensor("pixels", digits.pixels)]
    assert refusal(client.infer, "x", pixels) == ("StatusCode.NOT_FOUND", UNKNOWN)
    status, message = refusal(client.infer, "digits", [tensor("pixels", digits.pixels[:, :63])])
    assert status == "StatusCode.INVALID_ARGUMENT" and "pixels" in message
    status, message = refusal(client.infer, "digits", [tensor("z", digits.pixels)])
    assert status == "StatusCode.INVALID_ARGUMENT" and "'z'" in message


def test_a_message_beyond_the_limit_is_refused(client):
    large = np.zeros((1, 17 << 20), np.float32)
    status, message = refusal(client.infer, "digits", [tensor("pixels", large)])
    assert (status, message) == (
        "StatusCode.RESOURCE_EXHAUSTED",
        f"the body is larger than the limit of {64 << 20} bytes",
    )


def test_metadata_is_that_of_http(client, http):
    assert client.get_server_metadata(as_json=True) == http.ask("GET", "/v2").json()
    for model in MODELS:
        over_grpc = client.get_model_metadata(model, as_json=True)
        for side in ("inputs", "outputs"):
            for each in over_grpc[side]:
                # protobuf writes numbers of 64 bits as texts.
                each["shape"] = [int(size) for size in each["shape"]]
        over_http = http.ask("GET", f"/v2/models/{model}").json()
        for side in ("inputs", "outputs"):
            for each in over_http[side]:
                each.pop("parameters", None)
        assert over_grpc == over_http


def test_the_configuration_is_that_of_http(client, http):
    for model in MODELS:
        over_grpc = client.get_model_config(model).config
        over_http = http.ask("GET", f"/v2/models/{model}/config").json()
        assert over_grpc.name == over_http["name"]
        assert (over_grpc.platform, over_grpc.backend) == (over_http["platform"], over_http["backend"])
        assert over_grpc.max_batch_size == over_http["max_batch_size"]
        for side in ("input", "output"):
            tensors = [
                {
                    "name": each.name,
                    "data_type": model_config_pb2.DataType.Name(each.data_type),
                    "dims": list(each.dims),
                }
                for each in getattr(over_grpc, side)
            ]
            assert tensors == over_http[side]
        assert over_grpc.HasField("dynamic_batching") == ("dynamic_batching" in over_http)
        assert over_grpc.version_policy.WhichOneof("policy_choice") in over_http["version_policy"]


def test_statistics_count_inferences(client, digits):
    def counted():
        [of] = client.get_inference_statistics("digits").model_stats
        return of.inference_count, of.inference_stats.success.count

    before = counted()
    client.infer("digits", [tensor("pixels", digits.pixels)])
    rows = len(digits.pixels)
    assert counted() == (before[0] + rows, before[1] + 1)
    everything = client.get_inference_statistics().model_stats
    assert {of.name for of in everything} == set(MODELS)
    assert all(len(of.batch_stats) > 0 for of in everything if of.execution_count > 0)


def test_the_repository_is_listed_and_loaded_again(client):
    index = client.get_model_repository_index().models
    assert {(entry.name, entry.state) for entry in index} == {(model, "READY") for model in MODELS}
    client.load_model("digits")
    assert client.is_model_ready("digits")
    status, message = refusal(client.unload_model, "digits")
    assert status == "StatusCode.INVALID_ARGUMENT" and message
    assert refusal(client.load_model, "x") == ("StatusCode.NOT_FOUND", UNKNOWN)


def test_the_asynchronous_client_does_the_same(grpc_address, digits):
    async def calls():
        async with triton_aio.InferenceServerClient(grpc_address) as client:
            assert await client.is_server_ready() and await client.is_model_ready("digits")
            assert (await client.get_server_metadata()).name == "onnxd"
            pending = [
                client.infer("digits", [tensor("pixels", digits.take(n).pixels, triton_aio)]) for n in range(16)
            ]
            for number, result in enumerate(await asyncio.gather(*pending)):
                digits.take(number).check(result.as_numpy)
            with pytest.raises(InferenceServerException) as caught:
                await client.infer("x", [tensor("pixels", digits.pixels, triton_aio)])
            assert caught.value.message() == UNKNOWN

    asyncio.run(calls())


def test_every_field_has_the_number_and_type_that_the_client_knows():
    # KServe's answers say what was loaded; to Triton they are empty.
    kserves = ("RepositoryModelLoadResponse", "RepositoryModelUnloadResponse")
    ours = {key: value for key, value in descriptors.ours().items() if key[0] not in kserves}
    theirs = descriptors.of(service_pb2, model_config_pb2)
    assert len(ours) > 100
    assert {key: theirs.get(key) for key in ours} == ours
