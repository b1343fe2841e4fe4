"""Trains small models, exports them, and writes what onnxruntime answers.

    pip install -r tests/conformance/requirements.txt
    python3 tests/conformance/make.py [name...]

Writes exports/<name>/1/model.onnx and golden.json; all of them, or those named. A second run writes the same bytes.
"""

import json
import shutil
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models"))
sys.dont_write_bytecode = True
import golden  # noqa: E402

from exports_shared import EXPORTS, Maps, clean  # noqa: E402

FAMILIES = [
    "sklearn_linear",
    "sklearn_trees",
    "sklearn_models",
    "sklearn_features",
    "text",
    "pipelines",
    "boosting",
    "handmade",
    "handmade_tables",
    "handmade_text",
]
TOLERANCE = {"relative": 1e-5, "absolute": 1e-6}
LARGEST, ALTOGETHER = 60_000, 1_200_000
WHERE = HERE / "exports"


def write(export):
    """Returns the size of both files."""
    model, examples = export.make()
    model = clean(model, export.name)
    directory = WHERE / export.name / "1"
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "model.onnx"
    file.write_bytes(model.SerializeToString(deterministic=True))
    session, mapped = golden.open_model(file), golden.mapped_labels(file)
    answers = [answer(session, inputs, mapped) for inputs in examples]
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in answers)
    text = f'{{"tolerance": {json.dumps(TOLERANCE)},\n"examples": [\n{lines}\n]}}\n'
    (directory / "golden.json").write_text(text, encoding="utf-8")
    return file.stat().st_size, len(text)


def answer(session, inputs, mapped):
    """Maps are one row for onnxruntime."""
    maps = {name: value for name, value in inputs.items() if isinstance(value, Maps)}
    if not maps:
        return golden.example(session, inputs, mapped)
    ((name, value),) = maps.items()
    outputs = [output.name for output in session.get_outputs()]
    rows = [session.run(outputs, {name: row}) for row in value.rows]
    columns = [np.concatenate(column) for column in zip(*rows)]
    tensors = [golden.tensor(output, column) for output, column in zip(outputs, columns)]
    return {"request": golden.request({name: value.tensor()}), "response": {"outputs": tensors}}


def main():
    warnings.simplefilter("ignore")
    for family in FAMILIES:
        __import__(f"exports_{family}")
    wanted = set(sys.argv[1:])
    unknown = wanted - {export.name for export in EXPORTS}
    if unknown:
        raise SystemExit(f"no export is called {', '.join(sorted(unknown))}")
    if not wanted:
        shutil.rmtree(WHERE, ignore_errors=True)
    failures, sizes, families = [], {}, Counter()
    for export in EXPORTS:
        if wanted and export.name not in wanted:
            continue
        try:
            sizes[export.name] = write(export)
            families[export.family] += 1
        except Exception as error:  # all that fail, not the first
            reason = " ".join(str(error).split())[-300:]
            failures.append(f"{export.name}: {type(error).__name__}: {reason}")
            shutil.rmtree(WHERE / export.name, ignore_errors=True)
    failures += [f"{name}: {size} bytes" for name, (size, _) in sizes.items() if size > LARGEST]
    total = sum(map(sum, sizes.values()))
    if total > ALTOGETHER:
        failures.append(f"{total} bytes altogether")
    large = sum(size > 10_000 for size, _ in sizes.values())
    print(f"{len(sizes)} exports, {total:,} bytes, {large} models above 10 kB")
    for family, count in families.items():
        print(f"  {family}: {count}")
    print(*failures, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
