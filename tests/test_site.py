"""The documentation site has every page, and its links stay within it."""

import tomllib
from pathlib import Path

import build_site

ROOT = Path(__file__).parents[1]


def list_pages(nav: list) -> list[str]:
    pages = []
    for entry in nav:
        for target in entry.values():
            pages += [target] if isinstance(target, str) else list_pages(target)
    return pages


def test_the_menu_has_every_page_but_single_experiments() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    pages = {path.name for path in ROOT.glob("docs/*.md")}
    pages |= {*build_site.ELSEWHERE.values(), *build_site.write_reference()}
    assert sorted(list_pages(project["nav"])) == sorted(pages)


def test_links_lead_to_pages_of_the_site() -> None:
    page = ROOT / "docs" / "analyze.md"
    card = ROOT / "MODEL_CARD.md"
    targets = {
        path.resolve(): build_site.PAGES / build_site.name_page(path) for path in (page, card)
    }
    picture = "![curves](docs/images/accurate-curves.png)"
    assert build_site.relink(picture, card, targets) == "![curves](images/accurate-curves.png)"
    text = "[card](../MODEL_CARD.md#results), [code](../src/mien/images.py), [web](https://a.org)"
    assert build_site.relink(text, page, targets) == (
        "[card](model-card.md#results), code, [web](https://a.org)"
    )


def test_the_reference_has_every_public_class_and_function() -> None:
    reference = "".join(build_site.write_reference().values())
    for name in build_site.mien.__all__:
        assert name in ("EMOTIONS", "__version__") or f".{name}\n" in reference, name


def test_broken_links_are_found(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "guide").mkdir(parents=True)
    (site / "style.css").touch()
    (site / "index.html").write_text(
        '<link href="style.css"><a href="guide/#here">a</a><a href="https://a.org/x">b</a>'
        '<a href="guide/#there">c</a><a href="nowhere/">d</a><img src="a%20b.png"><a href="#">e</a>'
    )
    (site / "guide" / "index.html").write_text('<h2 id="here">H</h2><a href="..">up</a>')
    assert build_site.find_broken_links(site) == [
        "index.html -> a%20b.png",
        "index.html -> guide/#there",
        "index.html -> nowhere/",
    ]
