"""Find the crop that makes detector crops match FER2013's frames.

FER2013's faces were cropped by another detector, with an undocumented border. Run on those frames,
our detector shows where its own box lies in them; the crop must place the box there. Since a tight
frame has no surroundings, which may distort the box, frames are shown both bare and with grey
borders, at several sizes, and the median over these settings is used. The landmarks of eyes and
mouth, which are well inside the frame, serve as a check.

    python benchmarks/crop_margin.py fer2013.zip

takes about two minutes on one core and writes benchmarks/crop_margin.json.
"""

import argparse
import itertools
import json
import statistics
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.faces.detector import FaceDetector
from mien.faces.face import Face
from mien.images import read_image

FRAME = 48
SIZES = (160, 224, 320)
BORDERS = (0, 12, 24, 48)
ROUND_TO = 0.02  # finer than the agreement between settings


def sample_frames(path: Path, count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Draw frames from FER2013's training split."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if "/Training_" in name)
        chosen = np.random.default_rng(seed).choice(len(names), size=count, replace=False)
        return [read_image(archive.read(names[index])) for index in sorted(chosen)]


def add_border(frame: NDArray[np.uint8], border: int) -> NDArray[np.uint8]:
    """Surround a frame with its mean grey."""
    around = ((border, border), (border, border), (0, 0))
    return np.pad(frame, around, constant_values=round(float(frame.mean())))


def measure(face: Face, border: int) -> tuple[float, ...]:
    """Return the position of the box and the landmarks in the frame."""
    box = face.box
    longer = max(box.width, box.height)
    middle = border + FRAME / 2
    eyes = np.mean(face.landmarks[:2], axis=0)
    mouth = np.mean(face.landmarks[3:], axis=0)
    return (
        FRAME / longer,
        (middle - box.x - box.width / 2) / longer,
        (middle - box.y - box.height / 2) / longer,
        float(np.linalg.norm(mouth - eyes)) / FRAME,
        (float(eyes[1] + mouth[1]) / 2 - border) / FRAME,
    )


def main() -> None:
    """Measure, and write the result next to this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="fer2013.zip")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    frames = sample_frames(arguments.data, arguments.count, arguments.seed)
    settings = []
    for size, border in itertools.product(SIZES, BORDERS):
        detector = FaceDetector(detector_size=size, threads=1)
        found = [detector.detect(add_border(frame, border)) for frame in frames]
        rows = np.array([measure(faces[0], border) for faces in found if faces])
        ratio, shift_x, shift_y, eyes_to_mouth, face_y = np.median(rows, axis=0)
        quartiles = np.percentile(rows[:, 0], [25, 75])
        settings.append(
            {
                "detector_size": size,
                "border_px": border,
                "found": len(rows),
                "frame_per_box": round(float(ratio), 3),
                "frame_per_box_quartiles": [round(float(value), 3) for value in quartiles],
                "shift_x": round(float(shift_x), 3),
                "shift_y": round(float(shift_y), 3),
                "eyes_to_mouth_per_frame": round(float(eyes_to_mouth), 3),
                "face_y_per_frame": round(float(face_y), 3),
            }
        )
        print(settings[-1], flush=True)
    middle = {
        key: statistics.median(float(setting[key]) for setting in settings)
        for key in ("frame_per_box", "shift_x", "shift_y")
    }
    result = {
        "split": "train (Training_*)",
        "count": arguments.count,
        "seed": arguments.seed,
        "median": middle,
        "crop_margin": round((middle["frame_per_box"] - 1) / 2 / ROUND_TO) * ROUND_TO,
        "crop_shift_y": round(middle["shift_y"] / ROUND_TO) * ROUND_TO,
        "settings": settings,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
