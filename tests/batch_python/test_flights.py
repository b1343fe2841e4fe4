"""All flights of 2013: what onnxruntime says of a row stands in that row, through every format."""

import gzip
import io

import numpy
import pandas
import pyarrow
import pyarrow.csv
import pyarrow.ipc
import pyarrow.json
import pyarrow.parquet
import pytest
import zstandard

PROBABILITIES = ["probabilities.late", "probabilities.on-time"]
# More than the contract allows; a station reported it that year.
WIND = 1048


def unpacked(path):
    content = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(content)
    if path.suffix == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True) as reader:
            return reader.read()
    return content


def read(path):
    """By readers of other projects."""
    name = path.name
    if ".csv" in name:
        return pandas.read_csv(io.BytesIO(unpacked(path)), dtype={"error": object})
    if ".ndjson" in name:
        return pandas.read_json(io.BytesIO(unpacked(path)), lines=True, dtype=False)
    if name.endswith(".parquet"):
        return pyarrow.parquet.read_table(path).to_pandas()
    with pyarrow.ipc.open_file(path) as file:
        return file.read_all().to_pandas()


def check(rows, table, expected):
    label, probabilities = expected
    assert rows["id"].astype(int).tolist() == list(range(len(table)))
    assert (rows["error"].isna() | (rows["error"] == "")).all()
    assert (rows["label"].to_numpy() == label).all()
    assert numpy.abs(rows[PROBABILITIES].to_numpy(dtype=float) - probabilities).max() <= 1e-6


@pytest.mark.parametrize("output", ["csv", "csv.gz", "csv.zst", "ndjson", "ndjson.gz", "ndjson.zst", "parquet", "arrow"])
@pytest.mark.parametrize("source", ["csv", "parquet"])
def test_every_flight_is_predicted_as_by_onnxruntime(source, output, inputs, table, expected, predict, directory):
    name = f"{source}-to.{output}"
    predict("--input", f"flights.{source}", "--output", name, "--keep", "id", "--on-bad-row", "null")
    check(read(directory / name), table, expected)


def test_there_and_back_nothing_changes(inputs, table, expected, predict, directory):
    keep = ",".join(table.columns)
    options = ["--keep", keep, "--on-bad-row", "null"]
    predict("--input", "flights.csv", "--output", "there.parquet", *options)
    predict("--input", "there.parquet", "--output", "back.csv", *options)
    there = pyarrow.parquet.read_table(directory / "there.parquet")
    assert there.column_names == [*table.columns, "label", *PROBABILITIES, "error"]
    back = pandas.read_csv(directory / "back.csv")
    check(back, table, expected)
    pandas.testing.assert_frame_equal(back[table.columns], table, check_dtype=False)


def test_types_of_parquet_are_kept(inputs, table, predict, directory):
    keep = ",".join(table.columns)
    predict("--input", "flights.parquet", "--output", "kept.parquet", "--keep", keep)
    kept = pyarrow.parquet.read_table(directory / "kept.parquet")
    before = pyarrow.parquet.read_table(directory / "flights.parquet")
    assert [kept.schema.field(name).type for name in table.columns] == [
        before.schema.field(name).type for name in table.columns]
    assert [kept.schema.field(name).type for name in PROBABILITIES] == [pyarrow.float32()] * 2
    assert kept.select(table.columns.tolist()).equals(before)


def test_parquet_has_row_groups_and_statistics_that_are_true(inputs, table, predict, directory):
    predict("--input", "flights.parquet", "--output", "groups.parquet", "--keep", "id,carrier", "--on-bad-row", "null")
    file = pyarrow.parquet.ParquetFile(directory / "groups.parquet")
    metadata = file.metadata
    assert metadata.num_rows == len(table)
    assert metadata.num_row_groups == -(-len(table) // 16_384)
    first = 0
    for number in range(metadata.num_row_groups):
        group, rows = metadata.row_group(number), file.read_row_group(number)
        assert group.num_rows == rows.num_rows <= 16_384
        for column in range(group.num_columns):
            chunk = group.column(column)
            values = rows.column(chunk.path_in_schema)
            # Snappy does not make scores smaller.
            is_score = chunk.path_in_schema.startswith("probabilities.")
            assert chunk.compression == ("UNCOMPRESSED" if is_score else "SNAPPY")
            assert chunk.num_values == len(values)
            if chunk.statistics is not None:
                assert chunk.statistics.null_count == values.null_count
                if chunk.statistics.has_min_max:
                    extremes = pyarrow.compute.min_max(values).as_py()
                    assert (chunk.statistics.min, chunk.statistics.max) == (extremes["min"], extremes["max"])
        ids = group.column(0).statistics
        assert (ids.min, ids.max) == (first, first + group.num_rows - 1)
        first += group.num_rows
    filtered = pyarrow.parquet.read_table(directory / "groups.parquet", filters=[("id", "==", 200_000)])
    assert filtered["id"].to_pylist() == [200_000]


def test_arrow_batches_can_be_read_one_by_one(inputs, table, predict, directory):
    predict("--input", "flights.parquet", "--output", "batches.arrow", "--keep", "id", "--on-bad-row", "null")
    with pyarrow.ipc.open_file(directory / "batches.arrow") as file:
        first = 0
        for number in range(file.num_record_batches):
            batch = file.get_batch(number)
            batch.validate(full=True)
            assert batch["id"][0].as_py() == first
            first += batch.num_rows
    assert first == len(table)


def test_bad_rows_among_a_year_are_told_and_the_others_are_not_touched(inputs, table, expected, predict, directory):
    bad = table.index % 9_999 == 5_000
    spoiled = table.copy()
    spoiled.loc[bad, "wind_speed"] = WIND
    spoiled.to_parquet(directory / "spoiled.parquet", index=False)
    options = ["--keep", "id", "--on-bad-row"]
    predict("--input", "spoiled.parquet", "--output", "drop.csv", *options, "drop")
    predict("--input", "spoiled.parquet", "--output", "null.parquet", *options, "null")
    for name in ["drop.csv", "null.parquet"]:
        rejects = pandas.read_csv(directory / f"{name}.rejects.csv")
        assert rejects["row"].tolist() == table.index[bad].tolist()
        assert set(rejects["column"]) == {"wind_speed"} and set(rejects["code"]) == {"above_max"}
    dropped, kept = read(directory / "drop.csv"), read(directory / "null.parquet")
    assert dropped["id"].tolist() == table.index[~bad].tolist()
    assert (kept["error"] == "wind_speed: above_max").tolist() == bad.tolist()
    label, probabilities = expected
    for rows in [dropped, kept[~bad]]:
        assert (rows["label"].to_numpy() == label[~bad]).all()
        assert numpy.abs(rows[PROBABILITIES].to_numpy(dtype=float) - probabilities[~bad]).max() <= 1e-6
    assert kept.loc[bad, ["label", *PROBABILITIES]].isna().all(axis=None)
