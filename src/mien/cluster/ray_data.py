"""Read the faces of a Ray dataset of photos."""

from collections.abc import Callable
from typing import Any, TypeAlias

from mien.analyzer import Analyzer
from mien.cluster.batch_reader import BatchReader
from mien.errors import ConfigError, importing_extra

Workers: TypeAlias = int | tuple[int, int | None]
"""Actors: so many, or a pool between a least and a most; a most of None is all processors."""


def read_faces(
    dataset: Any,  # noqa: ANN401 - Ray is an extra
    *,
    image: str = "bytes",
    key: str = "path",
    open_analyzer: Callable[[], Analyzer] | None = None,
    workers: Workers = (1, None),
    batch_size: int = 32,
) -> Any:  # noqa: ANN401
    """Read the faces of a dataset of photos, with actors that hold a model each.

    Args:
        dataset: A `ray.data.Dataset`, such as `ray.data.read_binary_files(..., include_paths=True)`
            returns.
        image: The column with the photos' bytes.
        key: The column whose values go under `source`.
        open_analyzer: Opens detector and model, for one thread; None opens the default ones.
        workers: Actors, of one processor each: a number, or the ends of a pool that grows and
            shrinks.
        batch_size: Photos that an actor reads at a time.

    Returns:
        A `ray.data.Dataset` of tidy rows (see `mien.tables`), which Ray computes when it is
        consumed: a row for each face, and one for each photo without a face or with an error.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: There is no such number of workers.
    """
    return dataset.map_batches(
        BatchReader,
        fn_constructor_kwargs={"image": image, "key": key, "open_analyzer": open_analyzer},
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=pool_actors(workers),
        num_cpus=1,
    )


def pool_actors(workers: Workers) -> Any:  # noqa: ANN401
    """Return Ray's strategy for a number of actors.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: There is no such number.
    """
    least, most = (workers, workers) if isinstance(workers, int) else workers
    if least < 1 or (most is not None and most < least):
        raise ConfigError(f"workers are a number of 1 or more, or two in order, got {workers}")
    return load_ray().data.ActorPoolStrategy(min_size=least, max_size=most)


def load_ray() -> Any:  # noqa: ANN401
    """Import Ray, and Ray Data.

    Raises:
        MissingExtraError: It is not installed.
    """
    with importing_extra("ray", "reading on a cluster"):
        import ray
        import ray.data
    return ray
