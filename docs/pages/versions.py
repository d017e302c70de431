"""Keep the site of each version in a folder of its own, as the theme's version menu expects it."""

import json
import shutil
import tomllib
from pathlib import Path
from typing import Final

from pages import ROOT

DEVELOPMENT: Final = "dev"
LATEST: Final = "latest"
VERSIONS: Final = "versions.json"

_REDIRECT: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>mien</title>
<meta http-equiv="refresh" content="0; url={folder}/"><a href="{folder}/">mien</a></html>
"""


def read_version() -> str:
    """Return the version in pyproject.toml, as "0.2": patches correct its pages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return ".".join(project["version"].split(".")[:2])


def add_version(built: Path, site: Path, version: str) -> None:
    """Put a built site into its version's folder, replacing an earlier build of the version.

    The highest release is also "latest": the site's root leads there, or to "dev" before the first
    release.

    Args:
        built: The built site; it is moved.
        site: The folder of all versions.
        version: "dev", or a release such as "0.2".
    """
    shutil.rmtree(site / version, ignore_errors=True)
    site.mkdir(parents=True, exist_ok=True)
    shutil.move(built, site / version)

    names = [path.name for path in site.iterdir() if (path / "index.html").exists()]
    releases = sorted((name for name in names if name != DEVELOPMENT), key=_order, reverse=True)
    entries = [{"version": name, "title": name, "aliases": []} for name in releases]
    if releases:
        entries[0]["aliases"] = [LATEST]
    if DEVELOPMENT in names:
        entries.append({"version": DEVELOPMENT, "title": "development", "aliases": []})
    (site / VERSIONS).write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")

    first = _REDIRECT.format(folder=entries[0]["version"])
    (site / "index.html").write_text(first, encoding="utf-8")
    (site / ".nojekyll").touch()


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
