"""Trees, forests and boosted trees of scikit-learn."""

import numpy as np
from skl2onnx.sklapi import CastTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from exports_shared import HOLE, HOLES, LEVELS, NUMBER, ODD, SEVERAL, TARGETS, THREE, TWO, WHOLE, YES_NO, sk
from exports_sklearn_linear import COLUMNS, PLAIN, RAW_PLAIN

AT = {"thresholds": True}
V3 = {"": 15, "ai.onnx.ml": 3}


def narrowed(model):
    """With float64 the exporter says that trees give float64, which no runtime accepts: its remedy is a cast."""
    return make_pipeline(CastTransformer(), model)


tree = {"max_depth": 4, "random_state": 0}
forest = {"n_estimators": 3, "max_depth": 3, "random_state": 0, "n_jobs": 1}
some = {"n_estimators": 3, "random_state": 0}

sk("trees", "tree-binary", DecisionTreeClassifier(**tree), TWO, **AT)
sk("trees", "tree-multiclass-texts", DecisionTreeClassifier(**tree), LEVELS, options=PLAIN, **AT)
sk("trees", "tree-float64", narrowed(DecisionTreeClassifier(**tree)), LEVELS, dtype=np.float64, options=PLAIN, **AT)
sk("trees", "tree-int64", DecisionTreeClassifier(**tree), ODD, WHOLE, dtype=np.int64, edge=[[0, 9, -9, 3]])
sk("trees", "tree-one-leaf", DecisionTreeClassifier(max_depth=1, min_samples_leaf=90), TWO, options=PLAIN)
sk("trees", "extra-tree", ExtraTreeClassifier(**tree), YES_NO, options=PLAIN, **AT)
sk("trees", "tree-regressor", DecisionTreeRegressor(**tree), NUMBER, **AT)
sk("trees", "tree-regressor-two-targets", DecisionTreeRegressor(**tree), TARGETS, **AT)
sk("trees", "extra-tree-regressor", ExtraTreeRegressor(**tree), NUMBER, **AT)

sk("forests", "forest-binary", RandomForestClassifier(**forest), TWO, options=PLAIN, **AT)
sk("forests", "forest-multiclass-texts", RandomForestClassifier(**forest), LEVELS, **AT)
sk("forests", "forest-bools", RandomForestClassifier(**forest), TWO.astype(bool), options=PLAIN)
sk("forests", "forest-multilabel", RandomForestClassifier(**forest), SEVERAL, options=PLAIN, **AT)
sk("forests", "forest-float64", RandomForestClassifier(**forest), THREE, dtype=np.float64, options=PLAIN, **AT)
sk("forests", "forest-old-opset", RandomForestClassifier(**forest), LEVELS, opset={"": 9, "ai.onnx.ml": 1})
sk("forests", "extra-trees", ExtraTreesClassifier(**forest), LEVELS, options=PLAIN, **AT)
sk("forests", "forest-regressor", RandomForestRegressor(**forest), NUMBER, **AT)
sk("forests", "forest-regressor-two-targets", RandomForestRegressor(**forest), TARGETS, **AT)
sk("forests", "forest-regressor-float64", narrowed(RandomForestRegressor(**forest)), NUMBER, dtype=np.float64, **AT)
isolation = IsolationForest(n_estimators=2, max_samples=8, random_state=0)
sk("forests", "isolation-forest", IsolationForest(n_estimators=2, max_samples=16, random_state=0), opset=V3)
sk("forests", "isolation-forest-float64", narrowed(isolation), dtype=np.float64, opset=V3)

boosting = {"n_estimators": 3, "max_depth": 3, "random_state": 0}
sk("boosted trees", "gradient-boosting-binary", GradientBoostingClassifier(**boosting), YES_NO, **AT)
sk("boosted trees", "gradient-boosting-multiclass", GradientBoostingClassifier(**boosting), LEVELS, options=PLAIN, **AT)
sk(
    "boosted trees",
    "gradient-boosting-float64",
    narrowed(GradientBoostingClassifier(**boosting)),
    TWO,
    dtype=np.float64,
    options=PLAIN,
    **AT,
)
sk("boosted trees", "gradient-boosting-regressor", GradientBoostingRegressor(**boosting), NUMBER, **AT)

hist = {"max_iter": 3, "max_leaf_nodes": 6, "random_state": 0, "early_stopping": False}
categories = {"categorical_features": [0, 2]}
sk("boosted trees", "hist-binary", HistGradientBoostingClassifier(**hist), TWO, **AT)
sk("boosted trees", "hist-missing", HistGradientBoostingClassifier(**hist), YES_NO, HOLES, edge=HOLE)
sk(
    "boosted trees",
    "hist-missing-multiclass",
    HistGradientBoostingClassifier(**hist),
    LEVELS,
    HOLES,
    edge=HOLE,
    options=COLUMNS,
)
sk(
    "boosted trees",
    "hist-float64",
    narrowed(HistGradientBoostingClassifier(**hist)),
    LEVELS,
    HOLES,
    edge=HOLE,
    dtype=np.float64,
    options=PLAIN,
)
sk("boosted trees", "hist-raw-scores", HistGradientBoostingClassifier(**hist), TWO, options=RAW_PLAIN)
sk("boosted trees", "hist-regressor", HistGradientBoostingRegressor(**hist), NUMBER, **AT)
sk("boosted trees", "hist-regressor-missing", HistGradientBoostingRegressor(**hist), NUMBER, HOLES, edge=HOLE)

sk(
    "boosted trees",
    "ada-boost-multiclass",
    AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), **some),
    LEVELS,
    options=PLAIN,
)
sk("boosted trees", "ada-boost-regressor", AdaBoostRegressor(**some), NUMBER)
sk("forests", "bagging", BaggingClassifier(DecisionTreeClassifier(max_depth=3), **some), LEVELS)
sk("forests", "bagging-regressor", BaggingRegressor(DecisionTreeRegressor(max_depth=3), **some), NUMBER)
