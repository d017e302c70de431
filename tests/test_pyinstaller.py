"""A program that PyInstaller builds holds mien's models."""

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mien
from mien.errors import ModelError

ROOT = Path(__file__).parents[1]
PROGRAM = """
import sys, mien
print(mien.analyze(sys.argv[1]).to_json())
"""
LEFT_OUT = ("torch", "lightning", "pandas", "pyarrow", "matplotlib", "scipy", "sklearn", "fastapi")


def hook_dirs() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["entry-points"]["pyinstaller40"]["hook-dirs"].partition(":")
    return getattr(importlib.import_module(module), function)()


def test_the_entry_point_leads_to_the_hooks() -> None:
    (folder,) = hook_dirs()
    assert {path.name for path in Path(folder).glob("hook-*.py")} == {
        "hook-mien.py",
        "hook-mien.cli.py",
    }


def test_a_program_without_the_models_is_told_to_be_built_again(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("mien.model.recognizer.ASSETS", tmp_path)
    with pytest.raises(ModelError, match="reinstall mien"):
        mien.Recognizer("accurate")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(ModelError, match="--collect-data mien"):
        mien.Recognizer("accurate")


@pytest.mark.slow
@pytest.mark.release
def test_a_built_program_reads_a_photo(tmp_path: Path, portrait_path: Path) -> None:
    pytest.importorskip("PyInstaller", reason="PyInstaller is not installed")
    (tmp_path / "program.py").write_text(PROGRAM)
    words = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR"]
    words += ["--paths", str(ROOT / "src"), "--additional-hooks-dir", *hook_dirs()]
    words += [word for name in LEFT_OUT for word in ("--exclude-module", name)]
    built = subprocess.run(
        [*words, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=550
    )
    assert built.returncode == 0, built.stderr

    # On another machine: another folder, an empty home, and none of this Python's variables.
    program = tmp_path / "dist" / "program" / "program"
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [program, portrait_path.resolve()],
        cwd=home,
        env=kept | {"HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["faces"][0]["emotion"] == "happy"
    assert list(home.iterdir()) == []
