"""The result of a source that could not be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mien.errors import ImageError, MienError
from mien.results.record import SCHEMA, Record


@dataclass(frozen=True, slots=True)
class Failure(Record):
    """A source that could not be read.

    Attributes:
        source: The path, or a display name of another source.
        kind: Kind of error, for example "image".
        message: The error in one sentence.
    """

    source: str
    kind: str
    message: str

    @classmethod
    def of(cls, source: str, error: MienError | MemoryError) -> "Failure":
        """Return the failure of a source.

        Args:
            source: Name of the source.
            error: The exception.
        """
        if isinstance(error, MienError):
            return cls(source, error.kind, str(error))
        message = f"{source} does not fit into memory; scale it down first"
        return cls(source, ImageError.kind, message)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Failure":
        """Restore a failure from a record, the output of `to_dict`."""
        return cls(record["source"], record["error"]["kind"], record["error"]["message"])

    def to_dict(self) -> dict[str, Any]:
        """Return the failure as JSON types."""
        error = {"kind": self.kind, "message": self.message}
        return {"schema": SCHEMA, "source": self.source, "error": error}
