"""Each extra installs all that its features import, on this Python and on the newest."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from typing import Final

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FEATURES: Final = {
    "cloud": "aiohttp s3fs mien.batch.remote",
    "heic": "pillow_heif",
    "plot": "matplotlib.pyplot",
    "ray": "ray.data mien.cluster.ray_data mien.cluster.ray_run",
    "redis,serve": "mien.serving.redis_jobs",
    "serve": "mien.serving.app mien.serving.server",
    "sklearn": "mien.compat.sklearn",
    "study": "mien.study.agreement mien.study.mixed_model mien.study.statistics",
    "tables": "pandas pyarrow.parquet mien.tables.writing",
    "train": "mien.training.fit mien.evaluation.evaluate mien.export.export",
    "video": "av mien.video.reading",
}
"""Modules that the features of each extra import."""
NEWEST: Final = {"python_version": "3.14", "python_full_version": "3.14.0"}
"""On a newer Python, packages stop requiring what it has itself, such as typing-extensions."""

IMPORT_WITHOUT: Final = """
import builtins, importlib, json, sys
from pathlib import Path
from sysconfig import get_path

hidden, wanted = json.loads(sys.argv[1])
plain_import, edges = builtins.__import__, set()

def is_own(path):
    # What a package brings inside its own folder is there wherever the package is.
    return Path(get_path("purelib")) in list(Path(path).parents)[:2]

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        found = self.finder.find_spec(name, path, target)
        if name.partition(".")[0] not in hidden or found is None or found.origin is None:
            return found
        return None if is_own(found.origin) else found

def note(name, globals=None, locals=None, fromlist=(), level=0):
    module = plain_import(name, globals, locals, fromlist, level)
    importer = str((globals or {}).get("__name__")).partition(".")[0]
    imported = name.partition(".")[0]
    file = getattr(sys.modules.get(imported), "__file__", None)
    if level == 0 and importer != imported and file and is_own(file):
        edges.add((importer, imported))
    return module

sys.meta_path[:] = map(Without, sys.meta_path)
builtins.__import__ = note
for name in wanted:
    importlib.import_module(name)
print(json.dumps(sorted(edges)))
"""


def list_installed(
    requirement: str, python: dict[str, str], seen: set[tuple[str, str]]
) -> Iterator[str]:
    """Yield the packages that pip installs for a requirement, with those that they require."""
    wanted = Requirement(requirement)
    name = canonicalize_name(wanted.name)
    try:
        below = requires(name) or []
    except PackageNotFoundError:  # for another system or Python
        return
    yield name
    for extra in {"", *wanted.extras} - {extra for package, extra in seen if package == name}:
        seen.add((name, extra))
        environment = default_environment() | python | {"extra": extra}
        for one in below:
            marker = Requirement(one).marker
            if marker is None or marker.evaluate(environment):
                yield from list_installed(one, python, seen)


@pytest.mark.slow
@pytest.mark.parametrize("extras", FEATURES)
def test_an_extra_installs_what_its_features_import(extras: str) -> None:
    packages = {
        module: {canonicalize_name(name) for name in names}
        for module, names in packages_distributions().items()
    }
    here, newest = (
        set(list_installed(f"mien[{extras}]", python, set())) for python in ({}, NEWEST)
    )
    hidden = [module for module, names in packages.items() if not names & here]
    asked = json.dumps([hidden, FEATURES[extras].split()])
    command = [sys.executable, "-c", IMPORT_WITHOUT, asked]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]

    # What the newest Python does not need must be required by whoever imports it.
    for importer, imported in json.loads(done.stdout.splitlines()[-1]):
        needed = packages.get(imported, newest)
        if not needed & newest:
            declared = {
                canonicalize_name(Requirement(one).name)
                for package in packages.get(importer, ())
                for one in requires(package) or ()
            }
            assert needed & declared, f"{importer} imports {imported} without requiring it"


def test_every_extra_is_tried() -> None:
    markers = [str(Requirement(one).marker) for one in requires("mien") or ()]
    declared = {marker.split('"')[1] for marker in markers if marker.startswith("extra ==")}
    assert declared - {"all"} == {extra for tried in FEATURES for extra in tried.split(",")}
