"""What scikit-learn does to columns: scale, fill, encode, select, project."""

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DictionaryType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA, KernelPCA
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    LabelBinarizer,
    LabelEncoder,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from exports_shared import HOLE, HOLES, NUMBER, TWO, WHOLE, WORDS, Maps, X, export, sk

WIDE = np.float64
family = "scalers"
sk(family, "scaler-standard", StandardScaler())
sk(family, "scaler-standard-float64", StandardScaler(), dtype=WIDE)
sk(family, "scaler-standard-int64", StandardScaler(), x=WHOLE, dtype=np.int64, edge=[[-5, 0, 100, 3]])
sk(family, "scaler-no-mean", StandardScaler(with_mean=False))
sk(family, "scaler-robust", RobustScaler())
sk(family, "scaler-min-max", MinMaxScaler(), dtype=WIDE)
sk(family, "scaler-min-max-clip", MinMaxScaler(clip=True))
sk(family, "scaler-max-abs", MaxAbsScaler())
for norm in "l1", "l2", "max":
    sk(family, f"normalizer-{norm}", Normalizer(norm), edge=[[0, 0, 0, 0]])
sk(family, "normalizer-l2-float64", Normalizer("l2"), dtype=WIDE, edge=[[0, -3, 4, 0]])
sk(family, "binarizer", Binarizer(threshold=0.5), edge=[[0.5, 0.49, 0.51, -0.5]])
sk(family, "power-transformer", PowerTransformer())
sk(family, "quantile-transformer", QuantileTransformer(n_quantiles=5), x=X[:, :2], edge=[[-10, 0]])
sk(family, "polynomial-features", PolynomialFeatures(3), x=X[:, :2], edge=[[-10, 0]])
sk(family, "polynomial-interactions", PolynomialFeatures(2, interaction_only=True, include_bias=False), dtype=WIDE)
bins = {"n_bins": 4, "quantile_method": "averaged_inverted_cdf"}
sk(family, "bins-one-hot", KBinsDiscretizer(encode="onehot-dense", **bins))
sk(family, "bins-ordinal", KBinsDiscretizer(encode="ordinal", **bins))
sk(family, "bins-uniform", KBinsDiscretizer(encode="ordinal", strategy="uniform", **bins))

family = "imputers"
TEXT_HOLES = np.where(np.arange(320).reshape(160, 2) % 7 == 0, "", WORDS).astype(object)
sk(family, "imputer-mean", SimpleImputer(), x=HOLES, edge=HOLE)
sk(family, "imputer-median", SimpleImputer(strategy="median"), x=HOLES, edge=HOLE)
sk(family, "imputer-constant", SimpleImputer(strategy="constant", fill_value=-1.5), x=HOLES, edge=HOLE)
sk(family, "imputer-most-frequent", SimpleImputer(strategy="most_frequent"), x=np.round(HOLES), edge=HOLE)
sk(
    family,
    "imputer-texts",
    SimpleImputer(missing_values="", strategy="most_frequent"),
    x=TEXT_HOLES,
    dtype=object,
    edge=[["", "pink"]],
)
sk(
    family,
    "imputer-texts-constant",
    SimpleImputer(missing_values="", strategy="constant", fill_value="none"),
    x=TEXT_HOLES,
    dtype=object,
    edge=[["", "pink"]],
)

family = "encoders"
UNKNOWN = [["pink", ""]]
sk(family, "one-hot-texts", OneHotEncoder(sparse_output=False), x=WORDS, dtype=object, edge=[["red", "black"]])
sk(
    family,
    "one-hot-texts-unknown",
    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    x=WORDS,
    dtype=object,
    edge=UNKNOWN,
)
sk(family, "one-hot-sparse", OneHotEncoder(handle_unknown="ignore"), x=WORDS, dtype=object, edge=UNKNOWN)
sk(
    family,
    "one-hot-drop-first",
    OneHotEncoder(drop="first", sparse_output=False),
    x=WORDS,
    dtype=object,
    edge=[["black", "red"]],
)
sk(
    family,
    "one-hot-int64",
    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    x=WHOLE,
    dtype=np.int64,
    edge=[[-1, 0, 99, 5]],
)
sk(
    family,
    "one-hot-float32",
    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    x=np.floor(X[:, :2]),
    edge=[[0.5, 99]],
)
ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
sk(family, "ordinal-texts", OrdinalEncoder(), x=WORDS, dtype=object, edge=[["red", "black"]])
sk(family, "ordinal-texts-unknown", ordinal, x=WORDS, dtype=object, edge=UNKNOWN)
sk(family, "ordinal-int64-unknown", ordinal, x=WHOLE, dtype=np.int64, edge=[[-1, 0, 99, 5]])
sk(family, "target-encoder", TargetEncoder(cv=2, random_state=0), NUMBER, x=WORDS, dtype=object, edge=UNKNOWN)
sk(family, "target-encoder-binary", TargetEncoder(cv=2, random_state=0), TWO, x=WORDS, dtype=object, edge=UNKNOWN)

family = "selection and projection"
sk(family, "k-means", KMeans(3, n_init=1, random_state=0))
sk(family, "k-means-float64", KMeans(3, n_init=1, random_state=0), dtype=WIDE)
sk(family, "k-means-mini-batch", MiniBatchKMeans(4, n_init=1, random_state=0))
sk(family, "pca", PCA(2))
sk(family, "pca-whiten-float64", PCA(3, whiten=True), dtype=WIDE)
sk(family, "pca-kernel", KernelPCA(2, kernel="rbf", gamma=0.2), rows=30, dtype=WIDE)
sk(family, "select-k-best", SelectKBest(k=2), TWO)
sk(family, "variance-threshold", VarianceThreshold(0.5), x=WHOLE, dtype=np.int64, edge=[[-5, 0, 100, 3]])
sk(family, "gaussian-mixture", GaussianMixture(3, random_state=0))
sk(family, "pls-regression", PLSRegression(2), NUMBER)


def column(name, estimator, learned, examples, input_type):
    """Label encoders look at one column without a second axis."""

    def make():
        return to_onnx(estimator.fit(learned), initial_types=[("X", input_type)]), [{"X": each} for each in examples]

    export("encoders", name, make)


texts = WORDS[:, 0]
column(
    "label-encoder-texts",
    LabelEncoder(),
    texts,
    [texts[:1], np.array(["pink"], object), texts[:16]],
    StringTensorType([None]),
)
numbers = np.array([5, 30, -2] * 6)
column(
    "label-encoder-int64", LabelEncoder(), numbers, [numbers[:1], np.array([77]), numbers[:16]], Int64TensorType([None])
)
column(
    "label-binarizer", LabelBinarizer(), numbers, [numbers[:1], np.array([77]), numbers[:16]], Int64TensorType([None])
)


def hasher(name, **options):
    def make():
        rows = WORDS[:16]
        model = FeatureHasher(n_features=8, input_type="string", **options).fit(rows)
        converted = to_onnx(model, initial_types=[("X", StringTensorType([None, 2]))])
        edge = np.array([["", "Ünï"]], object)
        return converted, [{"X": each} for each in (rows[:1], edge, rows)]

    export("encoders", name, make)


hasher("feature-hasher")
hasher("feature-hasher-unsigned", alternate_sign=False)


def maps(name, rows, edge, key, value):
    def make():
        model = DictVectorizer(sparse=False).fit(rows)
        converted = to_onnx(model, initial_types=[("X", DictionaryType(key([1]), value([1])))])
        words = model.feature_names_
        return converted, [{"X": Maps(each, words)} for each in (rows[:1], edge, rows)]

    export("encoders", name, make)


kinds = ["boat", "car", "plane", "train"]
rows = [{kinds[n % 4]: float(n), kinds[n // 4]: n + 0.5} for n in range(16)]
maps("dict-vectorizer", rows, [{"rocket": 3.0, "car": -1.0}], StringTensorType, FloatTensorType)
