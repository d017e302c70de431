"""Name and write annotated copies of photos."""

import errno
import re
import sys
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
from mien.files import identify, replacing
from mien.images import read_picture
from mien.results import Failure, ImageResult
from mien.video.annotate import VIDEOS

PICTURES: Final = (".jpg", ".jpeg", ".png", ".webp")
"""Extensions that make a target a file instead of a folder."""
_DEVICES: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
)
"""Names of devices, which Windows reserves in every folder."""
_NAME_TOO_LONG: Final = 206
"""What Windows raises for a name that is too long (ERROR_FILENAME_EXCED_RANGE)."""


class Copies:
    """Assigns reproducible names to annotated copies, in the order of their sources.

    Below a named folder, copies keep the folder structure of their photos. `photo.jpg` becomes
    `photo-annotated.jpg`. Where two photos from different folders would share a name, each is
    prefixed with its folder's name: `baseline-P01-annotated.jpg`. If names still collide, later
    ones get a number.
    """

    def __init__(
        self, target: Path, named: Sequence[str], *, font: Path | None = None, lang: str = "en"
    ) -> None:
        """Check the target before any work starts.

        Args:
            target: A file if its extension is that of a picture or a video and it is no folder,
                else a folder.
            named: The inputs of the command line, which must not be overwritten.
            font: A font file for the labels; None searches for one.
            lang: Language of the labels.

        Raises:
            ConfigError: Several photos would go into one file, or a copy would overwrite an input.
        """
        self.target = target
        self.font = font
        self.lang = lang
        endings = (*PICTURES, *VIDEOS)
        self.is_file = target.suffix.lower() in endings and not target.is_dir()

        self._taken: set[str] = set()
        if self.is_file and (len(named) != 1 or is_folder(named[0])):
            raise self._refuse_several()

        # No copy may overwrite an input, or be written among the inputs of a folder.
        self._originals = {identify(path) for path in named}
        if identify(target) in self._originals and not self.is_file:
            raise ConfigError(
                f"{target} is an input folder, so annotated copies cannot go there; choose "
                "another folder"
            )
        if self.is_file:
            self._check(target)

    def plan(self, sources: Iterable[Source]) -> list[Source]:
        """Assign each source, in order, its own name below the target.

        All names are assigned before the first source is read, so no copy can overwrite a later
        input.

        Raises:
            ConfigError: Several photos would go into one file, or a copy would overwrite an input.
        """
        listed = [_refuse_streamed(source) for source in sources]
        if self.is_file and len(listed) > 1:
            raise self._refuse_several()
        self._originals.update(identify(source.path) for source in listed)
        times = Counter(_stem(source) for source in listed)
        return [self._plan(source, is_shared=times[_stem(source)] > 1) for source in listed]

    def _plan(self, source: Source, *, is_shared: bool) -> Source:
        """Name one source's copy; colliding names are distinguished by their folders."""
        below, number = _stem(source), 1
        folder = Path(source.path).parent.name
        if is_shared and folder and Path(below).parent == Path():
            below = f"{folder}-{below}"
        stem = f"{below}-annotated"
        while stem.casefold() in self._taken:  # macOS and Windows ignore case
            number += 1
            stem = f"{below}-{number}-annotated"
        self._taken.add(stem.casefold())
        planned = replace(source, below=stem)
        for ending in (".jpg", ".mp4"):  # only the content tells which one it will be
            self._check(self.path(planned, ending))
        return planned

    def path(self, source: Source, ending: str) -> Path:
        """Return the path of a source's copy; `ending` is used where the user gave no extension."""
        if self.is_file:
            return self.target
        place = self.target / source.below
        return place.with_name(place.name + ending)

    def write(self, source: Source, result: ImageResult) -> Failure | None:
        """Decode a photo again, draw its result, and write the copy.

        Returns:
            A failure if the photo can no longer be read, is too large for the copy's format, or the
            copy's name is too long; otherwise None.

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
                f"{source.name} is a photo, so its copy cannot have the extension of {path}"
            )

        try:
            write_picture(image, result, path, font=self.font, lang=self.lang)
        except ImageError as error:
            return Failure.of(source.name, error)
        except OutputError as error:
            return fail_copy(source, error)
        return None

    def _check(self, path: Path) -> None:
        if identify(path) in self._originals:
            raise ConfigError(
                f"an annotated copy would overwrite the input {path}; choose another target"
            )

    def _refuse_several(self) -> ConfigError:
        return ConfigError(
            f"--annotate {self.target} is a single file, but there may be several photos; pass a "
            f"folder, as in --annotate {self.target.with_suffix('')}/"
        )


def _refuse_streamed(source: Source) -> Source:
    """Reject a photo from an archive read in one pass, as all would be held in memory.

    Raises:
        ConfigError: The source is such a photo.
    """
    if source.is_streamed:
        raise ConfigError(
            f"{source.name} is in an archive that can be read only once, so it cannot be "
            "annotated; unpack the archive first"
        )
    return source


def _stem(source: Source) -> str:
    """Return a source's path below the named input, without its extension.

    Archives and stores may hold names that Windows cannot write: "con", "a:b", "end. ".
    """
    stem = Path(source.below or "unnamed").with_suffix("")
    if sys.platform == "win32" and source.load is not None:
        stem = Path(*map(_make_writable, stem.parts))
    return str(stem)


def _make_writable(name: str) -> str:
    """Replace what Windows allows in no file name."""
    name = re.sub(r'[<>:"|?*\x00-\x1f]', "_", name).rstrip(". ") or "_"
    return f"{name}_" if name.split(".")[0].casefold() in _DEVICES else name


def fail_copy(source: Source, error: OutputError) -> Failure:
    """Return the failure of a copy whose name is too long; other copies are not affected.

    Raises:
        OutputError: The error itself, if it is not specific to this file.
    """
    cause = error.__cause__
    is_long = getattr(cause, "errno", None) == errno.ENAMETOOLONG
    if not is_long and getattr(cause, "winerror", None) != _NAME_TOO_LONG:
        raise error
    message = f"{source.name} was read, but its copy's name is too long; rename the source"
    return Failure(source.name, error.kind, message)


def write_picture(
    image: NDArray[np.uint8],
    result: ImageResult,
    path: Path,
    *,
    font: Path | None = None,
    lang: str = "en",
) -> None:
    """Draw a result into a copy of its photo, and write it atomically.

    Args:
        image: The photo, (H, W, 3) uint8 RGB.
        result: The photo's result.
        path: Output path; its suffix must be one of `PICTURES`.
        font: A font file for the labels; None searches for one.
        lang: Language of the labels.

    Raises:
        ImageError: The format does not support this picture.
        OutputError: The file cannot be written.
    """
    kind = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            draw(image, result, font=font, lang=lang).save(partial, format=kind, quality=92)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) is None:  # raised by Pillow, not by the disk
            size = f"{image.shape[1]} x {image.shape[0]}"
            raise ImageError(
                f"{path} cannot be written: {kind} does not support {size} ({error}); choose a "
                "copy that ends in .png"
            ) from error
        reason = describe_error(error)
        raise OutputError(f"{path} cannot be written: {reason}; choose another path") from error
