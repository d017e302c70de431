"""Every notebook runs from top to bottom, and what is stored of it is small and clean."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="nbclient is not installed")

import run_notebooks

NEEDS = {"cnn_lstm_on_fer2013": "torch", "own_classes": "torch", "photos": "pandas", "video": "av"}
MOST = 60_000
"""Bytes of the output of one cell."""


def read(name: str) -> dict:
    return json.loads((run_notebooks.EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8"))


def test_every_notebook_is_known() -> None:
    assert run_notebooks.list_notebooks() == sorted(NEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_a_notebook_runs(name: str) -> None:
    pytest.importorskip(NEEDS[name])
    script = Path(run_notebooks.__file__)
    source = Path(__file__).parents[1] / "src"
    done = subprocess.run(
        [sys.executable, script, name],
        env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize("name", NEEDS)
def test_what_is_stored_is_small_clean_and_whole(name: str) -> None:
    cells = [cell for cell in read(name)["cells"] if cell["cell_type"] == "code"]
    (install,) = [cell for cell in cells if cell["metadata"].get("tags") == ["install"]]
    assert "".join(install["source"]).startswith("%pip install")
    assert install is cells[0]
    assert any(cell["outputs"] for cell in cells)
    for cell in cells:
        assert len(json.dumps(cell["outputs"])) < MOST, cell["source"]
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            told = "".join(output.get("text", ()))
            assert "\x1b" not in told, "a terminal's codes"
            assert "/tmp" not in told
            assert str(Path.home()) not in told


@pytest.mark.slow
def test_a_command_that_fails_ends_the_notebook(tmp_path: Path) -> None:
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": "a",
                "metadata": {},
                "outputs": [],
                "source": "!exit 3",
            }
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = tmp_path / "fails.ipynb"
    path.write_text(json.dumps(notebook))
    code = f"import run_notebooks as r; from pathlib import Path; r.execute(Path({str(path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(run_notebooks.__file__).parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "AssertionError" in done.stderr
