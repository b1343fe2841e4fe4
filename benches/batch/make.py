#!/usr/bin/env python3
"""Writes the flights that the bench `batch` predicts: all 336,776 of 2013, in the package's order.

    pip install -r benches/batch/requirements.txt
    python3 benches/batch/make.py DIRECTORY

`flights.csv` and `flights.parquet` hold the inputs of the model `flight-delay`, an id and the hour.
`large.parquet` has twenty million of them, over and over, in row groups of 100,000.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models"))

import flights  # noqa: E402
import pyarrow  # noqa: E402
import pyarrow.parquet  # noqa: E402

COLUMNS = [
    "id", "carrier", "origin", "dest", "weekday", "hour", "distance", "temp", "humid", "wind_speed", "precip",
    "pressure", "visib", "time_hour",
]  # fmt: skip
LARGE = 20_000_000


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    large = directory / "large.parquet"
    if large.is_file():
        return
    rows = joined()
    rows.to_csv(directory / "flights.csv", index=False)
    rows.to_parquet(directory / "flights.parquet", index=False)
    table = pyarrow.Table.from_pandas(rows, preserve_index=False)
    part = large.with_suffix(".part")
    with pyarrow.parquet.ParquetWriter(part, table.schema) as writer:
        left = LARGE
        while left > 0:
            writer.write_table(table.slice(0, min(left, len(rows))), row_group_size=100_000)
            left -= len(rows)
    part.rename(large)


def joined():
    rows = flights.planned()
    rows.insert(0, "id", range(len(rows)))
    return rows[COLUMNS]


if __name__ == "__main__":
    main()
