"""Code and documentation keep to plain English, as CONTRIBUTING.md asks."""

import json
import tomllib
from pathlib import Path

import pytest

import structure

ROOT = Path(__file__).parents[1]
PHRASES = tomllib.loads(structure.PHRASES.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_phrases_that_were_replaced_do_not_come_back():
    texts = dict(structure.read_working_tree())
    for path in ROOT.glob("examples/**/*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts[path.name] = "\n".join("".join(cell["source"]) for cell in cells)
    assert len(texts) > 300
    assert [
        f"{path}: {phrase!r}; write {PHRASES['phrases'].get(phrase, 'Return, Read or Write')!r}"
        for path, phrase in structure.find_phrases(texts)
    ] == []


@pytest.mark.slow
def test_docstrings_of_tests_and_tools_start_with_plain_verbs():
    odd = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in [*ROOT.glob("tests/**/*.py"), *ROOT.glob(".ci/*.py"), *ROOT.glob("*.py")]
        for line in structure.list_docstrings(path.read_text(encoding="utf-8"))
        if line.startswith(tuple(PHRASES["openings"]))
    ]
    assert odd == []


def test_phrases_are_found_across_lines_and_at_the_start_of_docstrings():
    texts = {
        "docs/a.md": "All cores at\nhand are used.",
        "src/mien/b.py": 'def f():\n    """Give the faces."""\n',
    }
    assert structure.find_phrases(texts) == [
        ("docs/a.md", "at hand"),
        ("src/mien/b.py", "Give the faces."),
    ]


def test_every_phrase_has_a_usual_word():
    assert all(PHRASES["phrases"].values())
    assert list(PHRASES["openings"]) == sorted(PHRASES["openings"])
