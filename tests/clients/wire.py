"""HTTP without any client of the protocol: the standard library's, and a bare connection."""

import http.client
import json
import socket
from dataclasses import dataclass

import numpy as np
from tritonclient.utils import triton_to_np_dtype

JSON_LENGTH = "Inference-Header-Content-Length"


def assert_refused(refusal: tuple[int, str], status: int, *words: str) -> None:
    """`refusal` is a status and a message, whichever client read them; the message holds each of `words`."""
    found, message = refusal
    assert found == status and isinstance(message, str) and message, refusal
    for word in words:
        assert word in message


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def json(self):
        return json.loads(self.body)

    def refusal(self) -> tuple[int, str]:
        """Every refusal is a JSON object with one string."""
        assert self.headers["content-type"] == "application/json", self
        return self.status, self.json()["error"]

    def tensors(self, binary: bool) -> dict[str, np.ndarray]:
        """The outputs of an answer that holds all of them in binary, or all of them in JSON."""
        assert self.status == 200, self
        assert self.headers["content-type"] == ("application/octet-stream" if binary else "application/json")
        length = int(self.headers[JSON_LENGTH.lower()]) if binary else len(self.body)
        document, rest = json.loads(self.body[:length]), self.body[length:]
        found = {}
        for output in document["outputs"]:
            dtype = triton_to_np_dtype(output["datatype"])
            if binary:
                size = output["parameters"]["binary_data_size"]
                value, rest = np.frombuffer(rest[:size], dtype), rest[size:]
            else:
                value = np.array(output["data"], dtype)
            found[output["name"]] = value.reshape(output["shape"])
        assert rest == b""
        return found


class Client:
    """One kept-alive connection of the standard library's HTTP client."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=30)

    def close(self) -> None:
        self.connection.close()

    def ask(self, method, path, body=None, headers=None, **options) -> Answer:
        self.connection.request(method, path, body, headers or {}, **options)
        response = self.connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


class Wire:
    """One bare connection, for what an HTTP library would hide."""

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.reader = self.socket.makefile("rb")

    def close(self) -> None:
        self.reader.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> str:
        return self.reader.readline().decode("latin-1").rstrip("\r\n")

    def status_and_headers(self) -> tuple[int, dict[str, str]]:
        status, headers = int(self.line().split(" ")[1]), {}
        while line := self.line():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return status, headers

    def answer(self) -> Answer:
        status, headers = self.status_and_headers()
        return Answer(status, headers, self.reader.read(int(headers["content-length"])))

    def is_closed_by_the_server(self) -> bool:
        return self.reader.read(1) == b""


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()
