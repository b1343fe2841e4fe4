"""One onnxd for the whole suite. Nothing here skips: without a server the suite fails."""

import json
import os
import urllib.request
from pathlib import Path

import pytest

import golden
from server import FIXTURES, SHIPPED_MODELS, Server, build_repository

# The clients talk to this machine only; a proxy from the environment would take their requests elsewhere.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


def pytest_configure(config):
    if config.option.collectonly:
        return
    binary = os.environ.get("ONNXD_BIN")
    if not binary:
        raise pytest.UsageError("ONNXD_BIN must name the onnxd binary to test (tests/clients/run.py sets it)")
    if not Path(binary).is_file():
        raise pytest.UsageError(f"ONNXD_BIN names {binary}, which does not exist")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    repository = build_repository(tmp_path_factory.mktemp("models"))
    server = Server(os.environ["ONNXD_BIN"], repository, tmp_path_factory.mktemp("logs"))
    try:
        server.wait_until_ready()
        every_model_is_ready(server)
        yield server
        assert server.stop() == 0, f"a graceful end has exit code 0\n{server.log()}"
        assert server.complaints() == [], "no request of this suite is a fault of the server"
    finally:
        server.kill()


def every_model_is_ready(server: Server) -> None:
    request = urllib.request.Request(f"{server.url}/v2/repository/index", data=b"", method="POST")
    with urllib.request.urlopen(request, timeout=30) as response:
        index = {entry["name"]: entry for entry in json.load(response)}
    for name in [*SHIPPED_MODELS, *FIXTURES]:
        assert index.get(name, {}).get("state") == "READY", f"{name}: {index.get(name)}"


@pytest.fixture(scope="session")
def address(server) -> str:
    """host:port"""
    return server.address


@pytest.fixture(scope="session")
def url(server) -> str:
    return server.url


@pytest.fixture(scope="session")
def digits() -> golden.Digits:
    return golden.Digits.load()
