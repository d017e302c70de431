"""Write the results of a run as Parquet parts, in a folder or an object store.

A part contains the rows of some inputs: photos, videos, or whole archives. It is written
atomically, and its metadata names the run and the inputs, so that a restarted run reads only what
no part contains. A part's name does not depend on its writer: written twice, it replaces itself.
"""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from mien.batch.remote import Store, is_remote, store_of
from mien.batch.tally import Tally
from mien.errors import ConfigError, ImageError, describe_error
from mien.files import write_whole
from mien.tables import Record, load_pyarrow, stream_parquet

KEY: Final = "mien"
"""Key of the run in a part's metadata, as JSON."""
READ_AT_ONCE: Final = 32
"""Parts whose metadata is read at once: in a store, each costs a round trip."""


@dataclass
class Done:
    """Results of an earlier run.

    Attributes:
        places: How often each input was read.
        tally: Counts over them.
        parts: Number of parts.
    """

    places: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    parts: int = 0


@dataclass(frozen=True)
class Parts:
    """The parts of one output.

    Attributes:
        output: A folder, or the URL of one.
        run: Settings that determine the results (model, options), as JSON types. Parts with other
            settings are rejected, since a table must not mix them.
    """

    output: str
    run: Mapping[str, Any]

    def find_done(self) -> Done:
        """Return the results of an earlier run.

        Raises:
            ConfigError: The earlier run had other settings, or the folder contains other files.
            SourceError: The store cannot be reached, or rejects the credentials.
        """
        done = Done()
        names = self._list()
        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            for name, told in zip(names, pool.map(self.read, names), strict=True):
                if told is None:
                    raise ConfigError(
                        f"{self._name(name)} is no part of a run; choose an empty "
                        "folder as --output"
                    )
                self._check(name, told["run"])
                done.places.update(told["places"])
                done.tally.merge(Tally.from_dict(told["tally"]))
        done.parts = len(names)
        return done

    def read(self, name: str) -> dict[str, Any] | None:
        """Return a part's metadata; None if the part does not exist.

        Raises:
            SourceError: The store cannot be reached, or rejects the credentials.
        """
        _, pq = load_pyarrow()
        place = self._name(name)
        try:
            with self._store.open(place) if self._store else Path(place).open("rb") as file:
                metadata = pq.read_metadata(file).metadata or {}
        except (ImageError, OSError, ValueError):  # pyarrow's own errors are of these
            return None
        told = metadata.get(KEY.encode())
        return None if told is None else dict(json.loads(told))

    def write(
        self, name: str, places: Sequence[str], records: Iterable[Record], emotions: Sequence[str]
    ) -> Tally:
        """Write a part.

        Args:
            name: File name in the folder.
            places: The inputs read into it.
            records: The results, in their JSON form.
            emotions: The model's class names.

        Returns:
            The counts over the records.

        Raises:
            OutputError: The part cannot be written.
            SourceError: The store cannot be reached, or rejects the credentials.
        """
        tally, file = Tally(), io.BytesIO()

        def describe() -> dict[str, str]:
            told = {"run": self.run, "places": list(places), "tally": tally.to_dict()}
            return {KEY: json.dumps(told)}

        stream_parquet(file, tally.watch(dict(record) for record in records), emotions, describe)
        if self._store:
            self._store.write(self._name(name), file.getvalue())
        else:
            write_whole(Path(self._name(name)), file.getvalue())
        return tally

    @cached_property
    def _store(self) -> Store | None:
        return store_of(self.output) if is_remote(self.output) else None

    def __getstate__(self) -> dict[str, Any]:
        """Return all settings without the open store, which each process opens for itself."""
        return {"output": self.output, "run": self.run}

    def _name(self, name: str) -> str:
        return f"{self.output.rstrip('/')}/{name}"

    def _list(self) -> list[str]:
        """List the parts, in order."""
        if self._store:
            names = self._store.names(self.output)
        else:
            folder = Path(self.output)
            try:
                files = folder.iterdir() if folder.exists() else ()
                names = tuple(sorted(path.name for path in files))
            except OSError as error:
                raise ConfigError(
                    f"{self.output} cannot be looked into ({describe_error(error)}); name a folder "
                    "as --output"
                ) from error
        return [name for name in names if name.endswith(".parquet") and not name.startswith(".")]

    def _check(self, name: str, then: Mapping[str, Any]) -> None:
        """Compare the settings of a part with the current ones."""
        for key in (*self.run, *then):
            if then.get(key) != self.run.get(key):
                raise ConfigError(
                    f"{self._name(name)} was written with {key} {then.get(key)}, and now it is "
                    f"{self.run.get(key)}: go on with the former, or choose another --output"
                )
