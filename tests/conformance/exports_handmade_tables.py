"""The operators of ai.onnx.ml for columns, one node each: labels, encoders, scalers, lines, support vectors."""

import numpy as np
from onnx import numpy_helper

from exports_shared import NAN, WORDS, X, by_hand, three

F32, F64, I64, I32 = np.float32, np.float64, np.int64, np.int32
COLORS = three(WORDS, [["pink", ""]], object)
COLOR = [rows[:, :1] for rows in COLORS]
FLOATS = three(X, [[0.0, -3.0, 0.0, 4.0]], F32)
WIDE = three(X, [[0.1, -3.0, 0.0, 4.0]], F64)
WHOLE = [np.asarray(rows, I64) for rows in ([[1, 2]], [[-7, 99]], [[n % 5, n // 4] for n in range(12)])]
WHOLE32 = [rows.astype(I32) for rows in WHOLE]
GAPS = three(np.where(np.arange(640).reshape(160, 4) % 5 == 0, NAN, X), [[NAN, 0.0, NAN, NAN]], F32)
STEPS = three(np.round(X[:, :2] * 2) / 2, [[NAN, 99.0]], F32)


def tensor(values, dtype):
    return numpy_helper.from_array(np.array(values, dtype), "t")


def labels(name, examples, ml=2, **attributes):
    by_hand("encoders by hand", f"labels-{name}", "LabelEncoder", {"X": examples}, ml=ml, **attributes)


NAMES, NUMBERS = ["red", "green", "", "blue"], [5, -1, 0, 7]
labels("texts-to-int64", COLORS, keys_strings=NAMES, values_int64s=NUMBERS, default_int64=-9)
labels("texts-to-floats", COLORS, keys_strings=NAMES, values_floats=[0.5, 1.5, -1.0, 2.0])
labels("texts-to-texts", COLORS, keys_strings=NAMES, values_strings=["R", "G", "none", "B"], default_string="?")
labels("int64-to-texts", WHOLE, keys_int64s=[0, 1, 2, 3], values_strings=NAMES, default_string="other")
labels("int64-to-floats", WHOLE, keys_int64s=[0, 1, 2], values_floats=[0.5, 1.5, 2.5], default_float=-1.5)
labels("int64-to-int64", WHOLE, keys_int64s=[0, 1, -7], values_int64s=[10, 11, 12])
labels("floats-to-texts", STEPS, keys_floats=[0.0, 0.5, -0.5, 1.0], values_strings=["zero", "half", "-half", "one"])
labels("floats-to-int64", STEPS, keys_floats=[0.0, 0.5, 1.0], values_int64s=[0, 5, 10])
labels("floats-to-floats-nan", STEPS, keys_floats=[NAN, 0.5, 1.0], values_floats=[-1.0, 50.0, NAN], default_float=3.0)
v1 = {"ml": 1, "classes_strings": ["red", "green", "blue"]}
labels("first-version", COLORS, default_int64=-5, **v1)
labels("first-version-numbers", WHOLE, default_string="none", **v1)
labels(
    "tensors-float64",
    [rows.astype(F64) for rows in STEPS],
    ml=4,
    keys_tensor=tensor([0.5, 1.0, NAN], F64),
    values_tensor=tensor([0.1, 0.2, 0.3], F64),
    default_tensor=tensor([-0.1], F64),
)
labels(
    "tensors-texts-to-int16",
    COLORS,
    ml=4,
    keys_strings=NAMES,
    values_tensor=tensor(NUMBERS, np.int16),
    default_tensor=tensor([-9], np.int16),
)
labels(
    "tensors-texts",
    COLORS,
    ml=4,
    keys_tensor=tensor(NAMES, object),
    values_tensor=tensor(NUMBERS, I64),
    default_tensor=tensor([-9], I64),
)
labels(
    "tensors-int64-to-texts",
    WHOLE,
    ml=4,
    keys_tensor=tensor([0, 1, 2, 3], I64),
    values_tensor=tensor(NAMES, object),
    default_tensor=tensor(["?"], object),
)


def encode(name, operator, inputs, **more):
    by_hand("encoders by hand", name, operator, inputs if isinstance(inputs, dict) else {"X": inputs}, **more)


categories = {"cats_strings": ["red", "green", "blue"], "cats_int64s": [0, 10, 20]}
encode("category-mapper-texts", "CategoryMapper", COLORS, default_int64=-3, **categories)
encode("category-mapper-int64", "CategoryMapper", [rows * 10 for rows in WHOLE], default_string="none", **categories)
encode("one-hot-zeros-texts", "OneHotEncoder", COLOR, cats_strings=["red", "blue"], zeros=1)
encode("one-hot-zeros-int64", "OneHotEncoder", WHOLE, cats_int64s=[1, 3, 0], zeros=1)
encode(
    "one-hot-zeros-floats",
    "OneHotEncoder",
    three(np.floor(X[:, :2]), [[-0.0, 99]], F32),
    cats_int64s=[0, -1, 1],
    zeros=1,
)
known = [rows % 3 for rows in WHOLE]
encode("one-hot-known-int64", "OneHotEncoder", known, cats_int64s=[0, 1, 2], zeros=0)
encode(
    "one-hot-known-texts",
    "OneHotEncoder",
    [rows for rows in (COLOR[0], np.array([["black"]], object), COLOR[2])],
    cats_strings=["red", "green", "blue", "black"],
    zeros=0,
)
encode(
    "feature-vectorizer",
    "FeatureVectorizer",
    {"A": FLOATS, "B": [rows[:, :2] for rows in FLOATS]},
    inputdimensions=[4, 2],
)
encode("feature-vectorizer-int64", "FeatureVectorizer", {"A": WHOLE, "B": WHOLE}, inputdimensions=[2, 2])
for dtype, rows in (("float32", FLOATS), ("float64", WIDE), ("int64", WHOLE), ("int32", WHOLE32), ("texts", COLORS)):
    picked = np.array([1, 0, 1], I64)
    encode(f"array-feature-extractor-{dtype}", "ArrayFeatureExtractor", rows, constants={"Y": picked}, outputs=("Z",))

family = "scalers by hand"
for name, rows in (("float32", FLOATS), ("float64", WIDE), ("int64", WHOLE), ("int32", WHOLE32)):
    count = rows[0].shape[1]
    offset, scale = [0.5, -1.0, 2.0, 0.25][:count], [2.0, 0.5, -1.0, 3.0][:count]
    by_hand(family, f"scaler-{name}", "Scaler", {"X": rows}, offset=offset, scale=scale)
    by_hand(family, f"normalizer-by-hand-{name}", "Normalizer", {"X": rows}, norm="L2")
by_hand(family, "scaler-one-for-all", "Scaler", {"X": FLOATS}, offset=[0.5], scale=[3.0])
by_hand(family, "normalizer-by-hand-l1", "Normalizer", {"X": FLOATS}, norm="L1")
by_hand(family, "normalizer-by-hand-max", "Normalizer", {"X": FLOATS}, norm="MAX")
by_hand(family, "binarizer-by-hand", "Binarizer", {"X": FLOATS}, threshold=-0.5)
by_hand(family, "binarizer-by-hand-default", "Binarizer", {"X": FLOATS})
by_hand(family, "imputer-by-hand-int64", "Imputer", {"X": WHOLE}, imputed_value_int64s=[40, 50], replaced_value_int64=0)
by_hand(
    family, "imputer-by-hand-int64-one", "Imputer", {"X": WHOLE}, imputed_value_int64s=[40], replaced_value_int64=99
)
by_hand(
    family,
    "imputer-by-hand-nan",
    "Imputer",
    {"X": GAPS},
    imputed_value_floats=[1.0, 2.0, 3.0, 4.0],
    replaced_value_float=NAN,
)
by_hand(family, "imputer-by-hand-zero", "Imputer", {"X": FLOATS}, imputed_value_floats=[-1.0], replaced_value_float=0.0)

family = "lines by hand"
LINE = [0.5, -1.0, 0.25, 2.0]
LINES = [*LINE, -0.5, 0.75, 1.0, -0.25, 1.0, 0.0, -2.0, 0.5]


def line(name, count, classes, rows=FLOATS, **more):
    key = "classlabels_strings" if isinstance(classes[0], str) else "classlabels_ints"
    by_hand(
        family,
        f"linear-classifier-{name}",
        "LinearClassifier",
        {"X": rows},
        ("label", "scores"),
        coefficients=LINES[: 4 * count],
        intercepts=[0.1, -0.2, 0.3][:count],
        **{key: classes},
        **more,
    )


ABC = ["a", "b", "c"]
for transform in "NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO":
    short = transform.lower().replace("_", "-")
    line(f"{short}", 3, ABC, post_transform=transform, multi_class=1)
    by_hand(
        family,
        f"linear-regressor-{short}",
        "LinearRegressor",
        {"X": FLOATS},
        coefficients=LINES,
        intercepts=[0.1, -0.2, 0.3],
        targets=3,
        post_transform=transform,
    )
line("two-lines", 2, [7, -7], post_transform="LOGISTIC")
line("one-line", 1, ["no", "yes"], post_transform="LOGISTIC")
line("float64", 3, [3, 1, 2], WIDE, post_transform="SOFTMAX")
by_hand(family, "linear-regressor-one", "LinearRegressor", {"X": FLOATS}, coefficients=LINE, intercepts=[0.5])
by_hand(family, "linear-regressor-no-intercept", "LinearRegressor", {"X": FLOATS}, coefficients=LINES[:8], targets=2)

family = "support vectors by hand"
VECTORS = [0.5, -0.5, 1.0, 0.0, -1.0, 0.25, 0.5, 0.5, 0.0, 1.0, -0.5, -1.0, 1.5, 0.5, 0.0, -0.5]
SMALL = three(X, [[0.5, -0.5, 1.0, 0.0]], F32)  # on the first vector
for kernel in "LINEAR", "POLY", "RBF", "SIGMOID":
    short = kernel.lower()
    common = {"kernel_type": kernel, "kernel_params": [0.25, 0.5, 3.0], "support_vectors": VECTORS}
    by_hand(
        family,
        f"svm-regressor-{short}",
        "SVMRegressor",
        {"X": SMALL},
        coefficients=[1.0, -0.5, 0.75, -1.25],
        n_supports=4,
        rho=[0.3],
        **common,
    )
    by_hand(
        family,
        f"svm-classifier-{short}",
        "SVMClassifier",
        {"X": SMALL},
        ("label", "scores"),
        coefficients=[1.0, 0.5, -0.75, -0.75, 0.25, 0.75, -1.0, -0.5],
        vectors_per_class=[2, 1, 1],
        rho=[0.1, -0.2, 0.3],
        classlabels_strings=ABC,
        **common,
    )
    by_hand(
        family,
        f"svm-classifier-{short}-probability",
        "SVMClassifier",
        {"X": SMALL},
        ("label", "scores"),
        coefficients=[1.0, 0.5, -0.75, -0.75, 0.25, 0.75, -1.0, -0.5],
        vectors_per_class=[2, 1, 1],
        rho=[0.1, -0.2, 0.3],
        prob_a=[-1.5, -1.0, -2.0],
        prob_b=[0.1, -0.1, 0.2],
        classlabels_ints=[4, 2, 9],
        **common,
    )
common = {"kernel_type": "RBF", "kernel_params": [0.25, 0.0, 3.0], "support_vectors": VECTORS}
by_hand(
    family,
    "svm-regressor-one-class",
    "SVMRegressor",
    {"X": SMALL},
    coefficients=[1.0, 0.5, 0.75, 1.25],
    n_supports=4,
    rho=[-1.5],
    one_class=1,
    **common,
)
by_hand(
    family,
    "svm-regressor-no-vectors",
    "SVMRegressor",
    {"X": SMALL},
    coefficients=LINE,
    rho=[0.3],
    kernel_params=[1.0, 0.0, 3.0],
)
by_hand(
    family,
    "svm-classifier-no-vectors",
    "SVMClassifier",
    {"X": SMALL},
    ("label", "scores"),
    coefficients=LINES,
    rho=[0.3],
    kernel_params=[1.0, 0.0, 3.0],
    classlabels_strings=ABC,
)
by_hand(
    family,
    "svm-classifier-no-vectors-softmax",
    "SVMClassifier",
    {"X": SMALL},
    ("label", "scores"),
    coefficients=LINES,
    rho=[0.3],
    kernel_params=[1.0, 0.0, 3.0],
    classlabels_ints=[4, 2, 9],
    post_transform="SOFTMAX",
)
