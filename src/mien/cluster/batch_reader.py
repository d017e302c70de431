"""Read the faces of tables of photos, for whichever engine moves the tables.

Spark, Dask and others call a function on one part of a dataset after the other, in many
processes. `BatchReader` is that function: a table of photos in, a tidy table of faces out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mien.analyzer import Analyzer
from mien.tables import load_pyarrow, make_schema, tidy_rows

if TYPE_CHECKING:
    import pandas as pd


class BatchReader:
    """Reads tables of photos with a model that is opened at the first one.

    It can be pickled before and after that: each process opens its own model.
    """

    def __init__(
        self,
        *,
        image: str = "bytes",
        key: str = "path",
        open_analyzer: Callable[[], Analyzer] | None = None,
    ) -> None:
        """Keep what to read with.

        Args:
            image: The column with the photos' bytes.
            key: The column whose values go under `source`.
            open_analyzer: Opens detector and model, for one thread; None opens the default ones.
        """
        self._image = image
        self._key = key
        self._open_analyzer = open_analyzer
        self._analyzer: Analyzer | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the model."""
        return self.__dict__ | {"_analyzer": None}

    def __call__(self, batch: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Read a `pyarrow.Table` of photos.

        A photo that cannot be read has one row with the reason under `error`.

        Returns:
            A tidy `pyarrow.Table`: a row for each face, and one for each photo without a face.
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
            Tidy data frames, one for each.
        """
        pa, _ = load_pyarrow()
        for frame in frames:
            table = pa.Table.from_pandas(frame[[self._key, self._image]], preserve_index=False)
            yield self(table).to_pandas()

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
