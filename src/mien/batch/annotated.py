"""Name and write annotated copies of photos."""

import errno
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.batch.sources import Source, is_folder
from mien.draw import annotate as draw
from mien.errors import (
    ConfigError,
    ImageError,
    MienError,
    OutputError,
    SourceError,
    describe_error,
)
from mien.files import replacing
from mien.images import read_picture
from mien.results import Failure, ImageResult
from mien.video.annotate import VIDEOS

PICTURES: Final = (".jpg", ".jpeg", ".png", ".webp")
"""Endings by which a target is a file and no folder."""


class Copies:
    """Names copies in the order of their sources, so that the same sources get the same names.

    Below a folder that was named, copies lie as their photos do. `photo.jpg` becomes
    `photo-annotated.jpg`. Where two photos of different folders would share a name, each gets its
    folder's name in front: `baseline-P01-annotated.jpg`. If they still share it, the later ones get
    a number.
    """

    def __init__(self, target: Path, named: Sequence[str], *, font: Path | None = None) -> None:
        """Check the target before any work is done.

        Args:
            target: A file, if it ends like a picture or a video and is no folder; else a folder.
            named: What the command line names, to see that none of it is written over.
            font: A font file for the words; None finds one.

        Raises:
            ConfigError: Several photos would go into one file, or a copy over what is read.
        """
        self.target = target
        self.font = font
        endings = (*PICTURES, *VIDEOS)
        self.is_file = target.suffix.lower() in endings and not target.is_dir()
        self._taken: set[str] = set()
        if self.is_file and (len(named) != 1 or is_folder(named[0])):
            raise self._refuse_several()
        self._originals = {_resolve(path) for path in named}
        if _resolve(target) in self._originals and not self.is_file:
            raise ConfigError(
                f"{target} is read, so annotated copies cannot go into it: name another folder"
            )
        if self.is_file:
            self._check(target)

    def plan(self, sources: Iterable[Source]) -> list[Source]:
        """Assign each source, in order, its own name below the target.

        All are listed before the first is read: no copy may go over one that comes later.

        Raises:
            ConfigError: Several photos would go into one file, or a copy over what is read.
        """
        listed = [_refuse_streamed(source) for source in sources]
        if self.is_file and len(listed) > 1:
            raise self._refuse_several()
        self._originals.update(_resolve(source.path) for source in listed)
        times = Counter(_stem(source) for source in listed)
        return [self._plan(source, is_shared=times[_stem(source)] > 1) for source in listed]

    def _plan(self, source: Source, *, is_shared: bool) -> Source:
        """Name one source's copy; a name that several would have is told apart by the folder."""
        below, number = _stem(source), 1
        folder = Path(source.path).parent.name
        if is_shared and folder and Path(below).parent == Path():
            below = f"{folder}-{below}"
        stem = f"{below}-annotated"
        while stem in self._taken:
            number += 1
            stem = f"{below}-{number}-annotated"
        self._taken.add(stem)
        planned = replace(source, below=stem)
        for ending in (".jpg", ".mp4"):  # only its content will tell which it is
            self._check(self.path(planned, ending))
        return planned

    def path(self, source: Source, ending: str) -> Path:
        """Return the path of a source's copy; `ending` is used where the user gave none."""
        if self.is_file:
            return self.target
        place = self.target / source.below
        return place.with_name(place.name + ending)

    def write(self, source: Source, result: ImageResult) -> Failure | None:
        """Decode a photo once more, draw its result into a copy, and write that.

        Returns:
            A failure, where the photo cannot be read any more, or is too large for the copy's
            format, or the copy's name is too long.

        Raises:
            OutputError: The file cannot be written.
        """
        try:
            image = read_picture(source.given(), name=source.name).pixels
        except SourceError:
            raise
        except MienError as error:
            return Failure.of(source.name, error)

        path = self.path(source, ".jpg")
        if path.suffix.lower() not in PICTURES:
            raise ConfigError(
                f"{source.name} is a photo, and its copy should not end as {path} does"
            )

        try:
            write_picture(image, result, path, font=self.font)
        except ImageError as error:
            return Failure.of(source.name, error)
        except OutputError as error:
            return fail_copy(source, error)
        return None

    def _check(self, path: Path) -> None:
        if _resolve(path) in self._originals:
            raise ConfigError(
                f"an annotated copy would write over {path}, which is read: name another place"
            )

    def _refuse_several(self) -> ConfigError:
        return ConfigError(
            f"--annotate {self.target} is one file, and there may be several photos: name a "
            f"folder, as in --annotate {self.target.with_suffix('')}/"
        )


def _refuse_streamed(source: Source) -> Source:
    """Refuse a photo of an archive that is read in one pass: all of them would be held.

    Raises:
        ConfigError: It is one.
    """
    if source.is_streamed:
        raise ConfigError(
            f"{source.name} lies in an archive that can be read only once, so no annotated copy "
            "can be drawn of it: unpack the archive first"
        )
    return source


def _stem(source: Source) -> str:
    """Return where a source lies below what was named, without its ending."""
    return str(Path(source.below or "unnamed").with_suffix(""))


def _resolve(path: str | Path) -> str:
    """Resolve a path; one that no file can have stays as it is."""
    try:
        return os.path.realpath(path)
    except ValueError:
        return str(path)


def fail_copy(source: Source, error: OutputError) -> Failure:
    """Record a copy whose name is too long, which stops no other.

    Raises:
        OutputError: The error itself, where it is not of this one file.
    """
    if getattr(error.__cause__, "errno", None) != errno.ENAMETOOLONG:
        raise error
    message = f"{source.name} was read, but its copy's name is too long; give it a shorter name"
    return Failure(source.name, error.kind, message)


def write_picture(
    image: NDArray[np.uint8], result: ImageResult, path: Path, *, font: Path | None = None
) -> None:
    """Draw a result into a copy of its photo; the file is whole or not there at all.

    Args:
        image: The photo, (H, W, 3) uint8 RGB.
        result: Its faces.
        path: Where to write; its suffix is one of `PICTURES`.
        font: A font file for the words; None finds one.

    Raises:
        ImageError: The format takes no picture like this.
        OutputError: The file cannot be written.
    """
    kind = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            draw(image, result, font=font).save(partial, format=kind, quality=92)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) is None:  # Pillow's own, and not the disk's
            size = f"{image.shape[1]} x {image.shape[0]}"
            raise ImageError(
                f"{path} cannot be written: {kind} takes no picture of {size} ({error}); name a "
                "copy that ends in .png"
            ) from error
        reason = describe_error(error)
        raise OutputError(f"{path} cannot be written: {reason}; choose another place") from error
