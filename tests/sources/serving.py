"""A real onnxd process, its answers, and the models that it is given."""

import base64
import hashlib
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("ONNXD_BIN", "")
READY_WITHIN_SECONDS = 60


def scale(factor: int, padding: int = 0) -> bytes:
    """A model that computes y = factor * x, made as large as wanted with a comment."""
    model = (ROOT / "tests" / "fixtures" / f"scale_{factor}.onnx").read_bytes()
    if padding:
        # Field 6 of a model is its doc_string.
        text = base64.b64encode(hashlib.shake_256(b"%d" % factor).digest(padding))[:padding]
        model += b"\x32" + varint(len(text)) + text
    return model


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def eventually(probe, within: float = 20.0):
    """The first result of `probe` that is true: awaits a state instead of guessing a time."""
    deadline = time.monotonic() + within
    while not (result := probe()):
        assert time.monotonic() < deadline, f"{probe} did not come true within {within} s"
        time.sleep(0.02)
    return result


class Server:
    def __init__(self, models: str, directory: Path, *arguments: str, cache: Path | None = None, **environment: str):
        self.cache = cache or directory / "cache"
        self.log_file = directory / f"onnxd-{time.monotonic_ns()}.log"
        self.address = ""
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("ONNXD_", "AWS_", "GOOGLE_", "AZURE_"))}
        fixed = {
            "NO_PROXY": "127.0.0.1",
            "AWS_ACCESS_KEY_ID": "key-of-the-test",
            "AWS_SECRET_ACCESS_KEY": "secret-of-the-test",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }
        command = [BINARY, "serve", models, "--http-addr", "127.0.0.1:0", "--log", "json", "--poll", "200ms"]
        with self.log_file.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--cache-dir", str(self.cache), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**keep, **fixed, **environment},
            )

    def __enter__(self) -> "Server":
        try:
            eventually(self._listens, READY_WITHIN_SECONDS)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.kill()
        lines = self.log().splitlines()
        print("\n".join(line for line in lines if "request failed" not in line))  # shown when something failed
        assert "panicked" not in self.log()
        assert "secret-of-the-test" not in self.log()

    def _listens(self) -> bool:
        assert self.process.poll() is None, f"onnxd ended with {self.process.returncode}: {self.log()}"
        announced = re.search(r'"http\.addr":"([^"]+)"', self.log())
        self.address = announced[1] if announced else ""
        return bool(announced)

    def wait_until_ready(self) -> "Server":
        eventually(lambda: self.get("/readyz")[0] == 200, READY_WITHIN_SECONDS)
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def get(self, path: str, body: dict | None = None) -> tuple[int, dict]:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://{self.address}{path}", data=data)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                status, text = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, {}

    def factor(self, model: str = "m") -> float | None:
        """What the model that serves multiplies with; None if none does."""
        tensor = {"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 1, 1]}
        status, answer = self.get(f"/v2/models/{model}/infer", {"inputs": [tensor]})
        return answer["outputs"][0]["data"][0] if status == 200 else None

    def serves(self, factor: int, model: str = "m") -> bool:
        return self.factor(model) == factor

    def reason(self, version: int = 1, model: str = "m") -> str:
        """What the index says of a version."""
        for entry in self.get("/v2/repository/index", {})[1]:
            if (entry["name"], entry["version"]) == (model, str(version)):
                return entry["reason"]
        return ""

    def problem(self) -> str | None:
        """What is said of the source as a whole."""
        return self.get("/api/models")[1]["problem"]
