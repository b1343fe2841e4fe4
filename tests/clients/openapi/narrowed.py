"""The document of a server, narrowed to what its models take.

The server's document is the same for all models, so a body that it allows may still be none that a model takes, which
is 400. Here names are those of models that are there, and bodies those that these models take: now every request that
the document allows must succeed.
"""

import copy
import json

from server import ROOT

Schema = dict

# Their shapes are bounded by little.
SYMBOLIC = "symbolic_batch"
COLUMNS = 3


def constant(*values) -> Schema:
    return {"enum": list(values)}


def closed(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def row(length: int) -> Schema:
    # What FP32 holds.
    number = {"type": "number", "minimum": -1e30, "maximum": 1e30}
    return {"type": "array", "items": number, "minItems": length, "maxItems": length}


def tensor(rows: int) -> Schema:
    flat = row(rows * COLUMNS)
    nested = {"type": "array", "items": row(COLUMNS), "minItems": rows, "maxItems": rows}
    return closed(
        {
            "name": constant("x"),
            "datatype": constant("FP32"),
            "shape": constant([rows, COLUMNS]),
            "data": {"anyOf": [flat, nested]},
        }
    )


def infer() -> Schema:
    # A shorter time may be over, which is no fault.
    long_enough = {"type": "integer", "minimum": 60_000_000, "maximum": 2**53}
    parameters = {
        "priority": {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
        "timeout": {"anyOf": [long_enough, constant(0)]},
        "strict_json": {"type": "boolean"},
        "binary_data_output": {"type": "boolean"},
    }
    of_output = {"binary_data": {"type": "boolean"}, "classification": {"type": "integer", "minimum": 0, "maximum": 3}}
    output = closed({"name": constant("y")}, {"parameters": closed({}, of_output)})
    one = {"anyOf": [tensor(1), tensor(2)]}
    optional = {
        "id": {"type": ["string", "null"]},
        "parameters": closed({}, parameters),
        "outputs": {"type": "array", "items": output, "maxItems": 1},
    }
    return closed({"inputs": {"type": "array", "items": one, "minItems": 1, "maxItems": 1}}, optional)


def predict() -> Schema:
    rows = {"type": "array", "items": {"anyOf": [row(COLUMNS), closed({"x": row(COLUMNS)})]}, "minItems": 1, "maxItems": 3}
    columns = {"type": "array", "items": row(COLUMNS), "minItems": 1, "maxItems": 3}
    return {"oneOf": [closed({"instances": rows}), closed({"inputs": {"anyOf": [columns, closed({"x": columns})]}})]}


def routing() -> Schema:
    weight = {"type": "integer", "minimum": 1, "maximum": 2**32 - 1}
    labels = {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z]{1,9}$"},
        "additionalProperties": constant(1, 2),
        "maxProperties": 3,
    }
    return closed({}, {"labels": labels, "traffic": closed({}, {"1": weight, "2": weight}), "shadow": constant(1, 2, None)})


def job() -> Schema:
    return closed(
        {"model": constant("flight-delay"), "input": constant("in.csv", ["in.csv"]), "output": constant("out.csv", "out.parquet")},
        {
            "version": constant(2, None),
            "input_format": constant("csv", None),
            "keep": constant([], ["arrived"]),
            "on_bad_row": constant("fail", "null", "drop"),
            "max_bad_rows": constant(0, "1", "2.5%", None),
            "fail_on_drift": {"type": "boolean"},
            "shard": constant("0/2", None),
        },
    )


FLIGHTS = ROOT / "tests" / "fixtures" / "flights.csv"


def flights() -> dict[str, Schema]:
    """A file in two formats; those of bytes have clients of their own."""
    lines = FLIGHTS.read_text().splitlines()
    head = lines[0].split(",")

    def value(text: str):
        try:
            return float(text)
        except ValueError:
            return text

    # Those where nothing is missing.
    whole = [line for line in lines[1:] if "" not in line.split(",")]
    rows = [dict(zip(head, map(value, line.split(",")), strict=True)) for line in whole]
    ndjson = "".join(json.dumps(each) + "\n" for each in rows)
    return {"text/csv": constant("\n".join([lines[0], *whole]) + "\n"), "application/x-ndjson": constant(ndjson)}


# Which model an operation is asked of; the others know all names.
MODELS = {
    "infer": SYMBOLIC,
    "inferVersion": SYMBOLIC,
    "predict": SYMBOLIC,
    "predictVersion": SYMBOLIC,
    "loadModel": "loaded",
    "unloadModel": "loaded",
    "rollBack": "rolled",
    "score": "flight-delay",
    "scoreVersion": "flight-delay",
    "feedback": "flight-delay",
    "changeRouting": "flight-delay",
    "resetRouting": "flight-delay",
}
BODIES = {
    "infer": infer,
    "inferVersion": infer,
    "predict": predict,
    "predictVersion": predict,
    "predictLabel": predict,
    "changeRouting": routing,
    "submitJob": job,
    # Settings and files of a model are texts within a text.
    "loadModel": lambda: closed({}, {"parameters": constant({}, {"other": "1"}, {"number": 1})}),
}
OTHERS = ["digits", "dtype_bytes", "flight-delay", SYMBOLIC, "two_inputs"]


def version_of(model: str | None) -> str:
    """`flight-delay` has two, the last of which serves."""
    return "2" if model == "flight-delay" else "1"


def narrowed(document: dict) -> dict:
    document = copy.deepcopy(document)
    for methods in document["paths"].values():
        for operation in methods.values():
            narrow(operation)
    return document


def narrow(operation: dict) -> None:
    name = operation["operationId"]
    model = MODELS.get(name)
    named = {
        "model": constant(model) if model else constant(*OTHERS),
        "version": constant(version_of(model)),
        "name": constant("nightly"),
        "keep": constant("", "arrived", "carrier,hour"),
    }
    if name.startswith("version"):
        named["model"] = constant(SYMBOLIC)
    for parameter in operation.get("parameters", []):
        if parameter["name"] in named:
            parameter["schema"] = named[parameter["name"]]
            parameter.pop("example", None)
    content = operation.get("requestBody", {}).get("content", {})
    if name in BODIES:
        # Binary data has clients of its own.
        content.pop("application/octet-stream", None)
        content["application/json"] = {"schema": BODIES[name]()}
    if name.startswith("score"):
        content.clear()
        content.update({media: {"schema": schema} for media, schema in flights().items()})
