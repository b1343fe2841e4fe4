"""Where onnxd is, and what tests/prometheus has that is needed here too."""

import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS), str(TESTS / "prometheus")]

pytest.register_assert_rewrite("manifests", "processes")

# The tests talk to this machine only; a proxy from the environment would take their requests elsewhere.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


def pytest_configure(config):
    if not Path(os.environ.get("ONNXD_BIN", "")).is_file():
        raise pytest.UsageError("ONNXD_BIN must name the onnxd binary to test (`make kubernetes` sets it)")


@pytest.fixture(scope="session")
def prometheus() -> dict[str, str]:
    """The paths of prometheus and promtool; with CI set they must be there."""
    import debian

    try:
        return debian.programs(Path(os.environ["PROMETHEUS_DIR"]).resolve())
    except debian.Missing as missing:
        assert "CI" not in os.environ, missing
        pytest.skip(f"no Prometheus: {missing}")
