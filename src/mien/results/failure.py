"""Record a source that could not be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mien.errors import ImageError, MienError
from mien.results.record import SCHEMA, Record


@dataclass(frozen=True, slots=True)
class Failure(Record):
    """A source that could not be read.

    Attributes:
        source: The path, or what was given in place of one.
        kind: The kind of error, e.g. "image".
        message: What went wrong, in one sentence.
    """

    source: str
    kind: str
    message: str

    @classmethod
    def of(cls, source: str, error: MienError | MemoryError) -> "Failure":
        """Record why a source could not be read.

        Args:
            source: Its name.
            error: What was raised.
        """
        if isinstance(error, MienError):
            return cls(source, error.kind, str(error))
        message = f"{source} does not fit into memory; make it smaller first"
        return cls(source, ImageError.kind, message)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Failure":
        """Read back what `to_dict` returned."""
        return cls(record["source"], record["error"]["kind"], record["error"]["message"])

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        error = {"kind": self.kind, "message": self.message}
        return {"schema": SCHEMA, "source": self.source, "error": error}
