"""The documentation site has every page and every public name, and its links stay within it."""

import dataclasses
import inspect
import json
import re
import tomllib
import typing
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("nbconvert", reason="nbconvert is not installed: pip install --group docs")
pytest.importorskip("fastapi", reason="mien[serve] is not installed")

import build_site
import mien
from pages import PAGES, formats, links, python, tutorials, versions

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", ROOT / "MODEL_CARD.md", *sorted(ROOT.glob("docs/*.md"))]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def list_pages(nav: list) -> list[str]:
    pages = []
    for entry in nav:
        for target in entry.values():
            pages += [target] if isinstance(target, str) else list_pages(target)
    return pages


def test_the_menu_has_every_page_but_single_experiments() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    pages = {path.name for path in ROOT.glob("docs/*.md")}
    pages |= {*build_site.ELSEWHERE.values(), *python.write_reference()}
    pages |= {f"tutorials/{path.stem}.md" for path in NOTEBOOKS}
    pages |= {"reference-schema.md", "reference-http.md"}
    assert sorted(list_pages(project["nav"])) == sorted(pages)


def test_links_lead_to_pages_of_the_site() -> None:
    page, other = ROOT / "docs" / "analyze.md", ROOT / "docs" / "files.md"
    card = ROOT / "MODEL_CARD.md"
    targets = {path.resolve(): PAGES / build_site.name_page(path) for path in (page, other, card)}
    picture = "![curves](docs/images/accurate-curves.png)"
    assert links.relink(picture, card, targets) == "![curves](images/accurate-curves.png)"
    text = "[card](../MODEL_CARD.md#results), [code](../src/mien/images.py), [web](https://a.org)"
    assert links.relink(text, page, targets) == (
        "[card](model-card.md#results), code, [web](https://a.org)"
    )
    text = "[files.md](files.md), [a notebook](../examples/photos.ipynb)"
    title = other.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    assert links.relink(text, page, targets) == (
        f"[{title}](files.md), [a notebook](tutorials/photos.md)"
    )


def find_public_names() -> set[str]:
    """The full names that guides and notebooks tell readers to import from submodules."""
    names = {f"mien.{name}" for name in mien.__all__}
    texts = [path.read_text(encoding="utf-8") for path in GUIDES]
    texts += [
        "".join(cell["source"])
        for path in NOTEBOOKS
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    ]
    for text in texts:
        for module, imported in re.findall(
            r"^from (mien(?:\.\w+)+) import ([\w, ]+)", text, re.MULTILINE
        ):
            for name in imported.split(","):
                path = f"{module}.{name.split(' as ')[0].strip()}"
                is_module = not hasattr(import_module(module), path.rsplit(".", 1)[1])
                names |= {path} if not is_module else set()
        for path in re.findall(r"`(mien(?:\.[a-z]\w*)+\.[A-Za-z]\w+)[`(]", text):
            names.add(path)
    return names


def find_object(path: str) -> object:
    """What a full name stands for; a module counts as none."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name, None)
    except ModuleNotFoundError:  # an attribute of a class
        return find_object(module)


def test_the_reference_has_every_public_name() -> None:
    pages = python.write_reference()
    documented = {
        line.removeprefix("::: ")
        for page in pages.values()
        for line in page.splitlines()
        if line.startswith("::: ")
    }
    for path in sorted(find_public_names()):
        value = find_object(path)
        name = path.rsplit(".", 1)[1]
        home = f"{getattr(value, '__module__', '')}.{name}"
        shown = (
            home in documented or path in documented or f"`mien.{name}`" in pages["reference.md"]
        )
        assert shown or type(value).__name__ == "module", f"{path} is not in the reference"


def list_members(home: str) -> dict[str, object]:
    """A function, or a class with its methods, by their full names."""
    value = find_object(home)
    members = {home: value}
    if isinstance(value, type):
        methods = {name: member for name, member in vars(value).items() if not name.startswith("_")}
        members |= {
            f"{home}.{name}": getattr(member, "__func__", member)
            for name, member in methods.items()
            if callable(getattr(member, "__func__", member))
        }
    return members


@pytest.mark.parametrize("page", [name for name in python.write_reference() if "types" not in name])
def test_everything_in_the_reference_is_explained(page: str) -> None:
    homes = re.findall(r"^::: (.+)$", python.write_reference()[page], re.MULTILINE)
    missing = []
    for home, value in (item for one in homes for item in list_members(one).items()):
        told = value.__doc__ or ""
        if not told:
            missing.append(f"{home}: a docstring")
        elif tags := re.findall(r"</?[a-z]+", re.sub(r"`[^`]*`", "", told)):
            missing.append(f"{home}: {tags[0]} would be HTML; put it into backticks")
        elif dataclasses.is_dataclass(value):
            fields = {item.name for item in dataclasses.fields(value) if item.name[0] != "_"}
            if unnamed := [name for name in sorted(fields) if f"{name}:" not in told]:
                missing.append(f"{home}: {', '.join(unnamed)}")
        elif inspect.isfunction(value):
            signature = inspect.signature(value)
            arguments = signature.parameters.keys() - {"self", "cls"}
            unnamed = [name for name in arguments if f"{name}" not in told]
            if unnamed:
                missing.append(f"{home}: {', '.join(unnamed)}")
            sentences = ("Returns:", "Yields:", "Return ", "Restore ", "Map ")
            is_silent = signature.return_annotation in (None, typing.Self)
            if not is_silent and not any(word in told for word in sentences):
                missing.append(f"{home}: what it returns")
    assert not missing, "\n".join(missing)


def test_the_schema_page_has_every_key_with_its_meaning() -> None:
    schema = json.loads(formats.SCHEMA.read_text(encoding="utf-8"))
    page = formats.write_schema(schema)
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.*) \|$", page, re.MULTILINE)
    keys = {key for record in schema["$defs"].values() for key in record.get("properties", {})}
    assert {key for key, _, _ in rows} == keys
    assert not [key for key, _, meaning in rows if not meaning]
    assert "| `turned` | `0`, `90`, `180`, `270` (optional) |" in page


def test_the_http_page_has_every_endpoint(tmp_path: Path) -> None:
    formats.write_formats(tmp_path)
    page = (tmp_path / "reference-http.md").read_text(encoding="utf-8")
    openapi = json.loads((tmp_path / "openapi.json").read_text(encoding="utf-8"))
    for path, operations in openapi["paths"].items():
        for method in operations:
            assert f"## {method.upper()} {path}\n" in page
    assert "| `min_score` (query) |" in page


def test_a_tutorial_has_its_notebooks_text_output_and_pictures(tmp_path: Path) -> None:
    tutorials.write_tutorials(tmp_path)
    page = (tmp_path / "tutorials" / "photos.md").read_text(encoding="utf-8")
    assert page.startswith("# Read photos\n")
    assert "](photos.ipynb)" in page
    assert "result.plot()" in page
    assert "<table>" in page
    assert 'class="dataframe"' not in page
    pictures = re.findall(r"!\[.+\]\((.+\.png)\)", page)
    assert pictures
    for name in ("photos.ipynb", *pictures):
        assert (tmp_path / "tutorials" / name).stat().st_size > 1000


def test_each_version_has_a_folder_and_the_root_leads_to_the_latest(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for version in ("0.9", "dev", "0.10", "0.9"):
        built = tmp_path / "built"
        built.mkdir()
        (built / "index.html").write_text(version)
        versions.add_version(built, site, version)

    entries = json.loads((site / versions.VERSIONS).read_text())
    assert [entry["version"] for entry in entries] == ["0.10", "0.9", "dev"]
    assert [entry["aliases"] for entry in entries] == [["latest"], [], []]
    assert (site / "dev" / "index.html").read_text() == "dev"
    assert 'url=0.10/"' in (site / "index.html").read_text()


def test_broken_links_are_found(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "guide").mkdir(parents=True)
    (site / "style.css").touch()
    (site / "index.html").write_text(
        '<link href="style.css"><a href="guide/#here">a</a><a href="https://a.org/x">b</a>'
        '<a href="guide/#there">c</a><a href="nowhere/">d</a><img src="a%20b.png"><a href="#">e</a>'
    )
    (site / "guide" / "index.html").write_text('<h2 id="here">H</h2><a href="..">up</a>')
    assert links.find_broken_links(site) == [
        "index.html -> a%20b.png",
        "index.html -> guide/#there",
        "index.html -> nowhere/",
    ]
