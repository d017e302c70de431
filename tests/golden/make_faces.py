"""Write faces.json: the faces that every implementation must find in a few small pictures.

    python tests/golden/make_faces.py

Python's tests and the page's tests read the result and the pictures. The recognizer's
figures hold for the model whose hash stands in the file; with other weights, run this again.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import mien
from mien.faces.detector import DETECTOR_PATH, _pad, _scale, _to_pillow
from mien.model.recognizer import ASSETS, NETWORKS

HERE = Path(__file__).parent


def draw_pictures(portrait: Image.Image) -> dict[str, Image.Image]:
    """Make pictures of every kind that detection treats in a way of its own."""
    head = portrait.crop((96, 0, 352, 256))
    group = Image.fromarray(_gradient(420, 760))
    for place, side in (((40, 60), 230), ((330, 170), 150), ((520, 40), 90), ((640, 300), 36)):
        group.paste(head.resize((side, side), Image.Resampling.LANCZOS), place)
    turned = Image.fromarray(_gradient(200, 150))
    turned.paste(head.resize((130, 130), Image.Resampling.LANCZOS).rotate(20), (10, 40))
    tight = head.crop((72, 36, 184, 172))
    return {
        "group": group,
        "tight": tight,
        "turned": turned,
        "empty": Image.fromarray(_gradient(90, 160)),
    }


def _gradient(height: int, width: int) -> NDArray[np.uint8]:
    """Paint a calm background that holds no face: (height, width, 3) uint8."""
    y, x = np.mgrid[:height, :width]
    levels = np.stack([70 + 90 * x / width, 90 + 70 * y / height, 150 - 60 * x / width], axis=2)
    return levels.astype(np.uint8)


def describe(image: NDArray[np.uint8]) -> dict[str, object]:
    """Return what every implementation must find in one picture."""
    inputs = {size: _pad(_scale(_to_pillow(image), size).image) for size in (640, 224, 160)}
    return {
        "width": image.shape[1],
        "height": image.shape[0],
        "detector_input_sha256": {
            size: hashlib.sha256(pixels.tobytes()).hexdigest() for size, pixels in inputs.items()
        },
        "models": {
            model: mien.analyze(image, model=model, threads=1).to_dict()["faces"]
            for model in NETWORKS
            if (ASSETS / f"{model}.onnx").is_file()
        },
    }


def main() -> None:
    """Write the pictures, and what is in them."""
    portrait_path = HERE.parent.parent / "examples" / "astronaut.jpg"
    pictures = {}
    for name, picture in draw_pictures(Image.open(portrait_path).convert("RGB")).items():
        picture.save(HERE / f"{name}.png", optimize=True)
        pictures[f"{name}.png"] = describe(mien.read_image(HERE / f"{name}.png"))
    detector = DETECTOR_PATH.read_bytes()
    golden = {
        "models": {
            model: hashlib.sha256((ASSETS / f"{model}.onnx").read_bytes()).hexdigest()
            for model in NETWORKS
            if (ASSETS / f"{model}.onnx").is_file()
        },
        "detector_sha256": hashlib.sha256(detector).hexdigest(),
        "pictures": pictures,
    }
    (HERE / "faces.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
