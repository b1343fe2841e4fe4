"""A real HAProxy, Debian's. Where none can be had the suite is left out and says so; with CI set that is a failure."""

import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "prometheus")]

import debian  # noqa: E402

PACKAGES = ("haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1")

LEFT_OUT = """
  LEFT OUT: all of tests/rolling. Nobody has seen that a rolling restart behind a proxy
  fails no request.
"""


def pytest_configure(config):
    if config.option.collectonly:
        return
    if not Path(os.environ.get("ONNXD_BIN", "")).is_file():
        raise pytest.UsageError("ONNXD_BIN must name the onnxd binary to test (`make rolling` sets it)")
    directory = Path(os.environ["HAPROXY_DIR"]).resolve()
    config.haproxy = debian.programs_or_leave(LEFT_OUT, directory, ("haproxy",), PACKAGES)["haproxy"]
    libraries = directory / "root" / "usr" / "lib" / "x86_64-linux-gnu"
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [str(libraries), os.environ.get("LD_LIBRARY_PATH")]))


@pytest.fixture(scope="session")
def haproxy(request) -> str:
    return request.config.haproxy
