"""A real onnxd process over a temporary repository: started, watched, and stopped by its process id."""

import os
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED_MODELS = ["digits", "file-type", "flight-delay", "text-direction"]
DATATYPES = "BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 BYTES".split()
FIXTURES = ["symbolic_batch", "two_inputs", *(f"dtype_{datatype.lower()}" for datatype in DATATYPES)]
MODELS = [*SHIPPED_MODELS, *FIXTURES]

# The conformance suite loads a thousand models, perhaps beside a compiler.
READY_WITHIN_SECONDS = 240
STOPPED_WITHIN_SECONDS = 30


def build_repository(directory: Path) -> Path:
    """Every shipped model as it lies in the checkout, every fixture as version 1 of a model of its name."""
    for name in SHIPPED_MODELS:
        shutil.copytree(ROOT / "models" / name, directory / name)
    for name in FIXTURES:
        version = directory / name / "1"
        version.mkdir(parents=True)
        shutil.copyfile(ROOT / "tests" / "fixtures" / f"{name}.onnx", version / "model.onnx")
    return directory


def eventually(probe, within: float = 5.0):
    """The first result of `probe` that is true: awaits a state instead of guessing a time."""
    deadline = time.monotonic() + within
    while not (result := probe()):
        assert time.monotonic() < deadline, f"{probe} did not come true within {within} s"
        time.sleep(0.01)
    return result


class Server:
    def __init__(self, binary: str, repository: Path, log: Path, *arguments: str):
        self.address = ""
        """host:port, known when the server is ready."""
        self.grpc_address = ""
        """The same for gRPC."""
        self._log = log
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ONNXD_")}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    *[binary, "serve", str(repository), "--log", "json"],
                    *["--http-addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0"],
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def wait_until_ready(self) -> None:
        eventually(self._is_ready, READY_WITHIN_SECONDS)

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, f"onnxd ended with {self._process.returncode} before it was ready"
        announced = re.search(r'"http\.addr":"([^"]+)"', self.log())
        if not announced:
            return False
        self.address = announced[1]
        self.grpc_address = re.search(r'"grpc\.addr":"([^"]+)"', self.log())[1]
        try:
            with urllib.request.urlopen(f"http://{self.address}/readyz", timeout=5) as response:
                return response.status == 200
        except OSError:  # also the class of a refusal with a status
            return False

    def stop(self) -> int:
        """Asks for a graceful end and returns the exit code."""
        self._process.terminate()
        return self._process.wait(STOPPED_WITHIN_SECONDS)

    def kill(self) -> None:
        """Does nothing to a process that has ended."""
        self._process.kill()
        self._process.wait()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def complaints(self) -> list[str]:
        return [line for line in self.log().splitlines() if "panicked" in line or re.search(r"\bERROR\b", line)]
