"""Determine the classes and splits of a dataset from its file names."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from mien.contents import PICTURE_ENDINGS
from mien.data.archives import BrokenFile
from mien.emotions import EMOTIONS
from mien.errors import DataError

SPLIT_NAMES: Final = ("train", "validation", "test")
SPLIT_OF_WORD: Final[Mapping[str, str]] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "publictest": "validation",
    "test": "test",
    "testing": "test",
    "privatetest": "test",
}
"""Names of split folders and of a table's Usage found in practice, in lower case."""

EMOTION_OF_WORD: Final[Mapping[str, str]] = {
    **{emotion: emotion for emotion in EMOTIONS},
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "natural": "neutral",
    "sadness": "sad",
    "surprised": "surprise",
}
"""Other names of FER2013's classes, in lower case."""

OFFICIAL_NAME: Final = re.compile(r"(Training|PublicTest|PrivateTest)_\d+\.\w+")
"""The file names of FER2013's images; the first group is their split."""
_FOLDERS_OF: Final = {
    "train": (None, "train"),
    "validation": (None, "test", "validation"),
    "test": (None, "test"),
}


@dataclass(frozen=True)
class Place:
    """The class and split of an image.

    Attributes:
        class_name: One of the layout's classes.
        split: One of `SPLIT_NAMES`, or None if neither folder nor file name tells.
    """

    class_name: str
    split: str | None


@dataclass(frozen=True)
class Layout:
    """The classes and splits that the file names of a dataset imply.

    Attributes:
        class_names: Class names, in the order of the labels.
        places: Class and split of each file in a class, sorted by name.
        strays: Image files outside any class.
        notes: Sentences about mapped names.
    """

    class_names: tuple[str, ...]
    places: Mapping[str, Place]
    strays: tuple[BrokenFile, ...]
    notes: tuple[str, ...]


def is_image_name(name: str) -> bool:
    """Return whether a file has an image's extension and is not an operating system's file."""
    return not _is_litter(name) and PurePosixPath(name).suffix.lower() in PICTURE_ENDINGS


def find_layout(files: Sequence[str], empty_folders: Sequence[str] = ()) -> Layout:
    """Find the class and the split of each file.

    The layout is `train|val|test/<class>/...` at any depth if at least one image has such a path,
    otherwise `<class>/...` below the deepest folder that contains all images. File names of FER2013
    (`Training_`, `PublicTest_`, `PrivateTest_` and a number) determine the split, unless the
    folders assign the images to other splits.

    Args:
        files: File names, with "/" between folders.
        empty_folders: Folders without files: a class without images is still a class.

    Raises:
        DataError: There are fewer than two class folders, or two with the same meaning.
    """
    kept = sorted(name for name in files if not _is_litter(name))
    images = [name for name in kept if is_image_name(name)]
    by_split = any(_split_and_class(name)[0] for name in images)
    root = () if by_split else _common_folder(images)

    found: dict[str, tuple[str | None, str]] = {}
    strays = []
    for name in kept:
        split, class_folder = (
            _split_and_class(name) if by_split else (None, _folder_below(name, root))
        )
        if class_folder is not None:
            found[name] = (split, class_folder)
        elif is_image_name(name):
            where = "train, validation or test folder" if by_split else "class folder"
            strays.append(BrokenFile(name, f"is in no {where}"))

    # A folder with only other files, such as notes, is no class; an empty folder is one.
    with_images = {found[name][1] for name in images if name in found}
    left_out = {class_folder for _, class_folder in found.values()} - with_images
    found = {name: place for name, place in found.items() if place[1] in with_images}
    empty = _empty_classes(empty_folders, by_split, root)
    if len(with_images | empty) < 2:
        raise DataError(
            f"found {'one class folder' if with_images else 'no class folder'} with images, "
            "expected at least two: train/<class>/..., test/<class>/..., or <class>/..."
        )

    meanings = _read_class_folders(with_images | empty)
    splits = _read_splits({name: split for name, (split, _) in found.items()})
    return Layout(
        class_names=tuple(sorted(set(meanings.values()))),
        places={name: Place(meanings[folder], splits[name]) for name, (_, folder) in found.items()},
        strays=tuple(strays),
        notes=_note_folders(meanings, left_out),
    )


def _note_folders(meanings: Mapping[str, str], left_out: set[str]) -> tuple[str, ...]:
    """Describe which folders are mapped to another name, and which are left out."""
    read = (
        f"the class folder {folder!r} is read as {meaning!r}"
        for folder, meaning in sorted(meanings.items())
        if folder != meaning
    )
    skipped = (
        f"the folder {folder!r} contains no file with a picture's extension, and is left out"
        for folder in sorted(left_out)
    )
    return *read, *skipped


def _read_class_folders(folders: set[str]) -> dict[str, str]:
    """Map folder names to emotions if that is possible for all, otherwise keep them."""
    are_emotions = all(folder.strip().lower() in EMOTION_OF_WORD for folder in folders)
    spellings = defaultdict(list)
    for folder in sorted(folders):
        word = folder.strip().lower()
        spellings[EMOTION_OF_WORD[word] if are_emotions else word].append(folder)
    for same in spellings.values():
        if len(same) > 1:
            raise DataError(
                f"the class folders {' and '.join(map(repr, same))} have the same meaning; "
                "rename one of them"
            )
    return {same[0]: meaning if are_emotions else same[0] for meaning, same in spellings.items()}


def _read_splits(folders: Mapping[str, str | None]) -> dict[str, str | None]:
    """Read the splits from FER2013's file names unless the folders contradict them."""
    names = {
        file: SPLIT_OF_WORD[match[1].lower()]
        for file in folders
        if (match := OFFICIAL_NAME.fullmatch(file.rsplit("/", 1)[-1]))
    }
    agree = all(folders[file] in _FOLDERS_OF[split] for file, split in names.items())
    if "validation" in folders.values() and "test" in folders.values():
        # The folders have three splits of their own: PublicTest images in test/ belong there.
        agree = agree and all(folders[file] in {None, split} for file, split in names.items())
    some_without = len(names) < len(folders)
    if not agree or not names or (some_without and None in folders.values()):
        return dict(folders)
    return {**folders, **names}


def _split_and_class(name: str) -> tuple[str | None, str | None]:
    """Find the last folder that is named like a split and contains a class folder."""
    folders = name.split("/")[:-1]
    for depth in range(len(folders) - 2, -1, -1):
        split = SPLIT_OF_WORD.get(folders[depth].strip().lower())
        if split is not None:
            return split, folders[depth + 1]
    return None, None


def _folder_below(name: str, root: tuple[str, ...]) -> str | None:
    """Return the folder directly below the root that contains a file, if any."""
    folders = tuple(name.split("/")[:-1])
    return folders[len(root)] if folders[: len(root)] == root and folders != root else None


def _common_folder(images: Sequence[str]) -> tuple[str, ...]:
    """Find the deepest folder that contains all images."""
    if not images:
        return ()
    # Names are sorted, so a prefix shared by the first and last one is shared by all.
    first, last = (name.split("/")[:-1] for name in (images[0], images[-1]))
    depth = 0
    while depth < min(len(first), len(last)) and first[depth] == last[depth]:
        depth += 1
    return tuple(first[:depth])


def _empty_classes(folders: Sequence[str], by_split: bool, root: tuple[str, ...]) -> set[str]:
    """Find the classes that have a folder but no files in it."""
    classes = set()
    for folder in folders:
        if _is_litter(folder):
            continue
        inside = f"{folder}/."  # as if the folder contained a file
        class_folder = _split_and_class(inside)[1] if by_split else _folder_below(inside, root)
        if class_folder is not None and folder.split("/")[-1] == class_folder:
            classes.add(class_folder)
    return classes


def _is_litter(name: str) -> bool:
    parts = name.split("/")
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1] in {
        "Thumbs.db",
        "desktop.ini",
    }
