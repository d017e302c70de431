"""Collect the pages of the documentation site, and build it.

    make site

The pages are those of docs/, with the model card, the changelog and the reference of the public
API, which is written from the package itself. Links to files that are no pages lose their target:
the site stands on its own.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import mien

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = ROOT / "build" / "pages"

ELSEWHERE: Final = {
    "MODEL_CARD.md": "model-card.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "docs/experiments/README.md": "experiments/index.md",
}
"""Pages that have another name on the site, by their path in the repository."""

_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def main() -> None:
    """Collect the pages and run the site generator on them; exit with its status."""
    shutil.rmtree(PAGES, ignore_errors=True)

    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / name for name in ELSEWHERE)]
    targets = {page.resolve(): PAGES / name_page(page) for page in pages}
    for page, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        text = _FRONT_MATTER.sub("", page.read_text(encoding="utf-8"))
        target.write_text(relink(text, page, targets), encoding="utf-8")

    shutil.copytree(ROOT / "docs" / "images", PAGES / "images")
    (PAGES / "reference.md").write_text(write_reference(), encoding="utf-8")

    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)  # noqa: S603 - our own words


def name_page(page: Path) -> str:
    """Return a page's path on the site."""
    path = page.relative_to(ROOT).as_posix()
    return ELSEWHERE.get(path, path.removeprefix("docs/"))


def relink(text: str, page: Path, targets: dict[Path, Path]) -> str:
    """Point a page's links at the site's pages; keep only the words of links to other files."""

    def replace(match: re.Match[str]) -> str:
        words, link = match.groups()
        path, _, anchor = link.partition("#")
        if not path or "://" in link or link.startswith("mailto:"):
            return match[0]
        target = targets.get((page.parent / path).resolve())
        if target is None:
            return words
        way = Path(os.path.relpath(target, targets[page.resolve()].parent)).as_posix()
        return f"[{words}]({way}{'#' * bool(anchor)}{anchor})"

    return _LINK.sub(replace, text)


def write_reference() -> str:
    """Write the reference of the public API: every public name, from its docstring."""
    kinds: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": []}
    for name in mien.__all__:
        value = getattr(mien, name)
        if isinstance(value, type):
            kinds["Errors" if issubclass(value, Exception) else "Classes"].append(name)
        elif callable(value):
            kinds["Functions"].append(name)

    labels = ", ".join(mien.EMOTIONS)
    parts = [
        "# Python reference\n",
        f"Every public name, importable from `mien`. `mien.EMOTIONS` has the labels: {labels}.\n",
    ]
    for kind, names in kinds.items():
        homes = [f"::: {getattr(mien, name).__module__}.{name}\n" for name in names]
        parts += [f"## {kind}\n", *homes]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
