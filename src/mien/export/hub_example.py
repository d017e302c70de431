"""Read the apparent expression of one face with only onnxruntime, NumPy and Pillow.

    pip install onnxruntime numpy pillow
    python example.py photo.jpg 178 63 90 110      # the face's box: left, top, width, height
    python example.py face.png                     # an upright face, cropped closely

Any face detector works. With mien installed, `mien analyze photo.jpg` also finds the faces.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps

FOLDER = Path(__file__).parent


def main() -> None:
    """Print the probability of each expression, the most probable first."""
    picture = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGB")
    box = tuple(map(float, sys.argv[2:6])) or (0.0, 0.0, *map(float, picture.size))
    contract = read_contract()
    probabilities = predict(crop(picture, box, contract), contract)
    for name, value in sorted(probabilities.items(), key=lambda item: -item[1]):
        print(f"{name:<12} {value:.3f}")


def read_contract() -> dict[str, object]:
    """Read the contract, the .json file in this folder: the network's input and output."""
    (path,) = FOLDER.glob("*.json")
    contract: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return contract | {"file": contract.get("file") or f"{path.stem}.onnx"}


def crop(
    picture: Image.Image, box: tuple[float, ...], contract: dict[str, object]
) -> NDArray[np.uint8]:
    """Cut a square around a face in the network's input format: (48, 48) uint8 grey.

    Pixels outside the picture repeat its edge.
    """
    left, top, width, height = box
    longer, size = max(width, height), int(str(contract["input_size"]))
    side = longer * (1 + 2 * float(str(contract["crop_margin"])))
    x = left + width / 2 - side / 2
    y = top + height / 2 + longer * float(str(contract["crop_shift_y"])) - side / 2

    border = int(np.ceil(side)) + 2
    grey = np.pad(np.asarray(picture.convert("L"), dtype=np.float64), border, mode="edge")
    rows = average(grey, y + border, side, size)  # (48, W)
    levels = average(rows.T, x + border, side, size).T  # (48, 48)
    return np.floor(levels + 0.5).astype(np.uint8)


def average(
    levels: NDArray[np.float64], start: float, extent: float, size: int
) -> NDArray[np.float64]:
    """Average the first axis over adjacent windows, each at least a pixel wide."""
    step = extent / size
    half = max(step, 1.0) / 2
    centres = start + step * (np.arange(size) + 0.5)
    sums = np.concatenate([np.zeros_like(levels[:1]), np.cumsum(levels, axis=0)])

    def sum_to(edge: NDArray[np.floating]) -> NDArray[np.float64]:
        whole = np.floor(edge).astype(int)
        part = (edge - whole)[:, np.newaxis]
        return np.asarray(sums[whole] + part * levels[whole])

    return np.subtract(sum_to(centres + half), sum_to(centres - half)) / (2 * half)


def predict(face: NDArray[np.uint8], contract: dict[str, object]) -> dict[str, float]:
    """Return each expression's calibrated probability for a (48, 48) uint8 grey face."""
    session = onnxruntime.InferenceSession(FOLDER / str(contract["file"]))
    faces = face[np.newaxis, np.newaxis].astype(np.float32) / 255  # (1, 1, 48, 48) in [0, 1]
    (logits,) = session.run([contract["output_name"]], {contract["input_name"]: faces})
    scores = logits[0].astype(np.float64) / float(str(contract["temperature"]))
    shares = np.exp(scores - scores.max())
    names = contract["class_names"]
    assert isinstance(names, list)  # noqa: S101 - for type checkers
    return dict(zip(names, (shares / shares.sum()).tolist(), strict=True))


if __name__ == "__main__":
    main()
