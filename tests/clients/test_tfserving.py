"""The requests that TensorFlow Serving documents, sent by curl as it documents them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from server import Server

HERE = Path(__file__).resolve().parent / "tfserving"
SCRIPTS = ["binary.sh", "predict.sh", "refusals.sh", "status.sh", "tensors.sh"]


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    repository = tmp_path_factory.mktemp("tfserving")
    for file in HERE.glob("*.onnx"):
        version = repository / file.stem / "123"
        version.mkdir(parents=True)
        shutil.copyfile(file, version / "model.onnx")
        (repository / file.stem / "model.toml").write_text("labels = { stable = 123 }\n")
    server = Server(os.environ["ONNXD_BIN"], repository, tmp_path_factory.mktemp("logs") / "onnxd.log")
    try:
        server.wait_until_ready()
        yield server
        assert server.stop() == 0
        assert server.complaints() == []
    finally:
        server.kill()
        print(server.log())


def test_every_script_is_run():
    assert sorted(file.name for file in HERE.glob("*.sh")) == sorted([*SCRIPTS, "common.sh"])


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_tensorflow_serving_documents_is_answered_as_it_documents_it(serving, script):
    environment = {**os.environ, "URL": f"http://{serving.address}", "PYTHON": sys.executable}
    run = subprocess.run(["bash", HERE / script], env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "as documented" in run.stdout or "refused with" in run.stdout
