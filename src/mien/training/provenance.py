"""Record where a checkpoint comes from: config, data, commit and versions."""

import hashlib
import importlib.metadata
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Dataset
from mien.errors import ConfigError
from mien.training.checkpoint import Teacher, read_description
from mien.training.config import TrainConfig
from mien.training.recipes import config_from_dict


def describe(
    config: TrainConfig,
    dataset: Dataset,
    targets: NDArray[np.float32],
    teachers: Sequence[Teacher],
) -> dict[str, Any]:
    """Return the description of a checkpoint, in JSON types.

    Args:
        config: The recipe.
        dataset: Its splits `train` and `validation` are part of the SHA-256 of the data.
        targets: (N, L, K), the targets of the train faces; part of the data if they come from
            teachers or people's votes.
        teachers: Teacher networks, whose weights are also part of the data.
    """
    digest = hashlib.sha256()

    for name in ("train", "validation"):
        digest.update(dataset.splits[name].images.tobytes())
        digest.update(dataset.splits[name].labels.tobytes())
    if config.teachers or config.votes:
        digest.update(targets.tobytes())
    for teacher in teachers:
        for weight in teacher.network.state_dict().values():
            digest.update(weight.numpy().tobytes())

    packages = ("mien", "torch", "lightning", "kornia")
    return {
        "config": config.to_dict(),
        "class_names": list(dataset.class_names),
        "data_source": Path(dataset.source).name,
        "data_sha256": digest.hexdigest(),
        "commit": _own_commit(),
        "versions": {package: importlib.metadata.version(package) for package in packages},
    }


@cache
def _own_commit() -> str | None:
    """Return the commit of the code in memory, whatever is checked out while it runs."""
    return find_commit(Path(__file__).parent.parent)


def find_commit(package: Path) -> str | None:
    """Return the commit of a package's source, with `-dirty` if it was changed since.

    Args:
        package: Its folder. Only changes inside it count, not results of runs elsewhere in the
            repository.

    Returns:
        None if the package is not in git, for example because it is installed, even in a folder
        inside another repository.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603 (nothing in it comes from outside)
            ["git", "-C", str(package), *arguments],  # noqa: S607 (the user's own git)
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        return git("describe", "--always") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def find_begun(now: dict[str, Any], last: Path, *, resume: bool) -> dict[str, Any] | None:
    """Return the description of the run to resume, after checking that it is the same run.

    Args:
        now: The description of the requested training.
        last: The last checkpoint in its folder.
        resume: Whether to resume.

    Returns:
        None if there is no run yet.

    Raises:
        ConfigError: There is another run, or `resume` is false.
        ModelError: The checkpoint is damaged.
    """
    if not last.exists():
        return None
    output = last.parent
    if not resume:
        raise ConfigError(
            f"{output} already contains a run: continue it with --resume, or choose another "
            "--output"
        )
    begun = read_description(last)
    # Parsed again: a run from before a setting existed has its default.
    for key, value in config_from_dict(begun["config"]).to_dict().items():
        wanted = now["config"][key]
        if wanted != value and not (key == "precision" and wanted == "auto"):
            raise ConfigError(
                f"{output} was started with {key} = {value}, but this recipe has {wanted}; resume "
                f"it with its own config.toml, or choose another --output"
            )
    if begun["data_sha256"] != now["data_sha256"]:
        raise ConfigError(
            f"{output} was started with other training data than {now['data_source']}"
        )
    return begun
