"""Made-up flights for models/flight-delay, and what falls into which bin of a profile."""

import csv
import math
from pathlib import Path

import numpy as np

NUMBERS = ["weekday", "hour", "distance", "temp", "humid", "wind_speed", "precip", "pressure", "visib"]
TEXTS = ["carrier", "origin", "dest"]

LEAST_SHARE = 1e-4
"""As the rules have it."""

Table = dict[str, np.ndarray]


def table(rows: int, seed: int) -> Table:
    random = np.random.default_rng(seed)
    measured = {
        "weekday": random.integers(1, 8, rows),
        "hour": random.integers(5, 23, rows),
        "distance": random.gamma(4, 260, rows).round(),
        "temp": random.normal(40, 10, rows).round(2),
        "humid": random.uniform(30, 100, rows).round(2),
        "wind_speed": random.gamma(4, 2.5, rows).round(3),
        "precip": np.where(random.random(rows) < 0.9, 0, random.exponential(0.05, rows).round(2)),
        "pressure": np.where(random.random(rows) < 0.11, np.nan, random.normal(1017, 8, rows).round(1)),
        "visib": random.choice([10, 9, 7, 3, 1], rows, p=[0.8, 0.05, 0.05, 0.05, 0.05]),
    }
    texts = {
        "carrier": random.choice(["UA", "B6", "EV", "DL", "AA", "MQ"], rows, p=[0.25, 0.2, 0.2, 0.15, 0.1, 0.1]),
        "origin": random.choice(["EWR", "JFK", "LGA"], rows, p=[0.4, 0.35, 0.25]),
        "dest": random.choice(["IAH", "ORD", "LAX", "BOS", "MCO", "ATL"], rows),
    }
    return texts | {name: column.astype(np.float32) for name, column in measured.items()}


def write(path: Path, columns: Table) -> None:
    missing = lambda value: isinstance(value, np.floating) and math.isnan(value)  # noqa: E731
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(["" if missing(value) else value for value in row] for row in zip(*columns.values()))


def request(columns: Table) -> dict:
    """For the open inference protocol."""

    def tensor(name: str, column: np.ndarray) -> dict:
        datatype = "BYTES" if name in TEXTS else "FP32"
        data = [None if value != value else value for value in column.tolist()]
        return {"name": name, "datatype": datatype, "shape": [len(data), 1], "data": data}

    return {"inputs": [tensor(name, column) for name, column in columns.items()]}


def predictions(answer: dict) -> Table:
    """By the names that the profile gives them."""
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    probabilities = np.array(outputs["probabilities"], np.float32).reshape(-1, 2)
    late, on_time = probabilities.T
    return {"label": np.array(outputs["label"]), "probabilities.late": late, "probabilities.on-time": on_time}


def join(tables: list[Table]) -> Table:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def counts(bins: dict, values: np.ndarray) -> np.ndarray:
    """How many values fall into each bin of a feature of a profile: intervals closed on the right, or
    categories and others; missing; and of numbers the infinities."""
    if "texts" in bins:
        places = {text: place for place, text in enumerate(bins["texts"])}
        found = [places.get(text, len(places) + (text == "")) for text in values.tolist()]
        return np.bincount(found, minlength=len(places) + 2)
    # As doubles: the edges are.
    values = values.astype(np.float64)
    finite = values[np.isfinite(values)]
    if "edges" in bins:
        found = np.searchsorted(bins["edges"], finite, side="left")
        inner = np.bincount(found, minlength=len(bins["edges"]) + 1)
    else:
        inner = np.array([(finite == number).sum() for number in bins["numbers"]])
        inner = np.append(inner, len(finite) - inner.sum())
    special = [np.isnan(values).sum(), np.isneginf(values).sum(), np.isposinf(values).sum()]
    return np.append(inner, special)


def psi(reference: np.ndarray, current: np.ndarray) -> float:
    before, now = (np.maximum(side / side.sum(), LEAST_SHARE) for side in (reference, current))
    return float(((now - before) * np.log(now / before)).sum())
