"""Write crops.json: the crops of a small picture that every implementation must produce.

    python tests/golden/make_crops.py

Python's tests and the page's tests read the result. It changes only when the definition in
docs/crop.md does.
"""

import base64
import json
from pathlib import Path

import numpy as np
from PIL import Image

import mien
from mien.faces.crop import crop_face

HERE = Path(__file__).parent
UPRIGHT = ((30.0, 35.0), (60.0, 35.0), (45.0, 50.0), (33.0, 62.0), (57.0, 62.0))
CASES = {
    "about the picture's own size": ((21.3, 17.8, 44.2, 51.9), UPRIGHT, 0.0, -0.02, 48),
    "enlarged": ((33.1, 30.7, 21.6, 19.2), UPRIGHT, 0.0, -0.02, 48),
    "made smaller": ((4.4, 2.1, 81.0, 88.5), UPRIGHT, 0.0, -0.02, 48),
    "with a margin": ((25.0, 22.0, 40.0, 42.0), UPRIGHT, 0.2, 0.05, 48),
    "past the left and upper edge": ((-30.2, -12.9, 60.0, 66.6), UPRIGHT, 0.1, 0.0, 48),
    "past the right and lower edge": ((60.5, 70.25, 70.0, 60.0), UPRIGHT, 0.1, 0.0, 48),
    "outside": ((200.0, 30.0, 40.0, 40.0), UPRIGHT, 0.0, 0.0, 48),
    "exact: the picture itself": ((24.0, 24.0, 48.0, 48.0), UPRIGHT, 0.0, 0.0, 48),
    "ties: twice as large": ((30.0, 30.0, 24.0, 24.0), UPRIGHT, 0.0, 0.0, 48),
    "ties: half as large": ((0.0, 0.0, 96.0, 96.0), UPRIGHT, 0.0, 0.0, 48),
    "another size": ((21.3, 17.8, 44.2, 51.9), UPRIGHT, 0.0, -0.02, 32),
    "without landmarks": ((21.3, 17.8, 44.2, 51.9), (), 0.0, -0.02, 48),
    "chin to the left": (
        (21.3, 17.8, 51.9, 44.2),
        ((62.0, 30.0), (62.0, 60.0), (48.0, 45.0), (35.0, 33.0), (35.0, 57.0)),
        0.0,
        -0.1,
        48,
    ),
    "upside down": (
        (21.3, 17.8, 44.2, 51.9),
        ((60.0, 62.0), (30.0, 62.0), (45.0, 48.0), (57.0, 35.0), (33.0, 35.0)),
        0.0,
        -0.1,
        48,
    ),
    "chin to the right": (
        (21.3, 17.8, 51.9, 44.2),
        ((35.0, 60.0), (35.0, 30.0), (48.0, 45.0), (62.0, 57.0), (62.0, 33.0)),
        0.0,
        -0.1,
        48,
    ),
}


def main() -> None:
    """Cut the crops and write them beside this file."""
    portrait = Image.open(HERE.parent.parent / "examples" / "astronaut.jpg").convert("RGB")
    image = np.asarray(portrait.crop((130, 10, 322, 202)).resize((96, 96)))
    cases = []
    for name, (box, landmarks, margin, shift_y, size) in CASES.items():
        face = mien.Face(box=mien.Box(*box), landmarks=landmarks, score=0.9)
        crop = crop_face(image, face, margin=margin, shift_y=shift_y, size=size)
        x, y, width, height = box
        cases.append(
            {
                "name": name,
                "box": {"x": x, "y": y, "width": width, "height": height},
                "landmarks": landmarks,
                "margin": margin,
                "shift_y": shift_y,
                "size": size,
                "grey_base64": base64.b64encode(crop.tobytes()).decode(),
            }
        )
    golden = {
        "width": image.shape[1],
        "height": image.shape[0],
        "rgb_base64": base64.b64encode(image.tobytes()).decode(),
        "crops": cases,
    }
    (HERE / "crops.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
