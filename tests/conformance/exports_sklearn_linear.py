"""Linear models, support vectors, naive Bayes and the other models of scikit-learn that are formulas."""

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, DotProduct, ExpSineSquared, RationalQuadratic, WhiteKernel
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    SGDOneClassSVM,
    TweedieRegressor,
)
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR, OneClassSVM

from exports_shared import COUNTS, LEVELS, NUMBER, ODD, SEVERAL, TARGETS, THREE, TWO, WHOLE, YES_NO, sk

MAPPED, PLAIN, COLUMNS, RAW = {"zipmap": True}, {"zipmap": False}, {"zipmap": "columns"}, {"raw_scores": True}
RAW_PLAIN = RAW | PLAIN

logistic = LogisticRegression(random_state=0)
sk("linear", "logistic-binary", logistic, TWO)
sk("linear", "logistic-binary-texts", logistic, YES_NO, options=PLAIN)
sk("linear", "logistic-bools", logistic, TWO.astype(bool))
sk("linear", "logistic-multiclass", logistic, THREE, options=PLAIN)
sk("linear", "logistic-multiclass-texts", logistic, LEVELS)
sk("linear", "logistic-multiclass-columns", logistic, LEVELS, options=COLUMNS)
sk("linear", "logistic-odd-labels", logistic, ODD)
sk("linear", "logistic-odd-labels-columns", logistic, ODD, options=COLUMNS)
sk("linear", "logistic-float64", logistic, LEVELS, dtype=np.float64, options=PLAIN)
sk("linear", "logistic-int64", logistic, ODD, WHOLE, dtype=np.int64, edge=[[-5, 0, 100, 3]])
sk("linear", "logistic-raw-scores", logistic, THREE, options=RAW_PLAIN)
sk("linear", "logistic-old-opset", logistic, LEVELS, opset={"": 9, "ai.onnx.ml": 1})
sk("linear", "sgd-log-binary", SGDClassifier(loss="log_loss", random_state=0), YES_NO)
sk("linear", "sgd-huber-multiclass", SGDClassifier(loss="modified_huber", random_state=0), THREE, options=PLAIN)
sk("linear", "sgd-hinge-raw", SGDClassifier(random_state=0), LEVELS, options=RAW_PLAIN)
sk("linear", "linear-svc-binary", LinearSVC(random_state=0), TWO)
sk("linear", "linear-svc-multiclass", LinearSVC(random_state=0), LEVELS, options=RAW)
sk("linear", "discriminant-linear", LinearDiscriminantAnalysis(), LEVELS)
sk("linear", "discriminant-quadratic", QuadraticDiscriminantAnalysis(), THREE, options=PLAIN)
sk("linear", "linear-regression", LinearRegression(), NUMBER)
sk("linear", "linear-regression-two-targets", LinearRegression(), TARGETS)
sk("linear", "linear-regression-float64", LinearRegression(), NUMBER, dtype=np.float64)
sk("linear", "linear-regression-int64", LinearRegression(), NUMBER, WHOLE, dtype=np.int64, edge=[[-5, 0, 100, 3]])
sk("linear", "ridge", Ridge(), TARGETS)
sk("linear", "poisson", PoissonRegressor(), COUNTS)
sk("linear", "tweedie", TweedieRegressor(power=1.5, link="log"), COUNTS)
sk("linear", "linear-svr", LinearSVR(random_state=0), NUMBER)

# Few rows, for the model holds those it leans on.
FEW = {"rows": 50}
sk("svm", "svc-linear-binary", SVC(kernel="linear"), TWO, options=PLAIN, **FEW)
sk("svm", "svc-linear-probability", SVC(kernel="linear", probability=True, random_state=0), LEVELS, **FEW)
sk("svm", "svc-rbf-binary-texts", SVC(), YES_NO, options=PLAIN, **FEW)
sk("svm", "svc-rbf-binary-probability", SVC(probability=True, random_state=0), TWO, options=PLAIN, **FEW)
sk("svm", "svc-rbf-one-vs-one", SVC(decision_function_shape="ovo"), LEVELS, options=RAW_PLAIN, **FEW)
sk("svm", "svc-rbf-raw-scores", SVC(), ODD, options=RAW_PLAIN, **FEW)
sk("svm", "svc-poly", SVC(kernel="poly", degree=3, coef0=0.5), THREE, options=PLAIN, **FEW)
sk("svm", "svc-sigmoid", SVC(kernel="sigmoid", gamma=0.1), TWO, options=PLAIN, **FEW)
sk(
    "svm",
    "svc-sigmoid-probability",
    SVC(kernel="sigmoid", gamma=0.1, probability=True, random_state=0),
    LEVELS,
    options=PLAIN,
    **FEW,
)
sk("svm", "svc-float64", SVC(probability=True, random_state=0), LEVELS, dtype=np.float64, options=PLAIN, **FEW)
sk("svm", "nu-svc", NuSVC(nu=0.4), THREE, options=PLAIN, **FEW)
sk("svm", "svr-linear", SVR(kernel="linear"), NUMBER, **FEW)
sk("svm", "svr-rbf", SVR(), NUMBER, **FEW)
sk("svm", "svr-poly", SVR(kernel="poly", degree=2), NUMBER, **FEW)
sk("svm", "svr-sigmoid", SVR(kernel="sigmoid", gamma=0.1), NUMBER, **FEW)
sk("svm", "nu-svr", NuSVR(nu=0.4), NUMBER, **FEW)
sk("svm", "one-class-rbf", OneClassSVM(nu=0.2), **FEW)
sk("svm", "one-class-poly", OneClassSVM(kernel="poly", degree=2, nu=0.3), **FEW)
sk("svm", "one-class-sgd", SGDOneClassSVM(random_state=0, nu=0.2), **FEW)

sk("bayes", "gaussian-nb", GaussianNB(), LEVELS)
sk("bayes", "gaussian-nb-float64", GaussianNB(), TWO, dtype=np.float64, options=PLAIN)
sk("bayes", "bernoulli-nb", BernoulliNB(binarize=0.1), THREE)
sk("bayes", "multinomial-nb", MultinomialNB(), LEVELS, WHOLE, edge=[[0, 0, 0, 9]])
sk("bayes", "multinomial-nb-int64", MultinomialNB(), THREE, WHOLE, dtype=np.int64, edge=[[0, 0, 0, 9]], options=PLAIN)
sk("bayes", "complement-nb", ComplementNB(), LEVELS, WHOLE, edge=[[0, 0, 0, 9]])
sk("bayes", "categorical-nb", CategoricalNB(min_categories=6), LEVELS, WHOLE, dtype=np.int64, edge=[[0, 5, 0, 5]])

network = {"hidden_layer_sizes": (8,), "max_iter": 60, "random_state": 0}
sk("neural", "mlp-binary", MLPClassifier(**network), YES_NO)
sk("neural", "mlp-multiclass", MLPClassifier(activation="tanh", **network), LEVELS, options=PLAIN)
sk("neural", "mlp-multilabel", MLPClassifier(activation="logistic", **network), SEVERAL, options=PLAIN)
sk("neural", "mlp-regressor", MLPRegressor(**network), NUMBER)
sk("neural", "mlp-regressor-two-targets", MLPRegressor(**network), TARGETS, dtype=np.float64)

sk(
    "gaussian processes",
    "gp-regressor",
    GaussianProcessRegressor(RBF(1.0) + WhiteKernel(0.2), random_state=0),
    NUMBER,
    rows=25,
    dtype=np.float64,
)
sk(
    "gaussian processes",
    "gp-regressor-kernels",
    GaussianProcessRegressor(RationalQuadratic() + DotProduct() + ExpSineSquared(), alpha=2.0, optimizer=None),
    NUMBER,
    rows=20,
    dtype=np.float64,
)
