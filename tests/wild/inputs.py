"""Makes the input tensors that `models.json` describes.

Real models answer noise with noise: a detector finds nothing and a classifier
saturates, and then a wrong server can look right. So the fills here imitate what
each model expects (a line of text, a voiced sound, a photo-like picture, token
ids), and all of them are deterministic, so that two machines compare the same
numbers.
"""

import zlib

import numpy as np

DTYPES = {
    "BOOL": np.bool_,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP32": np.float32,
    "FP64": np.float64,
}

# Seven rows of five pixels each; enough letters for one printed line.
GLYPHS = {
    "A": (14, 17, 17, 31, 17, 17, 17),
    "D": (30, 17, 17, 17, 17, 17, 30),
    "E": (31, 16, 16, 30, 16, 16, 31),
    "I": (14, 4, 4, 4, 4, 4, 14),
    "L": (16, 16, 16, 16, 16, 16, 31),
    "O": (14, 17, 17, 17, 17, 17, 14),
    "R": (30, 17, 17, 30, 20, 18, 17),
    "S": (15, 16, 16, 14, 1, 1, 30),
    "T": (31, 4, 4, 4, 4, 4, 4),
    "W": (17, 17, 17, 21, 21, 21, 10),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "4": (2, 6, 10, 18, 31, 2, 2),
    " ": (0, 0, 0, 0, 0, 0, 0),
}


def make_inputs(model):
    """All inputs of one catalogue entry: {tensor name: array}."""
    return {name: make_input(model["name"], name, spec) for name, spec in model["inputs"].items()}


def make_input(model_name, input_name, spec):
    """One tensor. The seed comes from the names, so adding a model moves no other."""
    rng = np.random.default_rng(zlib.crc32(f"{model_name}/{input_name}".encode()))
    array = FILLS[spec["fill"]](rng, spec)
    return np.ascontiguousarray(array, dtype=DTYPES[spec["datatype"]]).reshape(spec["shape"])


def uniform(rng, spec):
    return rng.uniform(spec["low"], spec["high"], spec["shape"])


def normal(rng, spec):
    """Gaussian values; `missing` is the share of them that becomes NaN."""
    values = rng.normal(spec.get("mean", 0.0), spec.get("std", 1.0), spec["shape"])
    values[rng.random(values.shape) < spec.get("missing", 0.0)] = np.nan
    return values


def integers(rng, spec):
    """Whole numbers from `low` to `high`, both included."""
    return rng.integers(spec["low"], spec["high"] + 1, spec["shape"])


def columns(rng, spec):
    """A table whose columns have their own ranges: `ranges` is [[low, high], ...]."""
    low, high = np.array(spec["ranges"], dtype=np.float64).T
    return rng.integers(low, high + 1, spec["shape"])


def values(_rng, spec):
    return np.array(spec["values"])


def full(_rng, spec):
    return np.full(spec["shape"], spec["value"])


def lengths(_rng, spec):
    """A padding mask: `inside` in the first lengths[i] places of row i, its opposite after."""
    inside = np.arange(spec["shape"][1]) < np.array(spec["lengths"])[:, None]
    return inside if spec["inside"] else ~inside


def file_bytes(_rng, spec):
    """The first and last half of a file's bytes, padded, as file-type models read them."""
    half = spec["shape"][1] // 2
    rows = []
    for text in spec["texts"]:
        data = list(text.encode())
        pad = [spec["pad"]] * max(0, half - len(data))
        rows.append(data[:half] + pad + pad + data[-half:])
    return np.array(rows)


def speech(rng, spec):
    """A vowel: harmonics of a gliding pitch under two formants, loud then soft."""
    count = int(np.prod(spec["shape"]))
    seconds = np.arange(count) / spec["rate"]
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 3 * seconds)) / spec["rate"]
    wave = sum(formant(120 * k) * np.sin(k * phase) for k in range(1, 30))
    wave = wave * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * seconds)) + 0.02 * rng.normal(size=count)
    return wave / np.abs(wave).max() * spec["peak"]


def formant(hertz):
    """How strongly a vowel like the a in father carries this frequency."""
    return np.exp(-(((hertz - 730) / 250) ** 2)) + 0.6 * np.exp(-(((hertz - 1200) / 300) ** 2)) + 0.05


def picture(rng, spec):
    """A photo-like image: soft blobs of colour, a few edges, a little grain."""
    count, channels, height, width = image_shape(spec)
    y, x = np.mgrid[0:height, 0:width]
    images = np.empty((count, channels, height, width))
    for image in images:
        for channel in image:
            channel[:] = 0.4 * np.sin(x / width * rng.uniform(2, 7)) * np.cos(y / height * rng.uniform(2, 7))
            cy, cx, radius = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7), rng.uniform(0.15, 0.35)
            channel[(y / height - cy) ** 2 + (x / width - cx) ** 2 < radius**2] += rng.uniform(-0.6, 0.6)
        image += 0.03 * rng.normal(size=image.shape)
    return scaled(images, spec)


def text_line(rng, spec):
    """Dark letters on light paper, as large as `text_height`, one line or several."""
    count, channels, height, width = image_shape(spec)
    page = np.full((height, width), 0.5)
    scale = spec["text_height"] // 7
    top = (height - 7 * scale) // 2 if spec.get("lines", 1) == 1 else scale * 2
    for _ in range(spec.get("lines", 1)):
        draw(page, spec["text"], top, scale * 2, scale)
        top += scale * 12
    page = page + 0.02 * rng.normal(size=page.shape)
    return scaled(np.broadcast_to(page, (count, channels, height, width)), spec)


def draw(page, text, top, left, scale):
    """Writes `text` on `page`, each glyph pixel a square of `scale` pixels."""
    for letter in text:
        bits = [[row >> (4 - column) & 1 for column in range(5)] for row in GLYPHS[letter]]
        ink = np.kron(np.array(bits), np.ones((scale, scale)))
        part = page[top : top + ink.shape[0], left : left + ink.shape[1]]
        part[ink[: part.shape[0], : part.shape[1]] > 0] = -0.5
        left += 6 * scale


def image_shape(spec):
    """(count, channels, height, width), whatever the layout."""
    if spec.get("layout", "nchw") == "nchw":
        return tuple(spec["shape"])
    count, height, width, channels = spec["shape"]
    return count, channels, height, width


def scaled(images, spec):
    """From about [-0.5, 0.5] to [low, high], in the layout that the model wants."""
    images = spec["low"] + (np.clip(images, -0.5, 0.5) + 0.5) * (spec["high"] - spec["low"])
    return images if spec.get("layout", "nchw") == "nchw" else images.transpose(0, 2, 3, 1)


FILLS = {
    fill.__name__: fill
    for fill in (
        uniform,
        normal,
        integers,
        columns,
        values,
        full,
        lengths,
        file_bytes,
        speech,
        picture,
        text_line,
    )
}
