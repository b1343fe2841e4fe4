#!/usr/bin/env python3
"""Writes the attributes that the ONNX specification knows, a line for each operator.

    specification.py > src/engine/tract/specification.txt

All versions of an operator together: an attribute that a later version dropped is no
mistake in an old file. Needs onnx==1.21.0.
"""

from collections import defaultdict

import onnx.defs

# Of onnxruntime's own domain, which onnx does not describe.
OTHERS = {"com.microsoft::Tokenizer": {"mark", "mincharnum", "pad_value", "separators", "tokenexp"}}


def main():
    attributes = defaultdict(set)
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain in ("", "ai.onnx.ml"):
            name = f"{schema.domain}::{schema.name}" if schema.domain else schema.name
            attributes[name].update(schema.attributes)
    attributes.update(OTHERS)
    for name in sorted(attributes):
        print(" ".join([name, *sorted(attributes[name])]))


if __name__ == "__main__":
    main()
