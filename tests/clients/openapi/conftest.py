"""Servers that may be broken: models are unloaded, rolled back and routed elsewhere while they are asked."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"

from server import ROOT, Server  # noqa: E402

FIXTURES = ["symbolic_batch", "two_inputs", "dtype_bytes"]


def pytest_configure(config):
    if not config.option.collectonly and not Path(os.environ.get("ONNXD_BIN", "")).is_file():
        raise pytest.UsageError("ONNXD_BIN must name the onnxd binary to test (`make openapi` sets it)")


@dataclass
class Asked:
    """A server with models, jobs and a schedule, all of which may be changed."""

    server: Server
    key: str

    @property
    def url(self) -> str:
        return f"http://{self.server.address}"

    def ask(self, method: str, path: str, body: bytes | None = None):
        request = urllib.request.Request(self.url + path, body, {"X-API-Key": self.key}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def repository(directory: Path) -> Path:
    for name in ("digits", "flight-delay"):
        shutil.copytree(ROOT / "models" / name, directory / name)
    # Taken back by one operation, which others should not see.
    shutil.copytree(ROOT / "models" / "flight-delay", directory / "rolled")
    for name in FIXTURES:
        version = directory / name / "1"
        version.mkdir(parents=True)
        shutil.copyfile(ROOT / "tests" / "fixtures" / f"{name}.onnx", version / "model.onnx")
    # Loaded and unloaded.
    shutil.copytree(directory / "two_inputs", directory / "loaded")
    return directory


def start(directories, *arguments: str) -> Asked:
    models = repository(directories.mktemp("models"))
    jobs, state, keys = directories.mktemp("jobs"), directories.mktemp("state"), directories.mktemp("keys") / "keys.toml"
    shutil.copyfile(ROOT / "tests" / "fixtures" / "flights.csv", jobs / "in.csv")
    configuration = state / "onnxd.toml"
    configuration.write_text(
        '[[schedule]]\nname = "nightly"\ncron = "0 2 * * *"\ntime_zone = "UTC"\nmodel = "flight-delay"\n'
        'input = "in.csv"\noutput = "nightly.csv"\n'
    )
    # One key that has all roles, so that every operation can be asked with it and without.
    command = [os.environ["ONNXD_BIN"], "key", "all", "--roles", "predict,operate,metrics", "--file", keys]
    key = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    settings = {
        "config": configuration,
        "auth-keys": keys,
        "model-control": "explicit",
        "job-root": jobs,
        # Thousands of jobs and files come at once.
        "job-queue": 1_000_000,
        "max-scores": 100,
        "state-dir": state / "kept",
    }
    wanted = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    log = directories.mktemp("logs") / "onnxd.log"
    server = Server(os.environ["ONNXD_BIN"], models, log, *wanted, *arguments)
    try:
        server.wait_until_ready()
        asked = Asked(server, key)
        for model in sorted(path.name for path in models.iterdir()):
            asked.ask("POST", f"/v2/repository/models/{model}/load")
        return asked
    except BaseException:
        server.kill()
        print(server.log())
        raise


@pytest.fixture
def asked(tmp_path_factory):
    asked = start(tmp_path_factory)
    server = asked.server
    try:
        yield asked
        assert server.stop() == 0, "a graceful end has exit code 0"
        # That somebody asked for it is said with the reason.
        complaints = [line for line in server.complaints() if "rolled back by request" not in line]
        assert complaints == [], "nothing that was asked is a fault of the server"
    finally:
        server.kill()
        print(server.log()[-20_000:])
