"""Reads a v2 response of the model and prints the three likeliest types. Needs nothing but Python.

    … | curl -s localhost:8080/v2/models/file-type/infer -d @- | python3 models/file-type/labels.py
"""

import json
import sys
from pathlib import Path


def likeliest(scores, labels, count=3):
    return sorted(zip(scores, labels), reverse=True)[:count]


def main():
    labels = (Path(__file__).resolve().parent / "labels.txt").read_text(encoding="utf-8").split()
    try:
        response = json.load(sys.stdin)
        output = next(each for each in response["outputs"] if each["name"] == "target_label")
        rows, scores = output["shape"][0], output["data"]
    except (ValueError, LookupError, TypeError, StopIteration):
        print("not a response of this model", file=sys.stderr)
        return 1
    for row in range(rows):
        for score, label in likeliest(scores[row * len(labels) : (row + 1) * len(labels)], labels):
            print(f"{score:.4f} {label}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
