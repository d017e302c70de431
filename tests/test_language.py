"""The package's docstrings and messages keep to plain English, as CONTRIBUTING.md asks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "src" / "mien").rglob("*.py"))
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]

ODD_OPENINGS = ("Give ", "Say ", "Tell ", "Turn ", "Let ", "Hand ", "Bear ", "This module turns")
"""Docstrings start with what a function does: Return, Compute, Read, Write, Check."""

ODD_PHRASES = (
    "reckon in",
    "no whole zip",
    "at hand",
    "is spoilt",
    "from nothing",
    "faces a second",
    "pictures a second",
    "times as fast as real time",
    "was found wanting",
    "with all that is below",
    "Too much is waiting",
)
"""Phrases that a native reader stumbles over; each has a usual word."""


def list_docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield ast.get_docstring(node) or ""


def test_docstrings_start_with_plain_verbs():
    odd = [
        f"{path.relative_to(ROOT)}: {text.splitlines()[0]}"
        for path in MODULES
        for text in list_docstrings(ast.parse(path.read_text(encoding="utf-8")))
        if text.startswith(ODD_OPENINGS)
    ]
    assert odd == []


@pytest.mark.parametrize("phrase", ODD_PHRASES)
def test_phrases_that_were_replaced_do_not_come_back(phrase):
    pattern = re.compile(r"\s+".join(map(re.escape, phrase.split())))
    found = [
        path.relative_to(ROOT).as_posix()
        for path in [*MODULES, *PAGES]
        if path.name != "CHANGELOG.md" and pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
