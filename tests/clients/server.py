"""A real onnxd process over a temporary repository: started, watched, and stopped by its process id."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED_MODELS = ["digits", "file-type"]
DATATYPES = "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 fp16 fp32 fp64 bytes".split()
FIXTURES = ["symbolic_batch", "two_inputs", *(f"dtype_{name}" for name in DATATYPES)]

READY_WITHIN_SECONDS = 60
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, binary: str, repository: Path, logs: Path):
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self._stdout, self._stderr = logs / "stdout", logs / "stderr"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ONNXD_")}
        with open(self._stdout, "wb") as stdout, open(self._stderr, "wb") as stderr:
            self._process = subprocess.Popen(
                [binary, "serve", str(repository), "--http-addr", self.address],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=environment,
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        answer = "no answer yet"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"onnxd ended with {self._process.returncode} before it was ready\n{self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as response:
                    if response.status == 200:
                        return
                    answer = f"status {response.status}"
            except urllib.error.HTTPError as error:
                answer = f"status {error.code}: {error.read().decode(errors='replace')}"
            except OSError as error:
                answer = str(error)
            time.sleep(0.02)
        raise AssertionError(f"onnxd was not ready after {READY_WITHIN_SECONDS} s ({answer})\n{self.log()}")

    def stop(self) -> int:
        """Asks for a graceful end and returns the exit code; a server that does not obey is killed and reported."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"onnxd ignored SIGTERM for {STOPPED_WITHIN_SECONDS} s\n{self.log()}") from None

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in (self._stdout, self._stderr))

    def complaints(self) -> list[str]:
        return [line for line in self.log().splitlines() if "panicked" in line or re.search(r"\bERROR\b", line)]
