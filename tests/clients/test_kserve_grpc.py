"""The gRPC client of PyPI `kserve`, and grpcurl, unchanged, against onnxd."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
from kserve import InferenceGRPCClient, InferInput, InferRequest
from kserve.protocol.grpc import grpc_predict_v2_pb2

import descriptors

UNKNOWN = "Request for unknown model: 'x' is not found"


def kserve(grpc_address, method, *arguments):
    async def call():
        client = InferenceGRPCClient(grpc_address, timeout=30)
        try:
            return await getattr(client, method)(*arguments)
        finally:
            await client.close()

    return asyncio.run(call())


def test_kserve_finds_server_and_model_ready(grpc_address):
    assert kserve(grpc_address, "is_server_live") and kserve(grpc_address, "is_server_ready")
    assert kserve(grpc_address, "is_model_ready", "digits")


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
def test_kserve_predicts(grpc_address, digits, raw):
    pixels = InferInput("pixels", list(digits.pixels.shape), "FP32")
    pixels.set_data_from_numpy(digits.pixels, binary_data=raw)
    answer = kserve(grpc_address, "infer", InferRequest("digits", [pixels], request_id="a"))
    assert (answer.id, answer.model_name) == ("a", "digits")
    digits.check(lambda name: next(output for output in answer.outputs if output.name == name).as_numpy())


def test_kserve_sends_texts(grpc_address):
    value = np.array([["", "a"], ["Grüße", "two words"]], object)
    texts = InferInput("x", [2, 2], "BYTES")
    texts.set_data_from_numpy(value, binary_data=False)
    answer = kserve(grpc_address, "infer", InferRequest("dtype_bytes", [texts]))
    assert [text.decode() for text in answer.outputs[0].as_numpy().flat] == list(value.flat)


def test_kserve_is_told_of_an_unknown_model(grpc_address, digits):
    pixels = InferInput("pixels", list(digits.pixels.shape), "FP32")
    pixels.set_data_from_numpy(digits.pixels)
    with pytest.raises(grpc.RpcError) as caught:
        kserve(grpc_address, "infer", InferRequest("x", [pixels]))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND and caught.value.details() == UNKNOWN


def test_kserves_request_to_load_names_its_model_in_the_first_field(grpc_address):
    with grpc.insecure_channel(grpc_address) as channel:
        load = channel.unary_unary(
            "/inference.GRPCInferenceService/RepositoryModelLoad",
            grpc_predict_v2_pb2.RepositoryModelLoadRequest.SerializeToString,
            grpc_predict_v2_pb2.RepositoryModelLoadResponse.FromString,
        )
        answer = load(grpc_predict_v2_pb2.RepositoryModelLoadRequest(model_name="digits"), timeout=30)
    assert (answer.model_name, answer.isLoaded) == ("digits", True)


def test_every_field_that_the_client_knows_has_its_number_and_type():
    # Its requests to load and unload have the name of the model first.
    different = {("RepositoryModelLoadRequest", 1), ("RepositoryModelUnloadRequest", 1)}
    theirs = {k: v for k, v in descriptors.of(grpc_predict_v2_pb2).items() if k not in different}
    ours = descriptors.ours()
    assert len(theirs) > 60
    assert {key: ours.get(key) for key in theirs} == theirs


# --- grpcurl ---------------------------------------------------------------------------------------------------------


# Beside the Python that runs this.
GRPCURL = Path(sys.executable).with_name("grpcurl")


def grpcurl(*arguments, **options):
    run = subprocess.run(
        [GRPCURL, "-plaintext", *arguments], capture_output=True, text=True, timeout=60, check=False, **options
    )
    return run.returncode, run.stdout, run.stderr


def test_grpcurl_lists_and_describes_the_services(grpc_address):
    code, listed, errors = grpcurl(grpc_address, "list")
    assert code == 0, errors
    assert {"grpc.health.v1.Health", "inference.GRPCInferenceService"} <= set(listed.split())
    code, described, errors = grpcurl(grpc_address, "describe", "inference.GRPCInferenceService.ModelInfer")
    assert code == 0 and "rpc ModelInfer ( .inference.ModelInferRequest )" in described, errors


def test_grpcurl_calls_what_reflection_told_it_of(grpc_address):
    request = {
        "model_name": "dtype_int64",
        "inputs": [{"name": "x", "datatype": "INT64", "shape": [1, 3], "contents": {"int64_contents": [1, 2, 3]}}],
    }
    code, answer, errors = grpcurl(
        "-d", json.dumps(request), grpc_address, "inference.GRPCInferenceService/ModelInfer"
    )
    assert code == 0, errors
    assert json.loads(answer)["outputs"][0]["shape"] == ["1", "3"]


@pytest.mark.parametrize("service", ["", "inference.GRPCInferenceService", "digits"])
def test_grpcurl_finds_the_server_healthy(grpc_address, service):
    request = json.dumps({"service": service})
    code, answer, errors = grpcurl("-d", request, grpc_address, "grpc.health.v1.Health/Check")
    assert code == 0 and json.loads(answer) == {"status": "SERVING"}, errors
    code, _, errors = grpcurl("-d", '{"service": "x"}', grpc_address, "grpc.health.v1.Health/Check")
    assert code != 0 and "NotFound" in errors
