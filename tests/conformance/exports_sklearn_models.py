"""Neighbours, and models made of models."""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
    NearestNeighbors,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from exports_shared import LEVELS, NUMBER, SEVERAL, TARGETS, THREE, TWO, YES_NO, sk
from exports_sklearn_linear import COLUMNS, PLAIN

FEW = {"rows": 40}
sk("neighbours", "knn-binary", KNeighborsClassifier(3), TWO, options=PLAIN, **FEW)
sk("neighbours", "knn-multiclass-texts", KNeighborsClassifier(5), LEVELS, **FEW)
sk(
    "neighbours",
    "knn-distances",
    KNeighborsClassifier(4, weights="distance"),
    THREE,
    dtype=np.float64,
    options=PLAIN,
    **FEW,
)
sk("neighbours", "knn-manhattan", KNeighborsClassifier(3, metric="manhattan"), YES_NO, options=COLUMNS, **FEW)
sk("neighbours", "knn-multilabel", KNeighborsClassifier(3), SEVERAL, options=PLAIN, **FEW)
sk("neighbours", "knn-regressor", KNeighborsRegressor(3), NUMBER, **FEW)
sk("neighbours", "nearest-neighbours", NearestNeighbors(n_neighbors=3, radius=None), **FEW)
sk("neighbours", "local-outlier-factor", LocalOutlierFactor(5, novelty=True), **FEW)

logistic, small_tree = LogisticRegression(), DecisionTreeClassifier(max_depth=3, random_state=0)
hist = HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=6, random_state=0)
three = [("line", logistic), ("tree", small_tree), ("bayes", GaussianNB())]
two = [("line", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3, random_state=0))]
family = "models of models"
sk(family, "voting-soft", VotingClassifier(three, flatten_transform=False, voting="soft"), LEVELS)
sk(family, "voting-hard", VotingClassifier(three, flatten_transform=False), YES_NO, options=PLAIN)
sk(
    family,
    "voting-weights",
    VotingClassifier(three, flatten_transform=False, voting="soft", weights=np.array([1, 2, 3])),
    THREE,
    options=PLAIN,
)
sk(family, "voting-regressor", VotingRegressor(two), NUMBER)
sk(family, "stacking", StackingClassifier(three, logistic, cv=3), LEVELS, options=PLAIN)
sk(family, "stacking-regressor", StackingRegressor(two, Ridge(), cv=3), NUMBER)
sk(family, "calibrated-sigmoid", CalibratedClassifierCV(LinearSVC(random_state=0), cv=2), LEVELS)
sk(family, "calibrated-isotonic", CalibratedClassifierCV(small_tree, method="isotonic", cv=2), YES_NO, options=PLAIN)
sk(family, "one-vs-rest", OneVsRestClassifier(logistic), LEVELS)
sk(family, "one-vs-rest-multilabel", OneVsRestClassifier(logistic), SEVERAL, options=PLAIN)
sk(family, "one-vs-rest-trees", OneVsRestClassifier(small_tree), THREE, options=PLAIN)
sk(family, "one-vs-one", OneVsOneClassifier(logistic), THREE, options=PLAIN)
sk(family, "multi-output-logistic", MultiOutputClassifier(logistic), SEVERAL, options=PLAIN)
sk(family, "multi-output-regressor", MultiOutputRegressor(DecisionTreeRegressor(max_depth=3, random_state=0)), TARGETS)
sk(family, "tuned-threshold", TunedThresholdClassifierCV(logistic, cv=3, random_state=0), TWO)
