"""What the shipped models must answer: the `golden.json` that lies beside each of them, made with onnxruntime."""

import json
from dataclasses import dataclass

import numpy as np
from tritonclient.utils import triton_to_np_dtype

from server import ROOT


@dataclass
class Tensor:
    name: str
    datatype: str
    value: np.ndarray

    @classmethod
    def parse(cls, wire: dict) -> "Tensor":
        value = np.array(wire["data"], dtype=triton_to_np_dtype(wire["datatype"])).reshape(wire["shape"])
        return cls(wire["name"], wire["datatype"], value)


@dataclass
class Example:
    inputs: list[Tensor]
    outputs: list[Tensor]
    relative: float
    absolute: float

    def check(self, answer_of) -> None:
        """`answer_of(name)` is the array that came back for an output."""
        for output in self.outputs:
            same(answer_of(output.name), output.value, self.relative, self.absolute)


def examples(model: str) -> list[Example]:
    document = json.loads((ROOT / "models" / model / "1" / "golden.json").read_text())
    tolerance = document.get("tolerance", {})
    return [
        Example(
            [Tensor.parse(tensor) for tensor in example["request"]["inputs"]],
            [Tensor.parse(tensor) for tensor in example["response"]["outputs"]],
            tolerance.get("relative", 1e-3),
            tolerance.get("absolute", 1e-5),
        )
        for example in document["examples"]
    ]


def same(actual, expected, relative: float, absolute: float) -> None:
    """Equal within the tolerance for floats, equal for everything else; shapes must agree."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(actual, expected, rtol=relative, atol=absolute)
    else:
        np.testing.assert_array_equal(actual, expected)


@dataclass
class Digits:
    """All golden rows of `digits` in one table."""

    pixels: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    relative: float
    absolute: float

    @classmethod
    def load(cls) -> "Digits":
        found = examples("digits")

        def column(tensors, name):
            return np.concatenate([{t.name: t.value for t in side}[name] for side in tensors])

        inputs, outputs = [e.inputs for e in found], [e.outputs for e in found]
        return cls(
            column(inputs, "pixels").astype(np.float32),
            column(outputs, "label"),
            column(outputs, "probabilities"),
            found[0].relative,
            found[0].absolute,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, count: int) -> np.ndarray:
        """`count` rows of pixels, repeating the golden ones as often as needed."""
        return np.resize(self.pixels, (count, self.pixels.shape[1]))

    def check(self, labels, probabilities, rows=None) -> None:
        """The answers belong to these golden rows (all of them when not said)."""
        rows = np.arange(len(self)) if rows is None else np.asarray(rows)
        np.testing.assert_array_equal(np.asarray(labels), self.labels[rows])
        same(probabilities, self.probabilities[rows], self.relative, self.absolute)
