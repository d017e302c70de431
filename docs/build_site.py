"""Collect the pages of the documentation site, and build it.

    make site

The pages are those of docs/, with the model card, the changelog, the notebooks, and the references
of the Python API, the results and the HTTP service, which are written from the package itself. The
site is built into the folder of its version, next to other versions. Every link of it is
followed: a page or an anchor that is not there ends the build.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from pages import PAGES, ROOT
from pages.formats import SCHEMA, write_formats
from pages.links import PICTURES, find_broken_links, relink
from pages.python import write_reference
from pages.tutorials import write_tutorials
from pages.versions import DEVELOPMENT, add_version, read_version

BUILT: Final = ROOT / "build" / "version"
"""Where the site generator writes, as zensical.toml says."""
SITE: Final = ROOT / "build" / "site"

ICON: Final = ROOT / "web" / "public" / "icon.svg"

ELSEWHERE: Final = {
    "MODEL_CARD.md": "model-card.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "docs/experiments/README.md": "experiments/index.md",
    "examples/README.md": "tutorials/index.md",
}
"""Pages that have another name on the site, by their path in the repository."""

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def main() -> None:
    """Collect the pages and run the site generator on them; exit with its status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--development", action="store_true", help="build the folder dev/, not the version's"
    )
    version = DEVELOPMENT if parser.parse_args().development else read_version()

    collect_pages()
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    if status := subprocess.run(command, cwd=ROOT, check=False).returncode:  # noqa: S603 - our own words
        sys.exit(status)

    add_version(BUILT, SITE, version)
    broken = find_broken_links(SITE / version)
    for link in broken:
        print(f"broken link: {link}", file=sys.stderr)
    print(f"built {(SITE / version).relative_to(ROOT)}")
    sys.exit(bool(broken))


def collect_pages() -> None:
    """Write every page, with its pictures, for the site generator."""
    shutil.rmtree(PAGES, ignore_errors=True)
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / name for name in ELSEWHERE)]
    targets = {page.resolve(): PAGES / name_page(page) for page in pages}
    linked = targets | {SCHEMA: PAGES / "reference-schema.md"}
    for page, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        text = _FRONT_MATTER.sub("", page.read_text(encoding="utf-8"))
        target.write_text(relink(text, page, linked), encoding="utf-8")

    shutil.copytree(PICTURES, PAGES / "images")
    shutil.copy(ICON, PAGES / "images")
    write_tutorials(PAGES)
    write_formats(PAGES)
    for name, text in write_reference().items():
        (PAGES / name).write_text(text, encoding="utf-8")


def name_page(page: Path) -> str:
    """Return a page's path on the site."""
    path = page.relative_to(ROOT).as_posix()
    return ELSEWHERE.get(path, path.removeprefix("docs/"))


if __name__ == "__main__":
    main()
