"""Point the pages' links at the site's own pages, and follow every link of the built site."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from pages import PAGES, ROOT

PICTURES: Final = ROOT / "docs" / "images"
TUTORIALS: Final = PAGES / "tutorials"

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


def relink(text: str, page: Path, targets: dict[Path, Path]) -> str:
    """Point a page's links at the site's pages, and call pages by their titles.

    Links to notebooks lead to their tutorials. Of links to other files, only the words are kept:
    the site stands on its own.

    Args:
        text: The page's text.
        page: The page's file.
        targets: Where each page is on the site, by its file.
    """

    def replace(match: re.Match[str]) -> str:
        picture, words, link = match.groups()
        path, _, anchor = link.partition("#")
        if not path or "://" in link or link.startswith("mailto:"):
            return match[0]
        file = (page.parent / path).resolve()
        target = targets.get(file)
        if picture and file.is_relative_to(PICTURES):
            target = PAGES / "images" / file.relative_to(PICTURES)
        elif file.suffix == ".ipynb":
            target = TUTORIALS / f"{file.stem}.md"
        if target is None:
            return words
        if words == path and (title := _TITLE.search(file.read_text(encoding="utf-8"))):
            words = title[1]
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
