"""XGBoost, LightGBM and CatBoost, alone and at the end of a pipeline of scikit-learn."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm as lightgbm_node
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost as xgboost_node
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType as SklearnFloats
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor

from exports_pipelines import NUMBERS, TEXTS, columns, gaps_kept, ordinal, usual
from exports_shared import (
    COUNTS,
    EDGE,
    HOLE,
    HOLES,
    LEVELS,
    NUMBER,
    THREE,
    TWO,
    WHOLE,
    YES_NO,
    X,
    export,
    on_thresholds,
    three,
)

CLASSIFIERS = {"nocl": [True, False], "zipmap": [True, False, "columns"], "raw_scores": [True, False]}
PLAIN = {"zipmap": False}
for model, node in (XGBClassifier, xgboost_node), (XGBRFClassifier, xgboost_node), (LGBMClassifier, lightgbm_node):
    update_registered_converter(
        model, model.__name__, calculate_linear_classifier_output_shapes, node, options=CLASSIFIERS
    )
for model, node in (
    (XGBRegressor, xgboost_node),
    (XGBRFRegressor, xgboost_node),
    (XGBRanker, xgboost_node),
    (LGBMRegressor, lightgbm_node),
    (LGBMRanker, lightgbm_node),
):
    update_registered_converter(
        model, model.__name__, calculate_linear_regressor_output_shapes, node, options={"split": None}
    )


def examples(model, x, edge, thresholds):
    last = on_thresholds(model, edge) if thresholds else edge
    return [{"X": each} for each in three(x, last, np.float32)]


def alone(family, name, model, y, x=X, *, edge=EDGE, thresholds=False, convert, fit=None, opset=15, **options):
    def make():
        model.fit(x, y, **(fit or {}))
        types = [("X", FloatTensorType([None, x.shape[1]]))]
        converted = convert(model, initial_types=types, target_opset=opset, **options)
        return converted, examples(converted, x, edge, thresholds)

    export(family, name, make)


def xgb(name, model, y, *more, **options):
    alone("xgboost", f"xgboost-{name}", model, y, *more, convert=convert_xgboost, **options)


def lgb(name, model, y, *more, **options):
    alone("lightgbm", f"lightgbm-{name}", model, y, *more, convert=convert_lightgbm, **options)


def through_sklearn(family, name, model, y, x=X, *, edge=EDGE, options=None, fit=None):
    """By way of skl2onnx, which knows zipmap=False and takes what onnxmltools alone refuses."""

    def make():
        model.fit(x, y, **(fit or {}))
        chosen = {id(model): options} if options else None
        types = [("X", SklearnFloats([None, x.shape[1]]))]
        opset = {"": 15, "ai.onnx.ml": 3}
        converted = to_onnx(model, initial_types=types, options=chosen, target_opset=opset)
        return converted, examples(converted, x, edge, False)

    export(family, name, make)


SMALL = {"n_estimators": 3, "max_depth": 3, "random_state": 0, "n_jobs": 1}
AT = {"thresholds": True}
xgb("binary", XGBClassifier(**SMALL), TWO, **AT)
xgb("multiclass", XGBClassifier(**SMALL), THREE, **AT)
xgb("binary-base-score", XGBClassifier(base_score=0.2, **SMALL), TWO)
xgb("binary-balanced-base-score", XGBClassifier(base_score=0.5, **SMALL), TWO, **AT)
xgb("missing", XGBClassifier(**SMALL), TWO, HOLES, edge=HOLE)
xgb("missing-multiclass", XGBClassifier(**SMALL), THREE, HOLES, edge=HOLE)
xgb("hinge", XGBClassifier(objective="binary:hinge", **SMALL), TWO)
xgb("stumps", XGBClassifier(**SMALL | {"max_depth": 1}), TWO)
xgb("leaf-wise", XGBClassifier(grow_policy="lossguide", max_leaves=6, **SMALL | {"max_depth": 0}), TWO)
xgb("random-forest", XGBRFClassifier(**SMALL), TWO)
xgb("regressor", XGBRegressor(**SMALL), NUMBER, **AT)
xgb("regressor-base-score", XGBRegressor(base_score=2.5, **SMALL), NUMBER)
xgb("regressor-missing", XGBRegressor(**SMALL), NUMBER, HOLES, edge=HOLE)
xgb("regressor-poisson", XGBRegressor(objective="count:poisson", **SMALL), COUNTS)
xgb(
    "categories",
    XGBRegressor(enable_categorical=True, feature_types=["q", "c", "c", "q"], max_cat_to_onehot=1, **SMALL),
    NUMBER,
    WHOLE,
    edge=[[0, 5, 0, 5]],
)
through_sklearn("xgboost", "xgboost-plain", XGBClassifier(**SMALL), THREE, options=PLAIN)
through_sklearn("xgboost", "xgboost-columns", XGBClassifier(**SMALL), TWO, options={"zipmap": "columns"})
through_sklearn("xgboost", "xgboost-ranker", XGBRanker(**SMALL), np.clip(COUNTS, 0, 4), fit={"group": [10] * 16})

LIGHT = {"n_estimators": 3, "num_leaves": 6, "min_child_samples": 5, "random_state": 0, "n_jobs": 1, "verbose": -1}
LIGHT |= {"deterministic": True, "force_row_wise": True}
KINDS = {"fit": {"categorical_feature": [1, 2]}, "edge": [[0, 5, 77, 5]]}
lgb("binary", LGBMClassifier(**LIGHT), TWO, **AT)
lgb("binary-plain", LGBMClassifier(**LIGHT), YES_NO, zipmap=False)
lgb("multiclass", LGBMClassifier(**LIGHT), LEVELS)
lgb("missing", LGBMClassifier(**LIGHT), TWO, HOLES, edge=HOLE, zipmap=False)
lgb("missing-not-used", LGBMClassifier(use_missing=False, **LIGHT), TWO, HOLES, edge=HOLE, zipmap=False)
lgb("zero-as-missing", LGBMClassifier(zero_as_missing=True, **LIGHT), TWO, WHOLE, edge=[[0, 0, 1, 9]], zipmap=False)
lgb("categories", LGBMClassifier(**LIGHT), TWO, WHOLE, zipmap=False, **KINDS)
lgb("categories-regressor", LGBMRegressor(**LIGHT), NUMBER, WHOLE, **KINDS)
lgb("regressor", LGBMRegressor(**LIGHT), NUMBER, **AT)
lgb("regressor-missing", LGBMRegressor(**LIGHT), NUMBER, HOLES, edge=HOLE)
lgb("regressor-poisson", LGBMRegressor(objective="poisson", **LIGHT), COUNTS)
lgb("regressor-gamma", LGBMRegressor(objective="gamma", **LIGHT), COUNTS + 1)
lgb("ranker", LGBMRanker(**LIGHT), np.clip(COUNTS, 0, 4), fit={"group": [10] * 16})
through_sklearn("lightgbm", "lightgbm-raw-scores", LGBMClassifier(**LIGHT), TWO, options=PLAIN | {"raw_scores": True})


def catboost(name, model, y, x=X, *, edge=EDGE):
    """CatBoost writes the file itself."""

    def make():
        model.fit(x, y)
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "model.onnx"
            model.save_model(str(file), format="onnx")
            converted = onnx.load(str(file))
        (input_name,) = (each.name for each in converted.graph.input)
        found = examples(converted, x, edge, False)
        return converted, [{input_name: each["X"]} for each in found]

    export("catboost", f"catboost-{name}", make)


CAT = {"iterations": 3, "depth": 3, "random_seed": 0, "thread_count": 1, "verbose": False, "allow_writing_files": False}
catboost("binary", CatBoostClassifier(**CAT), TWO)
catboost("binary-texts", CatBoostClassifier(**CAT), YES_NO)
catboost("multiclass", CatBoostClassifier(**CAT), THREE)
catboost("missing", CatBoostClassifier(**CAT), TWO, HOLES, edge=HOLE)
catboost("missing-is-large", CatBoostClassifier(nan_mode="Max", **CAT), TWO, HOLES, edge=HOLE)
catboost("regressor", CatBoostRegressor(**CAT), NUMBER)
catboost("regressor-missing", CatBoostRegressor(**CAT), NUMBER, HOLES, edge=HOLE)

xgb_model, lgb_model = XGBClassifier(**SMALL), LGBMClassifier(**LIGHT)
numbers_only = make_column_transformer((ordinal, TEXTS), ("passthrough", NUMBERS))
V3 = {"opset": {"": 15, "ai.onnx.ml": 3}}
columns("xgboost", "columns-xgboost", make_pipeline(usual, xgb_model), TWO, **V3)
columns("xgboost", "columns-xgboost-gaps", make_pipeline(numbers_only, XGBClassifier(**SMALL)), TWO, **V3)
columns("xgboost", "columns-xgboost-regressor", make_pipeline(gaps_kept, XGBRegressor(**SMALL)), NUMBER, **V3)
columns("lightgbm", "columns-lightgbm-gaps", make_pipeline(numbers_only, LGBMClassifier(**LIGHT)), YES_NO, **V3)
columns("lightgbm", "columns-lightgbm-regressor", make_pipeline(gaps_kept, LGBMRegressor(**LIGHT)), NUMBER, **V3)
