"""What people write who have no batch server: pandas reads, onnxruntime runs, pandas writes."""

import sys

import numpy
import onnxruntime
import pandas

model, source, target, keep = sys.argv[1:]
rows = pandas.read_csv(source) if source.endswith(".csv") else pandas.read_parquet(source)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
inputs = {}
for spec in session.get_inputs():
    column = rows[spec.name]
    values = column.fillna("").astype(object) if spec.type == "tensor(string)" else column.astype(numpy.float32)
    inputs[spec.name] = values.to_numpy().reshape(-1, 1)
label, probabilities = session.run(None, inputs)
result = rows[[keep]].copy()
result["label"] = label
if isinstance(probabilities, list):
    probabilities = pandas.DataFrame(probabilities).to_numpy()
for place, name in enumerate(["late", "on-time"]):
    result[f"probabilities.{name}"] = probabilities[:, place]
if target.endswith(".csv"):
    result.to_csv(target, index=False)
else:
    result.to_parquet(target, index=False)
