"""Run the code and the commands of the README's first screen."""

import doctest
import re
import shlex
import tomllib
from pathlib import Path

import pytest

import mien
from mien.cli import main
from mien.model.recognizer import ASSETS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

needs_model = pytest.mark.skipif(
    not (ASSETS / "accurate.onnx").is_file(), reason="the model that ships is not there yet"
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_first_screen_installs_and_uses_it():
    first = README.split("```console\n")[1].split("```")[0].splitlines()
    assert first[0].startswith("$ pip install ")
    assert first[1].startswith("$ mien analyze ")
    assert README.index("pip install") < 500


@needs_model
def test_the_python_gives_what_the_readme_says(monkeypatch):
    monkeypatch.chdir(ROOT)
    (code,) = blocks("python")
    test = doctest.DocTestParser().get_doctest(code, {}, "README.md", None, 0)
    assert len(test.examples) == 4
    assert doctest.DocTestRunner().run(test).failed == 0


@needs_model
def test_the_demo_reads_the_sample_photo(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(ROOT)
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    (command,) = re.findall(r"^\t\$\(DEMO\)/\$\(BIN\)/mien (.*)$", recipe, re.MULTILINE)
    words = shlex.split(command)
    words[words.index("demo-output")] = str(tmp_path)
    assert main(words) == 0
    assert "1 face" in capsys.readouterr().out
    assert len(list(tmp_path.iterdir())) == 1


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^\$ make (\w+)", README, re.MULTILINE)
    assert {"demo", "test"} <= set(named)
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_workflows_call_make_targets_that_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    called = set()
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        for words in re.findall(r"run: make ([\w -]+)", workflow.read_text(encoding="utf-8")):
            called |= set(words.split()) - {"PYTHON"}
    assert {"test", "check", "site", "dist", "web-test"} <= called
    for target in called:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_tree_shows_what_is_there():
    (tree,) = (block for block in blocks("text") if "src/mien/" in block)
    folders: list[str] = []
    for line in tree.splitlines():
        name = line.strip().split("  ")[0]
        depth = (len(line) - len(line.lstrip())) // 2
        folders = [*folders[:depth], name]
        for entry in name.split(" · "):
            assert (ROOT / Path(*folders[:depth], entry)).exists(), f"{line} is not there"


def test_the_version_has_one_home():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {project['version']}\n" in citation
    assert re.search(r"^## (\S+)", changelog, re.MULTILINE)[1] in (project["version"], "Unreleased")
    assert mien.__version__ == project["version"]
