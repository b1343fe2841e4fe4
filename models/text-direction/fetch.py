"""Takes the text direction model out of the `rapidocr` package and writes its golden examples.

    pip install -r models/requirements.txt
    python3 models/text-direction/fetch.py

Writes 1/model.onnx, 1/golden.json and the images in samples/, and prints the accuracy on rendered lines.
"""

import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True  # a cache directory here would look like a model
import golden  # noqa: E402
import wheel  # noqa: E402
from features import CHANNELS, HEIGHT, WIDTH, plane, read_pgm  # noqa: E402

PACKAGE, VERSION = "rapidocr", "3.10.0"
MODEL = "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx"
MODEL_SHA256 = "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c"

SAMPLES = {"upright": "Platform 42", "upside-down": "Platform 42"}
EXAMPLES = [[("Hello", False)], [("Hello", True)], [("Open", False), ("Open", True)]]


def render(text, size):
    """One line of text, black on white, without grey levels so that the golden file stays small."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    width = right - left + 16
    image = Image.new("L", (width, HEIGHT), 255)
    place = (8 - left, (HEIGHT - (bottom - top)) // 2 - top)
    ImageDraw.Draw(image).text(place, text, fill=0, font=font)
    return image.point(lambda grey: 0 if grey < 128 else 255)


def turned(image, upside_down):
    return image.transpose(Image.Transpose.ROTATE_180) if upside_down else image


def rows(image):
    width, height = image.size
    pixels = image.tobytes()
    return [pixels[row * width : (row + 1) * width] for row in range(height)]


def batch(images, padded_to):
    planes = np.array([plane(rows(image), padded_to) for image in images], dtype=np.float32)
    return {"x": np.repeat(planes[:, None], CHANNELS, axis=1)}


def golden_inputs(lines):
    images = [turned(render(text, 36), upside_down) for text, upside_down in lines]
    return batch(images, images[0].size[0])


def write_samples():
    (HERE / "samples").mkdir(exist_ok=True)
    for name, text in SAMPLES.items():
        image = turned(render(text, 28), name == "upside-down")
        header = f"P5\n{image.size[0]} {image.size[1]}\n255\n".encode()
        (HERE / "samples" / f"{name}.pgm").write_bytes(header + image.tobytes())


def accuracy(session, count=500):
    """Two words a line, each line both ways up."""
    source = (HERE / "LICENSE").read_text(encoding="utf-8")
    words = sorted({word for word in source.split() if word.isalpha() and len(word) > 3})
    chance = random.Random(0)
    right = 0
    for _ in range(count):
        image = render(" ".join(chance.sample(words, 2)), 28)
        scores = session.run(None, batch([turned(image, False), turned(image, True)], WIDTH))[0]
        right += int(np.sum(scores.argmax(axis=1) == [0, 1]))
    return right / (2 * count), 2 * count


def main():
    version = HERE / "1"
    version.mkdir(exist_ok=True)
    (version / "model.onnx").write_bytes(wheel.read(PACKAGE, VERSION, MODEL, MODEL_SHA256))
    write_samples()

    session = golden.open_model(version / "model.onnx")
    for name in SAMPLES:
        grey = read_pgm((HERE / "samples" / f"{name}.pgm").read_bytes())
        x = np.array([[plane(grey)] * CHANNELS], dtype=np.float32)
        print(f"samples/{name}.pgm: {session.run(None, {'x': x})[0].ravel().tolist()}")
    share, count = accuracy(session)
    print(f"accuracy {share:.3f} on {count} rendered lines")

    for lines, example in zip(EXAMPLES, golden.write(version, [golden_inputs(lines) for lines in EXAMPLES])):
        print(lines, example["response"]["outputs"][0]["data"])


if __name__ == "__main__":
    main()
