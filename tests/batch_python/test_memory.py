"""Memory does not grow with the rows. `make batch-large` does the same with twenty million."""

import os
import subprocess
import time
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet
import pytest

from conftest import COLUMNS

ROWS = int(os.environ.get("ONNXD_BATCH_ROWS", 2_000_000))
MOST_KB = 400_000
GROUP = 1_000_000


@pytest.fixture(scope="module")
def large(directory):
    path = directory / "large.parquet"
    random = numpy.random.default_rng(7)
    writer = None
    for first in range(0, ROWS, GROUP):
        rows = min(GROUP, ROWS - first)
        number = lambda low, high: random.uniform(low, high, rows).astype(numpy.float32)  # noqa: E731
        texts = lambda *all: numpy.array(all)[random.integers(0, len(all), rows)]  # noqa: E731
        columns = {
            "id": numpy.arange(first, first + rows),
            "carrier": texts("UA", "AA", "B6", "DL", "EV"),
            "origin": texts("EWR", "LGA", "JFK"),
            "dest": texts("IAH", "MIA", "BQN", "ATL", "ORD"),
            "weekday": random.integers(1, 8, rows),
            "hour": random.integers(0, 24, rows),
            "distance": number(100, 5000), "temp": number(0, 100), "humid": number(0, 100),
            "wind_speed": number(0, 50), "precip": number(0, 1), "pressure": number(990, 1030),
            "visib": number(0, 10),
        }
        table = pyarrow.table(columns)
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
    assert set(COLUMNS) <= set(table.column_names)
    return path


@pytest.mark.parametrize("output", ["parquet", "csv"])
def test_memory_is_bounded_whatever_the_rows(large, output, directory, predict):
    command = predict.command("--input", large, "--output", directory / f"large-out.{output}", "--keep", "id")
    begun = time.monotonic()
    process = subprocess.Popen(command, env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    # Not by the usage of the child: that counts the memory of this process, which it was forked from.
    while process.poll() is None:
        most = max(most, resident(process.pid))
        time.sleep(0.01)
    seconds = time.monotonic() - begun
    print(f"{ROWS} rows to {output}: {most} kB, {seconds:.1f} s, {ROWS / seconds:.0f} rows/s")
    assert process.returncode == 0
    assert 0 < most < MOST_KB


def resident(pid):
    """The most memory of a process so far, in kB; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
