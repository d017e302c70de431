"""A release can be built again, byte for byte."""

import hashlib
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def list_files() -> Iterator[Path]:
    """Yield what a build reads: the files git has, and the assets that a build makes."""
    command = [
        "git",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a clone")
    paths = {ROOT / name for name in listed.split("\0") if name}
    paths |= set((ROOT / "src" / "mien" / "assets").glob("*.onnx"))
    yield from sorted(path for path in paths if path.is_file())


@pytest.mark.slow
def test_two_builds_are_the_same_whatever_the_clone_looks_like(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    hashes = []
    for name, changed, mode in (("one", 1_000_000_000, 0o644), ("other", 1_700_000_000, 0o664)):
        clone = tmp_path / name
        for path in list_files():
            target = clone / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(mode)
            os.utime(target, (changed, changed))
        built = [
            Path(next(builder(str(clone)).build(directory=str(clone / "dist"))))
            for builder in (WheelBuilder, SdistBuilder)
        ]
        assert all(f"-{VERSION}" in path.name for path in built)
        hashes.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in built])
        shutil.rmtree(clone)
    assert hashes[0] == hashes[1]


FOLLOWERS = {
    "CITATION.cff": r"^version: (.+)$",
    "deploy/kubernetes.yaml": r"image: \S+/mien:(\S+)$",
    "web/package.json": r'^  "version": "(.+)",$',
    "examples/web/README.md": r"mien-elements-(.+)\.tgz",
    "examples/web/react/package.json": r'"mien-elements": "\^(.+)"',
    "examples/web/svelte/package.json": r'"mien-elements": "\^(.+)"',
    "examples/web/vue/package.json": r'"mien-elements": "\^(.+)"',
}
"""Files whose formats need the version, which is that of pyproject.toml."""


@pytest.mark.parametrize("path", FOLLOWERS)
def test_other_files_follow_the_version_of_pyproject(path: str) -> None:
    found = re.findall(FOLLOWERS[path], (ROOT / path).read_text("utf-8"), flags=re.MULTILINE)
    assert found
    assert set(found) == {VERSION}


def test_the_changelog_has_a_section_for_this_version() -> None:
    assert f"\n## {VERSION}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
