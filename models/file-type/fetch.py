"""Takes the file type model out of the `magika` package and writes its golden examples.

    pip install -r models/requirements.txt
    python3 models/file-type/fetch.py

Writes 1/model.onnx, 1/golden.json and labels.txt.
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True  # a cache directory here would look like a model
import golden  # noqa: E402
import wheel  # noqa: E402
from features import tokens  # noqa: E402

PACKAGE, VERSION = "magika", "1.0.3"
DIRECTORY = "magika/models/standard_v3_3"
MODEL_SHA256 = "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c"
CONFIG_SHA256 = "ae24c742205358f6ff6dfd5facb6743fb69743dbba8373e73da58ff0cbd695db"

# What the golden examples ask about, and what each of them is. The last two go in one request.
EXAMPLES = [
    [("file-type/samples/report.py", "python")],
    [("file-type/samples/table.csv", "csv")],
    [("digits/1/model.onnx", "onnx"), ("file-type/samples/page.html", "html")],
]


def fetch(path, sha256):
    return wheel.read(PACKAGE, VERSION, f"{DIRECTORY}/{path}", sha256)


def inputs(files):
    rows = [tokens((HERE.parent / path).read_bytes()) for path, _ in files]
    return {"bytes": np.array(rows, dtype=np.int32)}


def show(files, example, labels):
    scores = np.reshape(example["response"]["outputs"][0]["data"], (len(files), len(labels)))
    for (path, truth), row in zip(files, scores):
        found = labels[int(row.argmax())]
        print(f"{path}: {found} {row.max():.4f}")
        if found != truth:
            raise SystemExit(f"{path} is {truth}, not {found}")


def main():
    version = HERE / "1"
    version.mkdir(exist_ok=True)
    (version / "model.onnx").write_bytes(fetch("model.onnx", MODEL_SHA256))
    config = json.loads(fetch("config.min.json", CONFIG_SHA256))
    labels = config["target_labels_space"]
    (HERE / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")

    examples = golden.write(version, [inputs(files) for files in EXAMPLES])
    for files, example in zip(EXAMPLES, examples):
        show(files, example, labels)


if __name__ == "__main__":
    main()
