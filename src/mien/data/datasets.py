"""Read labelled faces from a zip, a folder or a table into split arrays."""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.archives import BrokenFile, Source, open_source, open_zip, read_chunks, read_file
from mien.data.fer2013_csv import Row, is_table, read_table
from mien.data.holdout import TEST_FRACTION, VALIDATION_FRACTION, hold_out
from mien.data.layout import OFFICIAL_NAME, SPLIT_NAMES, find_layout, is_image_name
from mien.emotions import EMOTIONS
from mien.errors import DataError, ImageError, ModelError
from mien.faces.crop import crop_face, to_grey
from mien.faces.face import Box, Face
from mien.images import read_image

__all__ = ["BrokenFile", "Dataset", "Split", "join_splits", "load_dataset"]

FER2013_SPLITS: Final = ("Training", "PublicTest", "PrivateTest")
MIN_SIZE: Final = 8

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The images of one split, sorted by path.

    Attributes:
        name: "train", "validation" or "test"; or "all", if they were joined.
        images: (N, size, size) uint8, grey levels.
        labels: (N,) int64, indices into the dataset's `class_names`.
        paths: N names, each once in the dataset.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    paths: tuple[str, ...]

    def take(self, chosen: NDArray[np.int64]) -> "Split":
        """Select faces by their indices."""
        paths = tuple(self.paths[i] for i in chosen)
        return Split(self.name, self.images[chosen], self.labels[chosen], paths)


@dataclass(frozen=True)
class Dataset:
    """A labelled set of faces in memory.

    Attributes:
        source: The path it was read from.
        class_names: Names of the classes present: `EMOTIONS` for FER2013.
        splits: "train", "validation" and "test", in this order; a split may be missing, but none is
            empty.
        broken: Files and rows that could not be used, and why.
        notes: Sentences about decisions of the loader, such as mapped class names or created
            splits.
    """

    source: str
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]
    broken: tuple[BrokenFile, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Pictures:
    """The faces read so far; `splits` is None if the data does not define them."""

    class_names: tuple[str, ...]
    paths: list[str] = field(default_factory=list)
    splits: list[str | None] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    images: list[NDArray[np.uint8]] = field(default_factory=list)
    broken: list[BrokenFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, path: str, split: str | None, class_name: str, image: NDArray[np.uint8]) -> None:
        self.paths.append(path)
        self.splits.append(split)
        self.labels.append(self.class_names.index(class_name))
        self.images.append(image)


def load_dataset(path: str | Path, *, size: int = 48, seed: int = 0) -> Dataset:
    """Read a labelled set of faces, in any supported layout.

    Supported are a zip or a folder of `train|val|test/<class>/...` or `<class>/...`, such as
    Kaggle's FER2013; `fer2013.csv` and `icml_face_data.csv`; and a zip or a folder that contains
    one of these. Nothing is extracted to disk, except a temporary copy of a zip within a zip.

    FER2013's official splits are recognized by file name or Usage: Training is "train", PublicTest
    "validation", PrivateTest "test". If there is no validation split, a tenth of each class in
    train becomes one; if there are no splits at all, another tenth becomes the test split. Exact
    duplicates stay in one split. `Dataset.notes` says so.

    Images of any size and colour are converted to grey, cropped to the central square and resized
    with the code of `crop_face`, so training and inference see the same grey levels.

    Args:
        path: A folder, a zip or a CSV file.
        size: Side of the returned images in pixels, 8 or more.
        seed: Determines which images are held out, if mien creates splits.

    Returns:
        The dataset, the same on every machine. Corrupt files are listed in it.

    Raises:
        DataError: There is nothing usable, or the file is unsafe.
    """
    if size < MIN_SIZE:
        raise DataError(f"{size} x {size} pixels are too few for a face; use {MIN_SIZE} or more")
    with open_source(Path(path)) as source:
        pictures = _read_source(source, size)
        name = source.name

    if not pictures.images:
        broken = [f"{file.path} {file.reason}" for file in pictures.broken]
        why = f"; the first of {len(broken):,} corrupt ones: {broken[0]}" if broken else ""
        raise DataError(f"{name} contains no usable image{why}")

    _cut_splits(pictures, seed)
    return Dataset(
        source=name,
        class_names=pictures.class_names,
        splits={
            split: _gather(pictures, split) for split in SPLIT_NAMES if split in pictures.splits
        },
        broken=tuple(pictures.broken),
        notes=tuple(pictures.notes),
    )


def join_splits(dataset: Dataset) -> Split:
    """Join all faces of a dataset into one split, "all", sorted by path."""
    parts = list(dataset.splits.values())
    paths = [path for part in parts for path in part.paths]
    order = np.array(sorted(range(len(paths)), key=paths.__getitem__))
    images = np.concatenate([part.images for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    return Split("all", images, labels, tuple(paths)).take(order)


def _read_source(source: Source, size: int, *, nested: bool = False) -> _Pictures:
    """Read the image files of a source, or else its table, or else its zip."""
    if any(is_image_name(file) for file in source.files):
        return _read_files(source, size)

    for file in source.files:
        is_candidate = file.lower().endswith(".csv") or len(source.files) == 1
        if is_candidate and is_table(next(read_chunks(source, file), b"")):
            return _read_table(source, file, size)

    # A zip may contain one other zip, but no deeper nesting.
    zips = [file for file in source.files if file.lower().endswith(".zip")]
    if len(zips) == 1 and not nested:
        with tempfile.TemporaryFile() as copy:
            for chunk in read_chunks(source, zips[0]):
                copy.write(chunk)
            with open_zip(copy, f"{source.name}/{zips[0]}") as inner:
                return _read_source(inner, size, nested=True)
    raise DataError(
        f"{source.name} contains no images in class folders and no table with the columns emotion "
        "and pixels; pass Kaggle's FER2013 zip, fer2013.csv, or a folder of train/<class>/..."
    )


def _read_files(source: Source, size: int) -> _Pictures:
    """Read image files whose folders name their classes."""
    try:
        layout = find_layout(source.files, source.folders)
    except DataError as error:
        raise DataError(f"{source.name}: {error}") from error

    pictures = _Pictures(layout.class_names)
    pictures.broken.extend((*source.broken, *layout.strays))
    pictures.notes.extend(layout.notes)

    for file, place in layout.places.items():
        try:
            image = _fit_face(read_image(read_file(source, file)), size)
        except (DataError, ImageError) as error:
            reason = str(error).removeprefix("<bytes> ")
            pictures.broken.append(BrokenFile(file, reason))
        else:
            pictures.add(file, place.split, place.class_name, image)
    return pictures


def _read_table(source: Source, file: str, size: int) -> _Pictures:
    """Read a table of labels and pixels."""
    pictures = _Pictures(EMOTIONS)
    for row in read_table(read_chunks(source, file), file):
        if isinstance(row, Row):
            image = row.image
            if size != len(image):
                image = _fit_face(np.repeat(image[:, :, np.newaxis], 3, axis=2), size)
            pictures.add(row.path, row.split, row.emotion, image)
        else:
            pictures.broken.append(row)
    _keep_classes_that_are_there(pictures)
    return pictures


def _keep_classes_that_are_there(pictures: _Pictures) -> None:
    """Drop classes without pictures: an output for them would learn nothing."""
    present = sorted(set(pictures.labels))
    kept = tuple(pictures.class_names[label] for label in present)
    if len(kept) > 1:
        pictures.labels = [present.index(label) for label in pictures.labels]
        pictures.class_names = kept


def _fit_face(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Convert (H, W, 3) uint8 RGB to (size, size) uint8 grey; grey images of that size are kept."""
    height, width = image.shape[:2]
    if height == width == size:
        return to_grey(image)
    side = min(height, width)
    square = Box((width - side) / 2, (height - side) / 2, side, side)
    return crop_face(image, Face(square, landmarks=(), score=1.0), margin=0.0, size=size)


def _cut_splits(pictures: _Pictures, seed: int) -> None:
    """Assign splits to images without one, and create a validation split if there is none."""
    found = set(pictures.splits)

    open_end = [i for i, split in enumerate(pictures.splits) if split is None]
    if open_end:
        fractions = {"validation": VALIDATION_FRACTION, "test": TEST_FRACTION}
        what = "the data has no splits: a tenth of every class each is held out"
    elif "train" in found and "validation" not in found:
        open_end = [i for i, split in enumerate(pictures.splits) if split == "train"]
        fractions = {"validation": VALIDATION_FRACTION}
        what = "the data has no validation split: a tenth of every class is held out of train"
    else:
        return

    chosen = hold_out(
        [pictures.images[i] for i in open_end],
        [pictures.labels[i] for i in open_end],
        fractions,
        seed=seed,
    )

    for index, split in zip(open_end, chosen, strict=True):
        pictures.splits[index] = split
    pictures.notes.append(
        f"{what} for {' and '.join(fractions)}, by the images' hash, duplicates together (seed "
        f"{seed})"
    )


def _gather(pictures: _Pictures, split: str) -> Split:
    """Stack the images of a split into one array, sorted by path."""
    chosen = [i for i, name in enumerate(pictures.splits) if name == split]
    chosen.sort(key=pictures.paths.__getitem__)
    return Split(
        name=split,
        images=np.stack([pictures.images[i] for i in chosen]),
        labels=np.array([pictures.labels[i] for i in chosen], dtype=np.int64),
        paths=tuple(pictures.paths[i] for i in chosen),
    )


def title_of(split: Split) -> str:
    """Return a split's usual name: FER2013's test split is PrivateTest."""
    return fer2013_split(split.paths) or split.name


def require_splits(dataset: Dataset) -> None:
    """Reject data without the splits that training needs.

    Raises:
        DataError: There is no train or no validation split; the message explains why, if FER2013's
            file names are the reason.
    """
    missing = next((name for name in ("train", "validation") if name not in dataset.splits), None)
    if missing is None:
        return

    named = {title_of(there): name for name, there in dataset.splits.items()}
    official = next((title for title in FER2013_SPLITS if title in named), None)
    told = f"{dataset.source} has no {missing} split, which training needs"
    if official is None:
        raise DataError(f"{told}; add train/<class>/... and val/<class>/... folders")
    raise DataError(
        f"{told}: its pictures are named {official}_..., which marks FER2013's {named[official]} "
        "split; rename them, or sort them into train/<class>/ and val/<class>/ folders"
    )


def fer2013_split(paths: Sequence[str]) -> str | None:
    """Return the official FER2013 split that all these paths belong to, or None."""
    names = {_official_split(path) for path in paths}
    return names.pop() if len(names) == 1 else None


def _official_split(path: str) -> str | None:
    """Return PublicTest for test/happy/PublicTest_7.jpg or fer2013.csv/PublicTest/000007."""
    *folders, name = path.split("/")
    if match := OFFICIAL_NAME.fullmatch(name):
        return match[1]
    usage = folders[-1] if folders else ""
    return usage if name.isdigit() and usage in FER2013_SPLITS else None


def translate_labels(labels: Labels, data: tuple[str, ...], model: tuple[str, ...]) -> Labels:
    """Convert class indices of the data to those of the model, by name."""
    unknown = [name for name in data if name not in model]
    if unknown:
        raise ModelError(
            f"the data has {', '.join(unknown)}, but the model only knows {', '.join(model)}; "
            "choose a model that was trained on these classes"
        )
    return np.array([model.index(name) for name in data], dtype=np.int64)[labels]


def digest_faces(split: Split) -> str:
    """Return the SHA-256 of a split's pixels and labels, in hexadecimal."""
    digest = hashlib.sha256(np.ascontiguousarray(split.images).tobytes())
    digest.update(split.labels.astype("<i8").tobytes())
    return digest.hexdigest()
