"""The exceptions that mien raises on purpose, as one tree.

    MienError
    ├── ImageError          a picture that cannot be read
    │   ├── ImageTooLargeError  a picture with more pixels than are allowed
    │   └── UnknownFormatError  a file that is no picture, or of a format that is not read
    ├── SourceError         a store of pictures that cannot be reached, or refuses the credentials
    ├── VideoError          a video that cannot be read
    ├── ModelError          a model file or its contract is missing, wrong or damaged
    │   └── InputError      an array that is not what the model takes
    ├── DataError           a dataset that cannot be read, or must not be trained on
    ├── ConfigError         a recipe or an option that makes no sense
    ├── TrainingError       a training that cannot go on
    ├── ExportError         an export that was not proved, so nothing was written
    ├── OutputError         a result that cannot be written (full disk, no permission)
    └── MissingExtraError   an optional part of mien that is not installed

Every message says what, got, wanted and next, in one sentence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

_PROGRAM_FAULTS: Final = (TypeError, AttributeError, NameError, ImportError)


class MienError(Exception):
    """The root of every error that mien raises on purpose."""

    kind: str = "error"


class ImageError(MienError):
    """A picture that cannot be read: missing, empty, truncated, mislabelled or too large."""

    kind = "image"


class ImageTooLargeError(ImageError):
    """A picture with more pixels than are allowed."""


class UnknownFormatError(ImageError):
    """A file that is no picture, or a picture of a format that is not read."""


class SourceError(MienError):
    """A store of pictures that cannot be reached, or that refuses the credentials."""

    kind = "source"


class VideoError(MienError):
    """A video that cannot be read: missing, damaged, without frames or of an unknown codec."""

    kind = "video"


class ModelError(MienError):
    """A model file or its contract that is missing, wrong or damaged."""

    kind = "model"


class InputError(ModelError):
    """An array that is not what the model takes."""

    kind = "input"


class DataError(MienError):
    """A dataset that cannot be read, or that must not be trained on as it is."""

    kind = "data"


class ConfigError(MienError):
    """A recipe or an option that makes no sense."""

    kind = "config"


class TrainingError(MienError):
    """A training that cannot go on; the last good checkpoint is kept."""

    kind = "training"


class ExportError(MienError):
    """An export whose parity was not proved, so that nothing was written."""

    kind = "export"


class OutputError(MienError):
    """A result that cannot be written."""

    kind = "output"


class MissingExtraError(MienError):
    """An optional part of mien that is not installed."""

    kind = "extra"


def require_extra(extra: str, feature: str, module: str) -> MissingExtraError:
    """Return the error message for a missing extra.

    Args:
        extra: The name in brackets, as in `mien[train]`.
        feature: What was asked for, as a user would say it.
        module: The module that was not found.

    Returns:
        The error, to be raised from the `ImportError`.
    """
    return MissingExtraError(
        f"{feature} needs {module}, which is not installed: pip install 'mien[{extra}]'"
    )


@contextmanager
def importing_extra(extra: str, feature: str) -> Iterator[None]:
    """Convert a failed import inside the block to an error that names the extra to install.

    Args:
        extra: The name in brackets, as in `mien[serve]`.
        feature: What was asked for, as a user would say it.

    Raises:
        MissingExtraError: A module that is not mien's own is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "mien").startswith("mien"):
            raise
        raise require_extra(extra, feature, error.name or "") from error


def is_program_fault(error: BaseException) -> bool:
    """Return whether an exception is a fault of mien's, or of a release it does not know.

    On hostile bytes a decoder raises anything, a `TypeError` too. So what counts is where it was
    raised: by a line of mien's, or at the door of a compiled function that such a line called, as
    when a library has dropped an argument. Such an error must not be reported as damage of what
    was read.
    """
    if not isinstance(error, _PROGRAM_FAULTS):
        return False
    modules = [frame.tb_frame.f_globals.get("__name__") for frame in _frames(error)]
    if modules and modules[-1] is None:  # compiled functions leave frames without a module
        modules.pop()
    return bool(modules) and str(modules[-1]).startswith("mien.")


def _frames(error: BaseException) -> list[TracebackType]:
    """Return an exception's traceback, the frame that raised it last."""
    frames, frame = [], error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    return frames


def describe_error(error: BaseException) -> str:
    """Describe an exception in a few words, for an error message.

    Returns:
        What the operating system says, where it is an error of a file; else the first line.
    """
    said = getattr(error, "strerror", None)
    if said:
        return str(said)
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
