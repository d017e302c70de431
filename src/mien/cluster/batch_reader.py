"""Read the faces in tables of photos, for any engine that distributes the tables.

Spark, Dask and others call a function on the parts of a dataset, in many processes. `BatchReader`
is that function: it maps a table of photos to a tidy table of faces.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mien.analyzer import Analyzer
from mien.tables import load_pyarrow, make_schema, tidy_rows

if TYPE_CHECKING:
    import pandas as pd


class BatchReader:
    """Reads tables of photos; the model is opened at the first one.

    It can be pickled before and after: each process opens its own model.
    """

    def __init__(
        self,
        *,
        image: str = "bytes",
        key: str = "path",
        open_analyzer: Callable[[], Analyzer] | None = None,
    ) -> None:
        """Store the settings.

        Args:
            image: Name of the column with the photos' bytes.
            key: Name of the column whose values become `source`.
            open_analyzer: Opens detector and model, for one thread; None opens the default ones.
        """
        self._image = image
        self._key = key
        self._open_analyzer = open_analyzer
        self._analyzer: Analyzer | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return all settings without the model."""
        return self.__dict__ | {"_analyzer": None}

    def __call__(self, batch: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Read a `pyarrow.Table` of photos.

        An unreadable photo gets one row with the reason in `error`.

        Returns:
            A tidy `pyarrow.Table`: one row per face, and one per photo without faces.
        """
        pa, _ = load_pyarrow()
        cells = batch.column(self._key).to_pylist(), batch.column(self._image).to_pylist()
        rows = self._read(zip(*cells, strict=True))
        return pa.Table.from_pylist(list(rows), schema=make_schema(self._emotions))

    def read_frames(self, frames: "Iterable[pd.DataFrame]") -> "Iterator[pd.DataFrame]":
        """Read data frames of photos, as Spark's `mapInPandas` passes them.

        Args:
            frames: Data frames with the two columns.

        Yields:
            Tidy data frames, one per input.
        """
        pa, _ = load_pyarrow()
        for frame in frames:
            table = pa.Table.from_pandas(frame[[self._key, self._image]], preserve_index=False)
            yield self(table).to_pandas()

    def make_empty_frame(self) -> "pd.DataFrame":
        """Return a data frame without rows, whose columns are those of `read_frames`."""
        frame: pd.DataFrame = make_schema(self._emotions).empty_table().to_pandas()
        return frame

    @property
    def _emotions(self) -> tuple[str, ...]:
        return tuple(self._open().recognizer.emotions)

    def _open(self) -> Analyzer:
        if self._analyzer is None:
            open_analyzer = self._open_analyzer
            self._analyzer = Analyzer(threads=1) if open_analyzer is None else open_analyzer()
        return self._analyzer

    def _read(self, photos: Iterable[tuple[object, bytes | None]]) -> Iterable[Mapping[str, Any]]:
        named = ((str(key), b"" if data is None else data) for key, data in photos)
        results = self._open().analyze_many(named)
        return tidy_rows((result.to_dict() for result in results), self._emotions)
