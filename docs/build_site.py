"""Collect the pages of the documentation site, and build it.

    make site

The pages are those of docs/, with the model card, the changelog and the reference of the public
API, which is written from the package itself. Links to files that are no pages lose their target:
the site stands on its own. Every link of the built site is followed: a page or an anchor that is
not there ends the build.
"""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import mien

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = ROOT / "build" / "pages"
PICTURES: Final = ROOT / "docs" / "images"
SITE: Final = ROOT / "build" / "site"

ELSEWHERE: Final = {
    "MODEL_CARD.md": "model-card.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "docs/experiments/README.md": "experiments/index.md",
}
"""Pages that have another name on the site, by their path in the repository."""

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
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

    shutil.copytree(PICTURES, PAGES / "images")
    for name, text in write_reference().items():
        (PAGES / name).write_text(text, encoding="utf-8")

    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - our own words
    broken = [] if status else find_broken_links(SITE)
    for link in broken:
        print(f"broken link: {link}", file=sys.stderr)
    sys.exit(status or bool(broken))


def name_page(page: Path) -> str:
    """Return a page's path on the site."""
    path = page.relative_to(ROOT).as_posix()
    return ELSEWHERE.get(path, path.removeprefix("docs/"))


def relink(text: str, page: Path, targets: dict[Path, Path]) -> str:
    """Point a page's links at the site's pages; keep only the words of links to other files."""

    def replace(match: re.Match[str]) -> str:
        picture, words, link = match.groups()
        path, _, anchor = link.partition("#")
        if not path or "://" in link or link.startswith("mailto:"):
            return match[0]
        file = (page.parent / path).resolve()
        target = targets.get(file)
        if picture and file.is_relative_to(PICTURES):
            target = PAGES / "images" / file.relative_to(PICTURES)
        if target is None:
            return words
        way = Path(os.path.relpath(target, targets[page.resolve()].parent)).as_posix()
        return f"{picture}[{words}]({way}{'#' * bool(anchor)}{anchor})"

    return _LINK.sub(replace, text)


class _Page(HTMLParser):
    """The anchors of a page, and where its links, pictures, styles and scripts are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect one element's."""
        for key, value in attrs:
            if key == "id" or (tag == "a" and key == "name"):
                self.anchors.add(value or "")
            elif key in ("href", "src"):
                self.links.add(value or "")


def find_broken_links(site: Path) -> list[str]:
    """Follow every link of a built site that stays within it.

    Args:
        site: The folder of HTML pages.

    Returns:
        "page -> link" for each that leads to no file, or to an anchor that its page lacks.
    """
    pages = {
        path.resolve(): _Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")
    }
    broken = []
    for path, page in sorted(pages.items()):
        if path.name == "404.html":  # its links are from the root, wherever that will be
            continue
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            anchor = unquote(parts.fragment)
            lacks = anchor and target in pages and anchor not in pages[target].anchors
            if not target.exists() or lacks:
                broken.append(f"{path.relative_to(site.resolve())} -> {link}")
    return broken


def write_reference() -> dict[str, str]:
    """Write the reference of the public API: every public name, from its docstring.

    Returns:
        The pages' texts by their names: an overview, and a page for each kind of name.
    """
    kinds: dict[str, list[str]] = {"Functions": [], "Results": [], "Classes": [], "Errors": []}
    for name in mien.__all__:
        value = getattr(mien, name)
        if isinstance(value, type):
            is_error = issubclass(value, Exception)
            is_result = value.__module__.startswith(
                ("mien.results.", "mien.faces.face", "mien.watch.frame")
            )
            kind = "Errors" if is_error else "Results" if is_result else "Classes"
            kinds[kind].append(name)
        elif callable(value):
            kinds["Functions"].append(name)

    labels = ", ".join(mien.EMOTIONS)
    overview = [
        "# Python reference\n",
        f"Every public name, importable from `mien`. `mien.EMOTIONS` has the labels: {labels}.\n",
    ]
    pages = {}
    for kind, names in kinds.items():
        page = f"reference-{kind.lower()}.md"
        homes = {name: f"{getattr(mien, name).__module__}.{name}" for name in names}
        parts = [f"::: {home}\n" for home in homes.values()]
        pages[page] = "\n".join([f"# {kind}\n", *parts])
        links = [f"- [`{name}`]({page}#{home})" for name, home in homes.items()]
        overview += [f"## {kind}\n", *links, ""]
    return {"reference.md": "\n".join(overview), **pages}


if __name__ == "__main__":
    main()
