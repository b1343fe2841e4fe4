"""Prints the v2 request that asks for the type of a file. Needs nothing but Python.

    python3 models/file-type/features.py FILE | curl -s localhost:8080/v2/models/file-type/infer -d @-

`-` reads standard input. The tokens are those of the `magika` package: the first and the
last 1,024 bytes as numbers, spaces stripped at the outer ends, 256 where there is no byte.
"""

import json
import sys
from pathlib import Path

BLOCK = 4096  # how much is looked at from either end before the spaces are stripped
SIDE = 1024  # how much of it the model sees
PADDING = 256
ENOUGH = 8  # the model was not made for less


def tokens(content):
    """The 2,048 numbers for these bytes, or a ValueError if there is too little to tell by."""
    head = content[:BLOCK].lstrip()[:SIDE]
    tail = content[-BLOCK:].rstrip()[-SIDE:]
    if len(head) < ENOUGH:
        raise ValueError(f"fewer than {ENOUGH} bytes besides leading spaces: too little for the model")
    begin = list(head) + [PADDING] * (SIDE - len(head))
    end = [PADDING] * (SIDE - len(tail)) + list(tail)
    return begin + end


def request(content):
    data = tokens(content)
    return {"inputs": [{"name": "bytes", "datatype": "INT32", "shape": [1, len(data)], "data": data}]}


def main(arguments):
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        content = sys.stdin.buffer.read() if arguments[0] == "-" else Path(arguments[0]).read_bytes()
        print(json.dumps(request(content), separators=(",", ":")))
    except (OSError, ValueError) as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
