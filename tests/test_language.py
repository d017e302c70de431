"""The package's docstrings and messages keep to plain English, as CONTRIBUTING.md asks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "src" / "mien").rglob("*.py"))
RECIPES = ("src/mien/recipes/*.toml", "benchmarks/recipes/*.toml")
PAGES = [path for glob in ("*.md", "docs/*.md", *RECIPES) for path in ROOT.glob(glob)]

ODD_OPENINGS = (
    "Bear ",
    "Begin ",
    "Give ",
    "Hand ",
    "Hold ",
    "Let ",
    "Say ",
    "Tell ",
    "This module turns",
    "Turn ",
)
"""Docstrings start with what a function does: Return, Compute, Read, Write, Check."""

ODD_PHRASES = (
    "a second last layer",
    "as a reader should quote it",
    "at hand",
    "beside it",
    "beside the",
    "called in messages",
    "faces a second",
    "frames a second",
    "from nothing",
    "is spoilt",
    "is told",
    "is there already",
    "make it smaller first",
    "make room",
    "name another",
    "no whole zip",
    "on the other side",
    "pictures a second",
    "read as labelled",
    "reads as labelled",
    "reckon in",
    "save or send",
    "several threads may share",
    "shall get",
    "taken off",
    "the surest",
    "times as fast as real time",
    "Too much is waiting",
    "wanted a",
    "was found wanting",
    "what was asked",
    "what was given in place",
    "where it says nothing",
    "whole or not there",
    "with all that is below",
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
