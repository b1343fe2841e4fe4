"""v2 infer requests in JSON and with binary tensors, and their answers as arrays."""

import http.client
import json
import struct

import numpy as np

JSON_LENGTH = "Inference-Header-Content-Length"
DTYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}

Tensors = dict[str, np.ndarray]


class Refused(Exception):
    """The server answered with an error."""


def arrays(wire: list[dict]) -> Tensors:
    """Tensors as JSON carries them; null is a NaN."""
    return {tensor["name"]: array(tensor["datatype"], tensor["shape"], tensor["data"]) for tensor in wire}


def array(datatype: str, shape: list[int], data: list) -> np.ndarray:
    if datatype.startswith("FP"):
        data = [np.nan if value is None else value for value in data]
    return np.array(data, DTYPES[datatype]).reshape(shape)


class Client:
    def __init__(self, address: str):
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def index(self) -> dict[str, tuple[str, str]]:
        """State and reason of every model."""
        _, _, body = self.post("/v2/repository/index", b"{}", {})
        return {entry["name"]: (entry["state"], entry["reason"]) for entry in json.loads(body)}

    def infer_json(self, model: str, inputs: Tensors) -> Tensors:
        tensors = [{**header(name, value), "data": value.ravel().tolist()} for name, value in inputs.items()]
        _, _, body = self.post(f"/v2/models/{model}/infer", json.dumps({"inputs": tensors}).encode(), {})
        return arrays(json.loads(body)["outputs"])

    def infer_binary(self, model: str, inputs: Tensors) -> Tensors:
        blobs = [blob(value) for value in inputs.values()]
        tensors = [
            {**header(name, value), "parameters": {"binary_data_size": len(data)}}
            for (name, value), data in zip(inputs.items(), blobs)
        ]
        head = json.dumps({"inputs": tensors, "parameters": {"binary_data_output": True}}).encode()
        body = head + b"".join(blobs)
        _, headers, body = self.post(f"/v2/models/{model}/infer", body, {JSON_LENGTH: str(len(head))})
        end = int(headers[JSON_LENGTH])
        outputs, at = {}, end
        for output in json.loads(body[:end])["outputs"]:
            size = output["parameters"]["binary_data_size"]
            outputs[output["name"]] = unblob(output["datatype"], output["shape"], body[at : at + size])
            at += size
        assert at == len(body), f"{len(body) - at} bytes are left over"
        return outputs

    def post(self, path: str, body: bytes, headers: dict):
        self.connection.request("POST", path, body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise Refused(f"{response.status}: {json.loads(answer)['error']}")
        return response.status, response.headers, answer


def header(name: str, value: np.ndarray) -> dict:
    (datatype,) = (name for name, dtype in DTYPES.items() if value.dtype == dtype)
    return {"name": name, "datatype": datatype, "shape": list(value.shape)}


def blob(value: np.ndarray) -> bytes:
    if value.dtype != np.object_:
        return value.tobytes()
    texts = [text.encode() for text in value.ravel()]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def unblob(datatype: str, shape: list[int], data: bytes) -> np.ndarray:
    if datatype != "BYTES":
        return np.frombuffer(data, DTYPES[datatype]).reshape(shape)
    texts, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        texts.append(data[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return np.array(texts, np.object_).reshape(shape)
