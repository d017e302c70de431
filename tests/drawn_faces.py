"""Drawn faces, one pattern per class: small data that a network can really learn."""

import numpy as np
from PIL import Image, ImageDraw

from mien.data.datasets import Dataset, Split
from mien.emotions import EMOTIONS

# Brow slope, eye opening, mouth curve and mouth opening of each class, in pixels.
_FEATURES = {
    "angry": (3, 2, -2, 0),
    "disgust": (2, 1, -3, 2),
    "fear": (-3, 4, -1, 3),
    "happy": (0, 2, 5, 2),
    "neutral": (0, 2, 0, 0),
    "sad": (-2, 1, -5, 0),
    "surprise": (-1, 5, 0, 6),
}


def draw_face(label: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a face of a class, (48, 48) uint8 grey, a little different each time."""
    slope, eye, curve, opening = _FEATURES[EMOTIONS[label]]
    image = Image.new("L", (48, 48), int(rng.integers(20, 60)))
    draw = ImageDraw.Draw(image)
    dx, dy = (int(v) for v in rng.integers(-2, 3, size=2))
    draw.ellipse((6 + dx, 2 + dy, 42 + dx, 46 + dy), fill=int(rng.integers(150, 200)))
    for side in (-1, 1):
        x = 24 + dx + 9 * side
        draw.ellipse((x - 4, 20 + dy - eye, x + 4, 20 + dy + eye), fill=20)
        draw.line((x - 5 * side, 13 + dy + slope, x + 5 * side, 13 + dy - slope), fill=40, width=2)
    mouth = [
        (24 + dx + t, 36 + dy + curve * (1 - t * t / 81) - curve / 2) for t in range(-9, 10, 3)
    ]
    draw.line(mouth, fill=30, width=2)
    if opening:
        draw.ellipse((19 + dx, 36 + dy - opening, 29 + dx, 36 + dy + opening), fill=10)
    noisy = np.asarray(image, dtype=np.float64) + rng.normal(0, 6, (48, 48))
    return noisy.clip(0, 255).astype(np.uint8)


def drawn_split(name: str, per_class: int, seed: int) -> Split:
    """Make a split of drawn faces."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(EMOTIONS)), per_class)
    return Split(
        name,
        np.stack([draw_face(int(label), rng) for label in labels]),
        labels.astype(np.int64),
        tuple(f"{name}/{EMOTIONS[label]}/{i}.png" for i, label in enumerate(labels)),
    )


def drawn_dataset(per_class: int = 4, validation: int = 2) -> Dataset:
    """Make a dataset of drawn faces with the three splits."""
    splits = {
        "train": drawn_split("train", per_class, seed=1),
        "validation": drawn_split("validation", validation, seed=2),
        "test": drawn_split("test", validation, seed=3),
    }
    return Dataset("drawn faces", EMOTIONS, splits, ())
