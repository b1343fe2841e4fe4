"""The real program, the flights of 2013, and what onnxruntime says of them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import onnxruntime
import pandas
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "flight-delay"
sys.path.insert(0, str(ROOT / "models"))

import flights  # noqa: E402

COLUMNS = ["carrier", "origin", "dest", "weekday", "hour", "distance", "temp", "humid", "wind_speed", "precip",
           "pressure", "visib"]


class Predict:
    """`onnxd predict` in a directory."""

    def __init__(self, directory):
        self.program, self.directory = os.environ["ONNXD_BIN"], directory

    def command(self, *arguments, model=MODEL):
        return [self.program, "predict", str(model), *map(str, arguments)]

    def __call__(self, *arguments, model=MODEL):
        run = subprocess.run(self.command(*arguments, model=model), cwd=self.directory, env={}, text=True,
                             capture_output=True, timeout=600)
        assert run.returncode == 0, run.stderr
        return run.stderr


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("batch")


@pytest.fixture(scope="session")
def predict(directory):
    return Predict(directory)


@pytest.fixture(scope="session")
def table():
    """All flights that were planned, with the weather at their origin."""
    rows = flights.planned()
    rows.insert(0, "id", range(len(rows)))
    assert len(rows) == 336_776
    return rows[["id", "time_hour", *COLUMNS]]


@pytest.fixture(scope="session")
def inputs(directory, table):
    """The same rows as CSV and as Parquet."""
    table.to_csv(directory / "flights.csv", index=False)
    table.to_parquet(directory / "flights.parquet", index=False)
    return directory


@pytest.fixture(scope="session")
def expected(table):
    """Labels, and probabilities of `late` and `on-time`, of each row; rows that the contract refuses as well."""
    newest = max((path for path in MODEL.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    session = onnxruntime.InferenceSession(newest / "model.onnx", providers=["CPUExecutionProvider"])
    feeds = {}
    for spec in session.get_inputs():
        column = table[spec.name]
        values = column.fillna("").astype(object) if spec.type == "tensor(string)" else column.astype(numpy.float32)
        feeds[spec.name] = values.to_numpy().reshape(-1, 1)
    label, probabilities = session.run(None, feeds)
    if isinstance(probabilities, list):
        probabilities = pandas.DataFrame(probabilities)[["late", "on-time"]].to_numpy()
    return numpy.array(label), numpy.asarray(probabilities)
