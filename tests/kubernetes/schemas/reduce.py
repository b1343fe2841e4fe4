#!/usr/bin/env python3
"""Makes the schemas beside this file out of the definitions of other projects.

    reduce.py DEFINITION.yaml KIND.json LEFT_OUT...

A definition is a CustomResourceDefinition as its project ships it. Descriptions are left out, unknown
fields are forbidden as `kubectl apply` forbids them, and so are fields of pods and other parts that
nothing here uses (LEFT_OUT): those may hold anything. test_schemas.py checks containers on their own.
"""

import json
import sys
from pathlib import Path

import yaml

KEPT = {"type", "properties", "items", "required", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength",
        "minItems", "maxItems", "additionalProperties", "anyOf", "oneOf", "allOf", "format"}
PARTS = ("anyOf", "oneOf", "allOf")


def reduced(schema: dict, left_out: set[str]) -> dict:
    kept = {key: value for key, value in schema.items() if key in KEPT}
    if "(?i)" in kept.get("pattern", ""):
        # Go takes such a flag anywhere, Python at the start.
        kept["pattern"] = "(?i)" + kept["pattern"].replace("(?i)", "")
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    for part in PARTS:
        if part in kept:
            kept[part] = [reduced_part(piece) for piece in kept[part]]
    if "properties" in kept:
        kept["properties"] = {
            name: {} if name in left_out else reduced(below, left_out) for name, below in kept["properties"].items()
        }
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            kept.setdefault("additionalProperties", False)
    if isinstance(kept.get("items"), dict):
        kept["items"] = reduced(kept["items"], left_out)
    if isinstance(kept.get("additionalProperties"), dict):
        kept["additionalProperties"] = reduced(kept["additionalProperties"], left_out)
    return kept


def reduced_part(piece: dict) -> dict:
    """What these say of fields comes on top of what is said beside them, so that it must not forbid others."""
    return {key: value for key, value in piece.items() if key in KEPT}


def main() -> None:
    source, target, *left_out = sys.argv[1:]
    definition = yaml.safe_load(Path(source).read_text())["spec"]
    (version,) = [version for version in definition["versions"] if version["storage"]]
    schema = reduced(version["schema"]["openAPIV3Schema"], set(left_out))
    # Their definitions say only that it is an object.
    schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
    schema["properties"]["apiVersion"] = {"const": f"{definition['group']}/{version['name']}"}
    schema["properties"]["kind"] = {"const": definition["names"]["kind"]}
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    Path(target).write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
