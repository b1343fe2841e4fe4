"""Trains the tree models that the bench measures, and exports them to ONNX.

    pip install -r benches/trees/requirements.txt
    python3 benches/trees/make.py DIRECTORY

Writes NAME.onnx, NAME.f32 (1,000 rows of input, little-endian float32, row by row) and NAME.json (what they
are) for each model, unless the directory holds what this script made before.
"""

import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "models"
sys.path.insert(0, str(SHARED))
sys.dont_write_bytecode = True  # a cache directory there would look like a model

SOURCES = [HERE / "make.py", HERE / "requirements.txt", SHARED / "flights.py"]
NAMES = ["rf_wine", "xgb_flights", "hgb_flights", "lgbm_flights", "xgb_regressor", "isolation_forest", "rf_deep"]
FEATURES = [
    "month", "day", "weekday", "sched_dep_time", "sched_arr_time", "distance",
    "temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib",
]  # fmt: skip
OPSETS = {"": 15, "ai.onnx.ml": 3}
ROWS = 1000


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    stamp = directory / "sources.sha256"
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()
    files = [directory / f"{name}.{end}" for name in NAMES for end in ("onnx", "f32", "json")]
    if all(path.is_file() for path in files) and stamp.is_file() and stamp.read_text() == wanted:
        return
    for name, (model, rows, expected) in zip(NAMES, models(), strict=True):
        save(directory, name, model, rows, expected)
    stamp.write_text(wanted)  # last: an interrupted run is repeated


def models():
    """In the order of NAMES: the ONNX model, its rows, what the library that trained it says of them."""
    # Here, because importing them takes seconds and most runs have nothing to do.
    import flights
    import lightgbm
    import numpy as np
    import onnxmltools
    import skl2onnx
    import xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType as ToolsFloats
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.datasets import load_wine
    from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier

    def sklearn_onnx(model):
        types = [("input", FloatTensorType([None, model.n_features_in_]))]
        options = {id(model): {"zipmap": False}} if hasattr(model, "classes_") else None
        return skl2onnx.to_onnx(model, initial_types=types, target_opset=OPSETS, options=options)

    def tools_onnx(convert, model, **options):
        types = [("input", ToolsFloats([None, len(FEATURES)]))]
        return convert(model, initial_types=types, target_opset=OPSETS[""], **options)

    wine, cultivars = load_wine(return_X_y=True)
    wine = wine.astype(np.float32)
    forest = RandomForestClassifier(n_estimators=100, random_state=0).fit(wine, cultivars)
    rows = np.resize(wine, (ROWS, wine.shape[1]))
    yield sklearn_onnx(forest), rows, forest.predict_proba(rows)

    table = flights.read().sample(frac=1, random_state=0)
    inputs, late = table[FEATURES].to_numpy(np.float32), table["late"].to_numpy(int)
    delay = table["arr_delay"].to_numpy(np.float32)
    # Measured rows are not among those trained on. Measurements are missing in some of them.
    rows, inputs, late, delay = inputs[:ROWS], inputs[ROWS:101_000], late[ROWS:101_000], delay[ROWS:101_000]

    boosted = xgboost.XGBClassifier(n_estimators=100, max_depth=6, random_state=0).fit(inputs, late)
    yield tools_onnx(onnxmltools.convert_xgboost, boosted), rows, boosted.predict_proba(rows)

    boosted = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=31, early_stopping=False, random_state=0)
    boosted.fit(inputs, late)
    yield sklearn_onnx(boosted), rows, boosted.predict_proba(rows)

    boosted = lightgbm.LGBMClassifier(n_estimators=100, num_leaves=31, random_state=0, verbose=-1).fit(inputs, late)
    yield tools_onnx(onnxmltools.convert_lightgbm, boosted, zipmap=False), rows, boosted.predict_proba(rows)

    regressor = xgboost.XGBRegressor(n_estimators=100, max_depth=8, random_state=0).fit(inputs, delay)
    yield tools_onnx(onnxmltools.convert_xgboost, regressor), rows, regressor.predict(rows)[:, None]

    # The rest takes no missing values.
    complete = ~np.isnan(inputs).any(axis=1)
    inputs, late = inputs[complete], late[complete]
    rows, inputs, late = inputs[:ROWS], inputs[ROWS:21_000], late[ROWS:21_000]

    outliers = IsolationForest(n_estimators=100, random_state=0).fit(inputs)
    yield sklearn_onnx(outliers), rows, outliers.decision_function(rows)[:, None]

    forest = RandomForestClassifier(n_estimators=100, random_state=0, n_jobs=2).fit(inputs, late)
    yield sklearn_onnx(forest), rows, forest.predict_proba(rows)


def save(directory, name, model, rows, expected):
    import numpy as np
    import onnxruntime

    content = model.SerializeToString()
    (directory / f"{name}.onnx").write_bytes(content)
    (directory / f"{name}.f32").write_bytes(rows.astype("<f4").tobytes())
    onnxruntime.set_default_logger_severity(3)  # LightGBM's exporter declares one label whatever the rows
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    about = {"features": rows.shape[1], "input": session.get_inputs()[0].name, "outputs": outputs}
    (directory / f"{name}.json").write_text(json.dumps(about) + "\n", encoding="utf-8")

    answers = session.run(outputs, {about["input"]: rows})
    apart = float(np.abs(answers[-1] - expected).max())
    operators = sorted({(node.domain or "ai.onnx") + "." + node.op_type for node in model.graph.node})
    print(f"{name}: {len(content):,} bytes, {apart:.1e} from the original at most; {', '.join(operators)}")


if __name__ == "__main__":
    main()
