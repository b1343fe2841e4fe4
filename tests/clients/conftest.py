"""One onnxd for the whole suite. Nothing here skips: without a server the suite fails."""

import os
from contextlib import closing
from pathlib import Path

import pytest

pytest.register_assert_rewrite("descriptors", "golden", "wire")

import golden  # noqa: E402
from server import Server, build_repository  # noqa: E402
from wire import Client  # noqa: E402

# The clients talk to this machine only; a proxy from the environment would take their requests elsewhere.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


def pytest_configure(config):
    if not config.option.collectonly and not Path(os.environ.get("ONNXD_BIN", "")).is_file():
        raise pytest.UsageError("ONNXD_BIN must name the onnxd binary to test (`make clients` sets it)")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    repository = build_repository(tmp_path_factory.mktemp("models"))
    server = Server(os.environ["ONNXD_BIN"], repository, tmp_path_factory.mktemp("logs") / "onnxd.log")
    try:
        server.wait_until_ready()
        yield server
        assert server.stop() == 0, "a graceful end has exit code 0"
        assert server.complaints() == [], "no request of this suite is a fault of the server"
    finally:
        server.kill()
        print(server.log())  # pytest shows it when something above failed


@pytest.fixture(scope="session")
def address(server) -> str:
    """host:port"""
    return server.address


@pytest.fixture(scope="session")
def grpc_address(server) -> str:
    """host:port"""
    return server.grpc_address


@pytest.fixture(scope="session")
def url(address) -> str:
    return f"http://{address}"


@pytest.fixture
def http(address):
    with closing(Client(address)) as client:
        yield client


@pytest.fixture(scope="session")
def digits() -> golden.Digits:
    return golden.digits()
