"""Trains both versions of the flight delay model and exports them with skl2onnx.

    pip install -r models/requirements.txt
    python3 models/flight-delay/train.py

Writes model.onnx and golden.json of versions 1 and 2, example.json and rows.json, and prints how good the versions are.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pandas
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True  # a cache directory here would look like a model
import flights  # noqa: E402
import golden  # noqa: E402

TEXTS = ["carrier", "origin", "dest"]
NUMBERS = ["weekday", "hour", "distance", "temp", "humid", "wind_speed", "precip", "pressure", "visib"]
COLUMNS = TEXTS + NUMBERS
LATE = "late"
TRAINED_MONTHS = (1, 2)
GOLDEN = [  # month, day, carrier, flight
    (1, 20, "UA", 1599),
    (1, 30, "B6", 36),  # late, in fog
    (1, 25, "AA", 21),  # nobody measured the pressure
    (1, 5, "DL", 1873),  # to EYW, which is not in the training data
    (1, 30, "OO", 8500),  # a carrier that is not, either
]
RENAMED = {  # what the exporter calls them
    "label": "raw_label",
    "output_label": "label",
    "probabilities": "raw_probabilities",
    "output_probability": "probabilities",
}


def logistic_regression():
    """A missing number becomes the median, an unknown or missing text a row of zeros."""
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), TEXTS),
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


def boosted_trees():
    """The trees have a branch for missing numbers. There are too many destinations for a column each: one becomes
    the share of its flights that were on time, an unknown or missing one the share of all flights."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["carrier", "origin"]),
        (TargetEncoder(cv=folds), ["dest"]),
        ("passthrough", NUMBERS),
    )
    trees = HistGradientBoostingClassifier(
        max_iter=200,
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=100,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    )
    return make_pipeline(columns, trees)


def read():
    table = flights.read()
    table[TEXTS] = table[TEXTS].astype(object)
    table[NUMBERS] = table[NUMBERS].astype(np.float32)  # as the ONNX model gets them
    table["answer"] = np.where(table["late"], LATE, "on-time")
    return table


def split(table):
    """Whole days are held out, because the flights of one day are late together."""
    table = table[table["month"].isin(TRAINED_MONTHS)]
    day = pandas.to_datetime(table[["year", "month", "day"]]).dt.day_of_year
    return table[day % 5 != 0], table[day % 5 == 0]


def export(pipeline, path):
    texts = [(name, StringTensorType([None, 1])) for name in TEXTS]
    numbers = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    model = convert_sklearn(pipeline, "flight-delay", texts + numbers, target_opset={"": 15, "ai.onnx.ml": 3})
    for node in model.graph.node:
        node.input[:] = [RENAMED.get(name, name) for name in node.input]
        node.output[:] = [RENAMED.get(name, name) for name in node.output]
    for output in model.graph.output:
        output.name = RENAMED[output.name]
    # The exporter lists them in the order of a set, which differs from run to run.
    model.opset_import.sort(key=lambda opset: opset.domain)
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def inputs(rows):
    texts = {name: rows[[name]].to_numpy(object) for name in TEXTS}
    return texts | {name: rows[[name]].to_numpy(np.float32) for name in NUMBERS}


def with_gaps(rows):
    """The same rows, and again with a fifth of all values missing and a fifth of the texts unknown."""
    random = np.random.default_rng(0)
    gaps = rows.copy()
    for name in COLUMNS:
        gaps.loc[random.random(len(rows)) < 0.2, name] = "" if name in TEXTS else np.nan
    for name in TEXTS:
        gaps.loc[random.random(len(rows)) < 0.2, name] = "??"
    return pandas.concat([rows, gaps])


def late(session, rows):
    return np.array([row[LATE] for row in session.run(["probabilities"], inputs(rows))[0]])


def report(version, pipeline, session, table, held_out):
    scores = late(session, held_out)
    area, loss = roc_auc_score(held_out["late"], scores), log_loss(held_out["late"], scores)
    print(f"version {version}: AUC {area:.3f}, log loss {loss:.3f} on {len(held_out)} held-out flights")
    later = table[~table["month"].isin(TRAINED_MONTHS)]
    months = [f"{roc_auc_score(rows['late'], late(session, rows)):.3f}" for _, rows in later.groupby("month")]
    print("  AUC of the later months:", " ".join(months))

    rows = with_gaps(held_out[COLUMNS])
    expected = pipeline.predict_proba(rows)[:, list(pipeline.classes_).index(LATE)]
    apart = np.abs(late(session, rows) - expected)
    same = session.run(["label"], inputs(rows))[0] == pipeline.predict(rows)
    print(
        f"  {apart.max():.1e} from scikit-learn at most on {len(rows)} rows, half of them with gaps;"
        f" {np.sum(apart > 1e-5)} rows by more than 1e-5, {np.sum(~same)} other labels"
    )


def golden_rows(held_out):
    """Each flight alone (but for the last), all together, and one of which next to nothing is known."""
    flown = held_out.set_index(["month", "day", "carrier", "flight"], drop=False)
    single = [flown.loc[[flight], COLUMNS] for flight in GOLDEN]
    unknown = single[0].copy()
    unknown[TEXTS] = ""
    unknown[[name for name in NUMBERS if name != "hour"]] = np.nan
    return [*single[:4], pandas.concat(single), unknown]


def write_examples(rows):
    """The first row as a v2 request, three rows as a v1 request; on one line each row, short enough to paste."""
    tensors = golden.request(inputs(rows[0]))
    (HERE / "example.json").write_text(json.dumps(tensors, separators=(",", ":")) + "\n", encoding="utf-8")
    lines = [json.dumps(instance(row)) for row in rows[:3]]
    (HERE / "rows.json").write_text('{"instances": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


def instance(row):
    return {name: golden.tensor(name, value)["data"][0] for name, value in inputs(row).items()}


def main():
    table = read()
    train, held_out = split(table)
    shares = table.groupby("month")["late"].mean()
    print(f"trained on {len(train)} flights; late in each month:", " ".join(f"{share:.1%}" for share in shares))
    rows = golden_rows(held_out)
    for version, make in (1, logistic_regression), (2, boosted_trees):
        pipeline = make().fit(train[COLUMNS], train["answer"])
        directory = HERE / str(version)
        export(pipeline, directory / "model.onnx")
        session = golden.open_model(directory / "model.onnx")
        report(version, pipeline, session, table, held_out)
        examples = golden.write(directory, [inputs(each) for each in rows])
        for each in examples:
            print(" ", *(output["data"] for output in each["response"]["outputs"]))
    write_examples(rows)


if __name__ == "__main__":
    main()
