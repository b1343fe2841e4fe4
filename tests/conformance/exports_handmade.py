"""Tree ensembles that no exporter makes, or not yet: every mode, post transform and aggregate of the operators."""

import numpy as np
from onnx import numpy_helper

from exports_shared import NAN, WHOLE, X, by_hand, three

# A tree is (mode, feature, value, when true, when false), its end [(target, weight), ...]. NaN goes where the
# comparison says, unless the mode ends in "*": then to where it is true.
MODES = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"]
ON = np.array([[0.5, -0.25, 0.5, -0.25]])  # exactly on the thresholds
GAP = np.array([[NAN, 0.5, NAN, -0.25]])


def old(trees, kind, wide):
    """The attributes of TreeEnsembleClassifier and Regressor."""
    nodes, ends = [], []

    def visit(tree, number):
        mine = sum(node[0] == number for node in nodes)
        if isinstance(tree, list):
            nodes.append([number, mine, "LEAF", 0, 0.0, 0, 0, 0])
            ends.extend((number, mine, target, weight) for target, weight in tree)
            return mine
        mode, feature, value, yes, no = tree
        node = [number, mine, f"BRANCH_{mode.rstrip('*')}", feature, value, 0, 0, int(mode.endswith("*"))]
        nodes.append(node)
        node[5], node[6] = visit(yes, number), visit(no, number)
        return mine

    for number, tree in enumerate(trees):
        visit(tree, number)
    names = "treeids nodeids modes featureids values truenodeids falsenodeids missing_value_tracks_true".split()
    found = {f"nodes_{name}": list(column) for name, column in zip(names, zip(*nodes))}
    found |= {f"{kind}_{name}": list(c) for name, c in zip(["treeids", "nodeids", "ids", "weights"], zip(*ends))}
    if wide:
        for name in "nodes_values", f"{kind}_weights":
            found[f"{name}_as_tensor"] = numpy_helper.from_array(np.array(found.pop(name), np.float64), name)
    return found


def new(trees, dtype):
    """The attributes of TreeEnsemble, whose ends are numbered apart and hold one target each."""
    nodes, ends, roots, members = [], [], [], []

    def visit(tree):
        if isinstance(tree, list):
            ((target, weight),) = tree
            ends.append((target, weight))
            return len(ends) - 1, 1
        mode, feature, value, yes, no = tree
        name = mode.rstrip("*")
        kind = [*MODES, "MEMBER"].index(name)
        if name == "MEMBER":
            members.extend([*value, NAN])
            value = 0.0
        node = [kind, feature, value, 0, 0, 0, 0, int(mode.endswith("*"))]
        nodes.append(node)
        mine = len(nodes) - 1
        (node[3], node[4]), (node[5], node[6]) = visit(yes), visit(no)
        return mine, 0

    for tree in trees:
        roots.append(visit(tree)[0])

    def floats(name, values):
        return numpy_helper.from_array(np.array(values, dtype), name)

    columns = [list(column) for column in zip(*nodes)]
    found = {
        "nodes_modes": numpy_helper.from_array(np.array(columns[0], np.uint8), "nodes_modes"),
        "nodes_featureids": columns[1],
        "nodes_splits": floats("nodes_splits", columns[2]),
        "nodes_truenodeids": columns[3],
        "nodes_trueleafs": columns[4],
        "nodes_falsenodeids": columns[5],
        "nodes_falseleafs": columns[6],
        "tree_roots": roots,
        "leaf_targetids": [target for target, _ in ends],
        "leaf_weights": floats("leaf_weights", [weight for _, weight in ends]),
    }
    if members:
        found["membership_values"] = floats("membership_values", members)
    if any(columns[7]):
        found["nodes_missing_value_tracks_true"] = columns[7]
    return found


def end(*weights):
    return [(target, weight) for target, weight in enumerate(weights)]


def leaf(target, weight):
    return [(target, weight)]


def forest(modes, targets=1, scale=1.0):
    """A tree for each mode: one of its own, and under both sides a comparison the other way around."""
    trees = []
    for number, mode in enumerate(modes):
        other = modes[-1 - number]
        a, b, c, d = (leaf((number + n) % targets, scale * (0.25 + 0.125 * n * (-1) ** number)) for n in range(4))
        trees.append((mode, 0, 0.5, (other, 1, -0.25, a, b), (mode, 2, 0.5, c, d)))
    return trees


STEPS = np.round(X * 2) / 4


def tables(edge=ON, dtype=np.float32, x=STEPS):
    return {"X": three(x, edge, dtype)}


def member(name, trees, dtype=np.float32, targets=1, edge=ON, x=STEPS, **attributes):
    values = tables(edge, dtype, x)
    by_hand("TreeEnsemble", name, "TreeEnsemble", values, ml=5, n_targets=targets, **new(trees, dtype), **attributes)


for mode in MODES:
    member(f"tree-ensemble-{mode.lower()}", forest([mode]), edge=GAP)
member("tree-ensemble-modes", forest(MODES))
member("tree-ensemble-modes-float64", forest(MODES), np.float64)
member("tree-ensemble-modes-missing", forest([f"{mode}*" for mode in MODES]), edge=GAP)
# onnxruntime knows only whole numbers as members.
SETS = (
    "MEMBER",
    0,
    [0, 2, 3, 5],
    ("MEMBER", 1, [1], leaf(0, 1), leaf(1, 2)),
    ("LEQ", 2, 2.5, leaf(0, 3), ("MEMBER", 3, [0, 4, 40], leaf(1, 4), leaf(0, 5))),
)
MANY = ("MEMBER", 0, list(range(0, 120, 3)), leaf(0, 1), leaf(1, -1))
kinds = {"targets": 2, "x": WHOLE, "edge": np.array([[1.5, -1, 3, 40]])}
member("tree-ensemble-member", [SETS], **kinds)
member("tree-ensemble-member-float64", [SETS, forest(["LT"])[0]], np.float64, **kinds)
member("tree-ensemble-member-many", [MANY, SETS], **kinds | {"x": WHOLE * 9})
for number, aggregate in enumerate(["average", "sum", "min", "max"]):
    member(f"tree-ensemble-{aggregate}", forest(["LEQ", "LT", "LEQ"], 1), aggregate_function=number)
    member(
        f"tree-ensemble-{aggregate}-targets",
        forest(["LEQ", "LT", "GT", "LEQ"], 2),
        np.float64,
        2,
        aggregate_function=number,
    )
# Not 1 and 2: the specification says SOFTMAX and LOGISTIC, onnxruntime the other way around.
member("tree-ensemble-softmax-zero", forest(["LEQ", "LT", "LEQ"], 3), targets=3, post_transform=3)
member("tree-ensemble-probit", forest(["LEQ", "LT"], scale=0.5), post_transform=4)
member("tree-ensemble-one-end", [("LEQ", 0, 0.0, leaf(0, 1.5), leaf(0, 1.5)), forest(["LEQ"])[0]])
deep = leaf(0, 1)
for level in range(40):
    deep = ("LEQ", level % 4, level / 20 - 1, leaf(0, level), deep)
member("tree-ensemble-deep", [deep])

WEIGHTS = [(0.5, -0.25, 0.125), (-0.5, 0.25, 1.0), (0.0, 1.5, -1.0), (0.25, 0.0, 0.0)]


def votes(modes, scale=1.0, count=3):
    """The same trees with a weight for each class."""
    trees = []
    for number, mode in enumerate(modes):
        a, b, c, d = (end(*(scale * w for w in WEIGHTS[(number + n) % 4][:count])) for n in range(4))
        trees.append((mode, 0, 0.5, (mode, 1, -0.25, a, b), (mode, 2, 0.5, c, d)))
    return trees


def classifier(name, trees, labels, *, dtype=np.float32, edge=ON, wide=False, base=None, transform="NONE"):
    """`base` are the base values; `wide` stores values as double tensors."""
    attributes = old(trees, "class", wide)
    if base is not None:
        if wide:
            attributes["base_values_as_tensor"] = numpy_helper.from_array(np.array(base, np.float64), "base_values")
        else:
            attributes["base_values"] = base
    attributes["classlabels_strings" if isinstance(labels[0], str) else "classlabels_int64s"] = labels
    by_hand(
        "TreeEnsembleClassifier",
        f"tree-classifier-{name}",
        "TreeEnsembleClassifier",
        tables(edge, dtype),
        ("label", "scores"),
        post_transform=transform,
        **attributes,
    )


def regressor(name, trees, targets=1, *, dtype=np.float32, edge=ON, wide=False, base=None, **more):
    attributes = old(trees, "target", wide)
    if base is not None:
        if wide:
            attributes["base_values_as_tensor"] = numpy_helper.from_array(np.array(base, np.float64), "base_values")
        else:
            attributes["base_values"] = base
    by_hand(
        "TreeEnsembleRegressor",
        f"tree-regressor-{name}",
        "TreeEnsembleRegressor",
        tables(edge, dtype),
        n_targets=targets,
        **attributes,
        **more,
    )


ABC, NUMBERED = ["a", "b", "c"], [10, -2, 7]
for mode in MODES:
    classifier(f"{mode.lower()}-three", votes([mode]), ABC, edge=GAP)
    regressor(f"{mode.lower()}-wide", forest([mode]), dtype=np.float64, wide=True, edge=GAP)
classifier("modes", votes(MODES), NUMBERED)
classifier("modes-wide", votes(MODES), NUMBERED, dtype=np.float64, wide=True)
classifier("modes-missing", votes([f"{mode}*" for mode in MODES]), ABC, edge=GAP)
for transform in "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO":
    name = transform.lower().replace("_", "-")
    classifier(f"{name}-three", votes(["LEQ", "LT"]), ABC, transform=transform)
    classifier(f"{name}-wide", votes(["LEQ", "LT"]), NUMBERED, transform=transform, wide=True, dtype=np.float64)
    classifier(f"{name}-one-score", forest(["LEQ", "GT"], scale=-1), ["no", "yes"], transform=transform)
    regressor(f"{name}-targets", forest(["LEQ", "LT", "GT"], 3), 3, post_transform=transform)
classifier("one-score", forest(["LEQ", "GT"]), [0, 1])
classifier("one-score-odd", forest(["LEQ", "GT"], scale=-1), [5, 3])
classifier("one-score-base", forest(["LEQ", "GT"], scale=-1), ["no", "yes"], base=[0.375])
classifier("one-score-base-logistic", forest(["LEQ", "GT"], scale=-1), [0, 1], base=[0.375], transform="LOGISTIC")
classifier("base", votes(["LEQ", "LT"]), ABC, base=[0.5, -1.0, 0.25])
classifier("base-wide", votes(["LEQ", "LT"]), ABC, base=[0.1, -1.0, 0.3], wide=True, dtype=np.float64)
classifier("integers", votes(["LEQ", "LT"]), ABC, dtype=np.int64)
classifier("integers32", votes(["LEQ", "LT"]), ABC, dtype=np.int32)
classifier("class-without-votes", [("LEQ", 0, 0.5, leaf(0, 1.0), leaf(2, 0.5))], ABC)
for aggregate in "SUM", "AVERAGE", "MIN", "MAX":
    name = aggregate.lower()
    regressor(name, forest(["LEQ", "LT", "GT"]), aggregate_function=aggregate, base=[0.125])
    regressor(f"{name}-targets", forest(["LEQ", "LT", "GT"], 2), 2, aggregate_function=aggregate, base=[0.5, -1.5])
    regressor(
        f"{name}-wide",
        forest(["LEQ", "LT", "GT"]),
        aggregate_function=aggregate,
        dtype=np.float64,
        wide=True,
        base=[0.1],
    )
regressor("modes", forest(MODES))
regressor("modes-missing", forest([f"{mode}*" for mode in MODES]), edge=GAP)
regressor("probit", forest(["LEQ", "LT"], scale=0.5), post_transform="PROBIT")
regressor("ends-with-two-weights", votes(["LEQ"], count=2), 2)
