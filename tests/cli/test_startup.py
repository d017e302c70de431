"""A command loads what it needs, and no more: it starts in the time that this takes."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mien.cli import COMMANDS, app

COMMANDS_FOLDER = Path(__file__).parents[2] / "src" / "mien" / "cli"

LOADED = """
import contextlib, io, json, sys
from mien.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""

UPPER_FLOOR = {"torch", "lightning", "kornia", "matplotlib", "scipy", "sklearn", "pandas"}
EXTRAS = {"av", "fastapi", "fsspec", "pyarrow", "starlette", "uvicorn"}
ARCHIVES = {"tarfile", "mien.batch.archives", "mien.damage"}
PAGES = {"mien.report", "mien.report.page"}
DRAWING = {"mien.draw", "mien.batch.annotated", "mien.drawing.fonts", "mien.video.annotate"}


def load(*words: str) -> set[str]:
    command = [sys.executable, "-c", LOADED, *words]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    code, modules = json.loads(ran.stdout)
    assert code == 0
    return set(modules)


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["--help"], ["--version"]])
def test_the_list_of_commands_loads_no_command(words: list[str]) -> None:
    loaded = load(*words)
    assert not [name for name in loaded if name.startswith("mien.cli.") and "exit" not in name]
    assert not loaded & {"numpy", "PIL", "onnxruntime", "mien.analyzer"}


@pytest.mark.slow
def test_a_photo_loads_neither_pages_nor_drawing_nor_archives(portrait_path: Path) -> None:
    loaded = load("analyze", str(portrait_path), "--json")
    assert "mien.analyzer" in loaded
    assert not loaded & (UPPER_FLOOR | EXTRAS | ARCHIVES | PAGES | DRAWING)


@pytest.mark.slow
def test_what_is_asked_for_is_loaded(portrait_path: Path, tmp_path: Path) -> None:
    copy, page = tmp_path / "copy.jpg", tmp_path / "page.html"
    loaded = load("analyze", str(portrait_path), "--annotate", str(copy), "--report", str(page))
    assert loaded >= PAGES | {"mien.draw", "mien.batch.annotated"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_says_what_each_command_says_of_itself(command: str) -> None:
    if command == "data":  # a group of commands
        assert COMMANDS[command] == app[command].help
        return
    module = ast.parse((COMMANDS_FOLDER / f"{command}.py").read_text(encoding="utf-8"))
    (function,) = (
        node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == command
    )
    assert COMMANDS[command] == (ast.get_docstring(function) or "").splitlines()[0]
