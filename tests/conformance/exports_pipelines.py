"""Pipelines of scikit-learn as people train them: texts and numbers, an input for each column, gaps, unknown texts."""

import numpy as np
import pandas
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)

from exports_shared import HOLE, HOLES, LEVELS, NAN, NUMBER, TWO, WORDS, YES_NO, X, export, sk
from exports_sklearn_linear import COLUMNS, PLAIN

NOTES = np.array(["late and loud", "good crew", "cold food", "on time", "good food on time"], object)
_random = np.random.default_rng(3)
TABLE = pandas.DataFrame(
    {
        "color": WORDS[:, 0],
        "shade": np.where(_random.random(160) < 0.1, "", WORDS[:, 1]).astype(object),
        "length": HOLES[:, 0],
        "weight": HOLES[:, 1],
        "price": X[:, 2],
        "year": _random.integers(2015, 2024, size=160),
        "note": NOTES[_random.integers(0, 5, size=160)],
    }
)
EDGE = {"color": "pink", "shade": "", "length": NAN, "weight": NAN, "price": 0.0, "year": 1900, "note": ""}
TEXTS, GAPS = ["color", "shade"], ["length", "weight"]
NUMBERS = [*GAPS, "price"]
BASIC = [*TEXTS, *NUMBERS]


def columns(family, name, pipeline, y, names=BASIC, *, wide=False, edge=None, options=None, opset=None):
    """One input for each column."""

    def kind(name):
        if name in (*TEXTS, "note"):
            return StringTensorType, object
        if name == "year":
            return Int64TensorType, np.int64
        return (DoubleTensorType, np.float64) if wide else (FloatTensorType, np.float32)

    def arrays(rows):
        return {name: rows[[name]].to_numpy().astype(kind(name)[1]) for name in names}

    def make():
        pipeline.fit(TABLE[names], y)
        types = [(name, kind(name)[0]([None, 1])) for name in names]
        chosen = {id(pipeline): options} if options else None
        model = to_onnx(pipeline, initial_types=types, options=chosen, target_opset=opset)
        last = pandas.DataFrame([EDGE | (edge or {})])
        return model, [arrays(rows) for rows in (TABLE[:1], last, TABLE[1:13])]

    export(family, name, make)


def one_hot(**more):
    return OneHotEncoder(handle_unknown="ignore", sparse_output=False, **more)


def pipe(name, *steps, **more):
    *steps, y = steps
    columns("pipelines", name, make_pipeline(*steps), y, **more)


ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
filled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
usual = make_column_transformer((one_hot(), TEXTS), (filled, NUMBERS))
logistic = LogisticRegression()
hist = {"max_iter": 3, "max_leaf_nodes": 6, "random_state": 0, "early_stopping": False}
forest = {"n_estimators": 3, "max_depth": 3, "random_state": 0}

pipe("columns-logistic", usual, logistic, YES_NO)
pipe("columns-logistic-multiclass", usual, logistic, LEVELS, options=COLUMNS)
pipe(
    "columns-ridge-float64",
    make_column_transformer((one_hot(), TEXTS), (StandardScaler(), ["price"])),
    Ridge(),
    NUMBER,
    names=[*TEXTS, "price"],
    wide=True,
)
pipe("columns-ridge", usual, Ridge(), NUMBER)
pipe(
    "columns-forest",
    make_column_transformer((ordinal, TEXTS), (SimpleImputer(), NUMBERS)),
    RandomForestClassifier(**forest),
    LEVELS,
)
pipe(
    "columns-gradient-boosting",
    usual,
    GradientBoostingClassifier(n_estimators=3, random_state=0),
    YES_NO,
    options=PLAIN,
)
gaps_kept = make_column_transformer((one_hot(), TEXTS), ("passthrough", NUMBERS))
pipe("columns-hist", gaps_kept, HistGradientBoostingClassifier(**hist), YES_NO)
pipe("columns-hist-regressor", gaps_kept, HistGradientBoostingRegressor(**hist), NUMBER)
pipe(
    "columns-target-encoder",
    make_column_transformer((TargetEncoder(cv=2, random_state=0), TEXTS), ("passthrough", NUMBERS)),
    HistGradientBoostingClassifier(**hist),
    TWO,
    options=PLAIN,
)
text_filled = make_pipeline(SimpleImputer(missing_values="", strategy="most_frequent"), one_hot())
pipe("columns-texts-filled", make_column_transformer((text_filled, TEXTS), (filled, NUMBERS)), logistic, TWO)
named = make_pipeline(SimpleImputer(missing_values="", strategy="constant", fill_value="none"), ordinal)
pipe("columns-texts-named", make_column_transformer((named, TEXTS), (filled, NUMBERS)), logistic, LEVELS)
pipe("columns-rest-dropped", make_column_transformer((one_hot(), TEXTS), (SimpleImputer(), ["price"])), logistic, TWO)
pipe(
    "columns-rest-passed",
    make_column_transformer((one_hot(), TEXTS), (SimpleImputer(), GAPS), remainder="passthrough"),
    logistic,
    TWO,
)
bins = KBinsDiscretizer(3, encode="onehot-dense", quantile_method="averaged_inverted_cdf")
pipe(
    "columns-bins",
    make_column_transformer((bins, ["price"]), (one_hot(), TEXTS)),
    logistic,
    LEVELS,
    names=[*TEXTS, "price"],
    options=PLAIN,
)
pipe(
    "columns-years-as-kinds",
    make_column_transformer((one_hot(), ["year"]), (StandardScaler(), ["price"])),
    logistic,
    YES_NO,
    names=["price", "year"],
)
pipe(
    "columns-note",
    make_column_transformer((TfidfVectorizer(), "note"), (StandardScaler(), ["price"])),
    logistic,
    YES_NO,
    names=["price", "note"],
)

sk(
    "pipelines",
    "matrix-filled-logistic",
    make_pipeline(SimpleImputer(), StandardScaler(), logistic),
    YES_NO,
    HOLES,
    edge=HOLE,
    options=PLAIN,
)
sk("pipelines", "matrix-polynomial-ridge", make_pipeline(PolynomialFeatures(2), StandardScaler(), Ridge()), NUMBER)
sk(
    "pipelines",
    "matrix-column-transformer",
    make_pipeline(make_column_transformer((StandardScaler(), [0, 1]), (PolynomialFeatures(2), [2, 3])), logistic),
    TWO,
)
sk(
    "pipelines",
    "matrix-union",
    make_pipeline(FeatureUnion([("project", PCA(2)), ("select", SelectKBest(k=2))]), logistic),
    LEVELS,
    options=PLAIN,
)
sk("pipelines", "matrix-texts", make_pipeline(one_hot(), logistic), LEVELS, WORDS, dtype=object, edge=[["", "pink"]])
