"""Trains the digit classifier and writes it as plain ONNX, without operators of ai.onnx.ml.

    pip install -r models/requirements.txt
    python3 models/digits/train.py

Writes 1/model.onnx, 1/golden.json and example.json, and prints the held-out accuracy.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True  # a cache directory here would look like a model
import golden  # noqa: E402

SCALE = 16.0  # pixels are 0..16; the network is fitted on 0..1


def fit(pixels, labels):
    classifier = MLPClassifier(hidden_layer_sizes=(64, 32), alpha=1e-2, max_iter=500, random_state=0)
    return classifier.fit(pixels / SCALE, labels)


def to_onnx(classifier):
    """MatMul, Add, Relu per hidden layer, then Softmax; the scaling is folded into the first weights."""
    weights = [matrix.astype(np.float64) for matrix in classifier.coefs_]
    weights[0] = weights[0] / SCALE
    nodes, initializers, value = [], [], "pixels"
    for layer, (matrix, bias) in enumerate(zip(weights, classifier.intercepts_), start=1):
        initializers.append(numpy_helper.from_array(matrix.astype(np.float32), f"weight_{layer}"))
        initializers.append(numpy_helper.from_array(bias.astype(np.float32), f"bias_{layer}"))
        last = layer == len(weights)
        total = "logits" if last else f"sum_{layer}"
        nodes.append(helper.make_node("MatMul", [value, f"weight_{layer}"], [f"product_{layer}"], f"product_{layer}"))
        nodes.append(helper.make_node("Add", [f"product_{layer}", f"bias_{layer}"], [total], total))
        if not last:
            value = f"hidden_{layer}"
            nodes.append(helper.make_node("Relu", [total], [value], value))
    nodes.append(helper.make_node("ArgMax", ["logits"], ["label"], "label", axis=1, keepdims=0))
    nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], "probabilities", axis=1))
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 64])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10]),
        ],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def accuracy(session, pixels, labels):
    return float(np.mean(session.run(["label"], {"pixels": pixels})[0] == labels))


def write_example(pixels):
    """One row as a v2 request on one line, short enough to paste."""
    row = [int(value) for value in pixels]
    inputs = [{"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": row}]
    (HERE / "example.json").write_text(json.dumps({"inputs": inputs}, separators=(",", ":")) + "\n", encoding="utf-8")


def main():
    pixels, labels = load_digits(return_X_y=True)
    pixels = pixels.astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, labels, test_size=0.25, random_state=0, stratify=labels
    )
    classifier = fit(train_x, train_y)
    version = HERE / "1"
    version.mkdir(exist_ok=True)
    onnx.save(to_onnx(classifier), version / "model.onnx")

    session = golden.open_model(version / "model.onnx")
    same = np.mean(session.run(["label"], {"pixels": test_x})[0] == classifier.predict(test_x / SCALE))
    print(f"held-out accuracy {accuracy(session, test_x, test_y):.4f} on {len(test_x)} images")
    print(f"agrees with scikit-learn on {same:.2%} of them")

    rows = [test_x[0:1], test_x[1:2], test_x[2:3], test_x[3:8]]
    golden.write(version, [{"pixels": each} for each in rows])
    write_example(test_x[0])
    label, probabilities = session.run(None, {"pixels": test_x[0:1]})
    print(f"example.json: label {label[0]} (truth {test_y[0]}), probability {probabilities.max():.6f}")


if __name__ == "__main__":
    main()
