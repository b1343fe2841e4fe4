"""A fleet of three servers and a Prometheus.

Where no Prometheus can be had the suite is left out and says so; with CI in the environment that is a failure.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import debian  # noqa: E402

pytest.register_assert_rewrite("fleet", "processes")

# The tests talk to this machine only; a proxy from the environment would take their requests elsewhere.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"

LEFT_OUT = """
  LEFT OUT: all of tests/prometheus. No Prometheus reads the metrics, the generated
  rules are not checked, and nobody has seen that the alerts fire.
"""


def pytest_configure(config):
    if config.option.collectonly:
        return
    if not Path(os.environ.get("ONNXD_BIN", "")).is_file():
        raise pytest.UsageError("ONNXD_BIN must name the onnxd binary to test (`make prometheus` sets it)")
    config.programs = debian.programs_or_leave(LEFT_OUT, Path(os.environ["PROMETHEUS_DIR"]).resolve())


@pytest.fixture(scope="session")
def onnxd() -> str:
    return os.environ["ONNXD_BIN"]


@pytest.fixture(scope="session")
def promtool(request) -> str:
    return request.config.programs["promtool"]


@pytest.fixture(scope="session")
def fleet(request, onnxd, tmp_path_factory):
    from fleet import Fleet

    with Fleet(onnxd, request.config.programs["prometheus"], tmp_path_factory.mktemp("fleet")) as fleet:
        try:
            fleet.run()
            yield fleet
        finally:
            print(fleet.logs())  # pytest shows it when something above failed
