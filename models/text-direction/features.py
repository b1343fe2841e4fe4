"""Prints the v2 request that asks which way up a line of text is. Needs nothing but Python.

    python3 models/text-direction/features.py IMAGE.pgm | curl -s localhost:8080/v2/models/text-direction/infer -d @-

`-` reads standard input. The image is a binary PGM (P5) of one line of text. It is scaled to
48 pixels high and at most 192 wide, padded on the right to 192; pixels go from -1 to 1.
"""

import json
import sys
from pathlib import Path

HEIGHT, WIDTH, CHANNELS = 48, 192, 3


def read_pgm(content):
    """The rows of grey values, 0..255, or a ValueError."""
    fields, position = [], 0
    while len(fields) < 4:
        start = position
        while start < len(content) and content[start : start + 1].isspace():
            start += 1
        if content[start : start + 1] == b"#":
            position = (content.find(b"\n", start) + 1) or len(content)
            continue
        position = start
        while position < len(content) and not content[position : position + 1].isspace():
            position += 1
        if start == position:
            raise ValueError("not a binary PGM")
        fields.append(content[start:position])
    if fields[0] != b"P5" or not all(field.isdigit() for field in fields[1:]):
        raise ValueError("not a binary PGM")
    width, height, top = (int(field) for field in fields[1:])
    pixels = content[position + 1 :]
    if top != 255 or min(width, height) < 1 or len(pixels) < width * height:
        raise ValueError("not a binary PGM of 8 bits")
    return [pixels[row * width : (row + 1) * width] for row in range(height)]


def scale(rows, height, width):
    """Bilinear."""
    down, right = len(rows) / height, len(rows[0]) / width
    return [[at(rows, (y + 0.5) * down - 0.5, (x + 0.5) * right - 0.5) for x in range(width)] for y in range(height)]


def at(rows, y, x):
    y = min(max(y, 0), len(rows) - 1)
    x = min(max(x, 0), len(rows[0]) - 1)
    top, left = int(y), int(x)
    bottom, next_ = min(top + 1, len(rows) - 1), min(left + 1, len(rows[0]) - 1)
    upper = rows[top][left] * (left + 1 - x) + rows[top][next_] * (x - left)
    lower = rows[bottom][left] * (left + 1 - x) + rows[bottom][next_] * (x - left)
    return upper * (top + 1 - y) + lower * (y - top)


def plane(rows, padded_to=WIDTH):
    """48 rows of numbers from -1 to 1, each `padded_to` long."""
    width = min(-(-HEIGHT * len(rows[0]) // len(rows)), padded_to)
    same = (len(rows), len(rows[0])) == (HEIGHT, width)
    scaled = rows if same else scale(rows, HEIGHT, width)
    return [[number(grey) for grey in row] + [0] * (padded_to - width) for row in scaled]


def number(grey):
    value = round(grey / 127.5 - 1, 4)
    return int(value) if value.is_integer() else value


def request(content):
    grey = [value for row in plane(read_pgm(content)) for value in row]
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, CHANNELS, HEIGHT, WIDTH], "data": grey * CHANNELS}
    return {"inputs": [tensor]}


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
