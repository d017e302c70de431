"""The exceptions that mien raises, as one tree.

    MienError
    ├── ImageError          a picture that cannot be read
    │   ├── ImageTooLargeError  a picture with more pixels than are allowed
    │   └── UnknownFormatError  a file that is not a picture, or has an unsupported format
    ├── SourceError         a store that cannot be reached, or rejects the credentials
    ├── VideoError          a video that cannot be read
    ├── ModelError          a model file or its contract that is missing, invalid or damaged
    │   └── InputError      an array that does not match the model's input
    ├── DataError           a dataset that cannot be read, or must not be trained on
    ├── ConfigError         an invalid recipe or option
    ├── TrainingError       a training that cannot continue
    ├── ExportError         an export that failed verification; nothing was written
    ├── OutputError         a result that cannot be written (full disk, no permission)
    └── MissingExtraError   an optional part of mien that is not installed

Every message says what happened, what was expected and what to do, in one sentence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

_PROGRAM_FAULTS: Final = (TypeError, AttributeError, NameError, ImportError)


class MienError(Exception):
    """Base class of mien's errors."""

    kind: str = "error"


class ImageError(MienError):
    """A picture that cannot be read: missing, empty, truncated, mislabelled or too large."""

    kind = "image"


class ImageTooLargeError(ImageError):
    """A picture with more pixels than are allowed."""


class UnknownFormatError(ImageError):
    """A file that is not a picture, or has an unsupported format."""


class SourceError(MienError):
    """A store that cannot be reached, or that rejects the credentials."""

    kind = "source"


class VideoError(MienError):
    """A video that cannot be read: missing, damaged, without frames or with an unknown codec."""

    kind = "video"


class ModelError(MienError):
    """A model file or contract that is missing, invalid or damaged."""

    kind = "model"


class InputError(ModelError):
    """An array that does not match the model's input."""

    kind = "input"


class DataError(MienError):
    """A dataset that cannot be read, or that must not be trained on."""

    kind = "data"


class ConfigError(MienError):
    """An invalid recipe or option."""

    kind = "config"


class TrainingError(MienError):
    """A training that cannot continue; the last good checkpoint is kept."""

    kind = "training"


class ExportError(MienError):
    """An export that failed verification; nothing was written."""

    kind = "export"


class OutputError(MienError):
    """A result that cannot be written."""

    kind = "output"


class MissingExtraError(MienError):
    """An optional part of mien that is not installed."""

    kind = "extra"


def require_extra(extra: str, feature: str, module: str) -> MissingExtraError:
    """Return the error for a missing extra.

    Args:
        extra: The name in brackets, as in `mien[train]`.
        feature: The requested feature, in the user's words.
        module: The module that was not found.

    Returns:
        The error, to raise from the `ImportError`.
    """
    return MissingExtraError(
        f"{feature} requires {module}, which is not installed: pip install 'mien[{extra}]'"
    )


@contextmanager
def importing_extra(extra: str, feature: str) -> Iterator[None]:
    """Convert a failed import inside the block to an error that names the extra to install.

    Args:
        extra: The name in brackets, as in `mien[serve]`.
        feature: The requested feature, in the user's words.

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
    """Return whether an exception is a bug in mien, or an incompatible release of a library.

    On hostile bytes, a decoder may raise anything, even a `TypeError`. What counts is therefore
    where it was raised: by a line of mien, or at the entry of a compiled function called by such a
    line, as when a library has dropped an argument. Such an error must not be reported as damage of
    the input.
    """
    if not isinstance(error, _PROGRAM_FAULTS):
        return False
    modules = [frame.tb_frame.f_globals.get("__name__") for frame in _frames(error)]
    if modules and modules[-1] is None:  # compiled functions have frames without a module
        modules.pop()
    return bool(modules) and str(modules[-1]).startswith("mien.")


def _frames(error: BaseException) -> list[TracebackType]:
    """Return an exception's traceback, with the raising frame last."""
    frames, frame = [], error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    return frames


def describe_error(error: BaseException) -> str:
    """Describe an exception in a few words, for an error message.

    Returns:
        The operating system's message for a file error; otherwise the first line.
    """
    said = getattr(error, "strerror", None)
    if said:
        return str(said)
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
