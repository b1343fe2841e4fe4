"""What the shipped models must answer: the `golden.json` that lies beside each of them, made with onnxruntime."""

import json
from dataclasses import dataclass, replace

import numpy as np
from tritonclient.utils import triton_to_np_dtype

from server import ROOT

Tensors = dict[str, np.ndarray]


@dataclass
class Golden:
    """Inputs of a model, and the outputs it must give for them."""

    inputs: Tensors
    outputs: Tensors
    relative: float
    absolute: float

    def check(self, answer_of) -> None:
        """`answer_of(name)` is the array that came back for an output."""
        for name, expected in self.outputs.items():
            self.same(answer_of(name), expected)

    def same(self, actual, expected) -> None:
        """Equal within the tolerance for floats, equal for everything else; shapes and types must agree."""
        if actual.dtype == object:
            # The client leaves texts that came in binary undecoded.
            texts = [text.decode() if isinstance(text, bytes) else text for text in actual.flat]
            actual = np.array(texts, object).reshape(actual.shape)
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(actual, expected, rtol=self.relative, atol=self.absolute, strict=True)
        else:
            np.testing.assert_array_equal(actual, expected, strict=True)


class Digits(Golden):
    """The golden rows of `digits`, or some of them."""

    @property
    def pixels(self) -> np.ndarray:
        return self.inputs["pixels"]

    def check_predictions(self, answer: dict) -> None:
        """`answer` is what protocol v1 says to rows: objects with the name of every output."""
        [(key, rows)] = answer.items()
        assert key == "predictions" and all(row.keys() == self.outputs.keys() for row in rows)
        self.check(lambda name: np.array([row[name] for row in rows], self.outputs[name].dtype))

    def take(self, *rows: int) -> "Digits":
        """These rows; numbers beyond the last row begin again with the first."""
        inputs, outputs = (
            {name: value.take(rows, axis=0, mode="wrap") for name, value in side.items()}
            for side in (self.inputs, self.outputs)
        )
        return replace(self, inputs=inputs, outputs=outputs)


def latest(model: str) -> str:
    """The version that serves; a fixture has one."""
    versions = (ROOT / "models" / model).glob("*/golden.json")
    return max((path.parent.name for path in versions), key=int, default="1")


def examples(model: str) -> list[Golden]:
    document = json.loads((ROOT / "models" / model / latest(model) / "golden.json").read_text())
    return [
        Golden(tensors(each["request"]["inputs"]), tensors(each["response"]["outputs"]), **document["tolerance"])
        for each in document["examples"]
    ]


def tensors(wire: list[dict]) -> Tensors:
    return {
        tensor["name"]: np.array(tensor["data"], triton_to_np_dtype(tensor["datatype"])).reshape(tensor["shape"])
        for tensor in wire
    }


def digits() -> Digits:
    found = examples("digits")

    def joined(sides: list[Tensors]) -> Tensors:
        return {name: np.concatenate([side[name] for side in sides]) for name in sides[0]}

    inputs, outputs = joined([each.inputs for each in found]), joined([each.outputs for each in found])
    return Digits(inputs, outputs, found[0].relative, found[0].absolute)
