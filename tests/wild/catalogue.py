"""Reads `models.json`, the list of models that the suite serves, and knows where
each thing about a model lies under the working directory."""

import json
from pathlib import Path


def load():
    """The catalogue entries, in the order of the file."""
    text = (Path(__file__).parent / "models.json").read_text(encoding="utf-8")
    return json.loads(text)["models"]


def chosen(names):
    """The entries called `names` (all of them if none are given), or a ValueError."""
    models = load()
    unknown = set(names or []) - {model["name"] for model in models}
    if unknown:
        raise ValueError(f"not in models.json: {', '.join(sorted(unknown))}")
    return [model for model in models if not names or model["name"] in names]


def wheels_dir(out):
    return Path(out) / "wheels"


def repository_dir(out):
    return Path(out) / "repository"


def cases_dir(out):
    return Path(out) / "cases"


def model_file(out, model):
    """The file that is served."""
    return repository_dir(out) / model["name"] / "1" / "model.onnx"


def shipped_file(out, model):
    """Where the file goes that the wheel holds: what is served, unless it is worked on first."""
    if "weights" in model:
        return Path(out) / "shipped" / f"{model['name']}.onnx"
    return model_file(out, model)


def case_file(cases, model):
    return Path(cases) / f"{model['name']}.npz"
