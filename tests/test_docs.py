"""The documentation is current: generated parts, links, commands and examples."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")


import generate as generator
from mien.cli import COMMANDS, app

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
LEAVES = [command for command in COMMANDS if command != "data"]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def words(text: str) -> list[str]:
    """The words of a page: another release of a library may draw its boxes otherwise."""
    return re.findall(r"[\w.,:;'%/\[\]<>=-]+", text.replace("─", " "))


@pytest.fixture(scope="module")
def rendered():
    return generator.render()


@pytest.mark.parametrize("path", [page for page in PAGES if generator.is_generated(page)], ids=name)
@pytest.mark.slow
def test_what_is_generated_is_current(path, rendered):
    assert words(path.read_text(encoding="utf-8")) == words(rendered[path]), "run: make docs"


@pytest.mark.slow
def test_no_generated_page_is_left_out(rendered):
    assert set(rendered) == {page for page in PAGES if generator.is_generated(page)}


@pytest.mark.parametrize("command", [(command,) for command in LEAVES] + [("data", "audit")])
def test_every_command_has_help_with_an_example_that_fits(command):
    page = generator.print_help(*command)
    examples = [line for line in page.splitlines() if line.startswith(" $ mien ")]
    assert any(f"{line} ".startswith(f" $ mien {' '.join(command)} ") for line in examples)
    leaf = app[command[0]] if len(command) == 1 else app[command[0]][command[1]]
    for argument in leaf.assemble_argument_collection(parse_docstring=True):
        assert argument.parameter.help, f"{argument.name} is not explained"


def test_every_command_is_in_the_page():
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for command in generator.list_commands():
        assert f"## mien {' '.join(command)}\n" in page


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        link = target[0] or target[1]
        if "://" in link or link.startswith(("#", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        found = (page.parent / path).resolve()
        assert found.exists(), f"{page.name} links to {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]
            assert anchor in slugs, f"{page.name} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_in_the_documentation_exist(page):
    for block in re.findall(r"```(?:console|sh)\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            found = re.match(r"\$ mien (\S+)(.*)", line)
            if found is None or found[1].startswith("-"):
                continue
            assert found[1] in COMMANDS, line
            if found[1] != "data":
                known = {n for a in app[found[1]].assemble_argument_collection() for n in a.names}
                used = set(re.findall(r"(?<=\s)--[a-z0-9-]+", found[2]))
                assert used <= known | {"--help"}, line


def test_the_index_lists_every_page():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in sorted(ROOT.glob("docs/*.md")):
        assert page.name == "index.md" or f"({page.name})" in index, page.name


def test_the_experiments_are_all_listed_in_order():
    folder = ROOT / "docs" / "experiments"
    entries = [path.name for path in sorted(folder.glob("*.md")) if path.name != "README.md"]
    listed = re.findall(r"^\| \[.*\]\((.*)\) \|", (folder / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == entries
    assert [name[:10] for name in listed] == [name[:10] for name in entries]
