"""Every Python example in README and docs passes `mypy --strict`.

The examples fenced as `py` are for libraries that no test installs.
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="mypy is not installed: pip install --group check")
pytest.importorskip("pandas", reason="mien[tables] is not installed")
pytest.importorskip("torch", reason="mien[train] is not installed")

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

pytestmark = pytest.mark.slow


def read_code(page: Path) -> str:
    """A page's examples as one module, each line at its own number in the page.

    An example may go on with names of an earlier one on its page, as a reader would.
    """
    text = page.read_text(encoding="utf-8")
    lines = [""] * text.count("\n")
    for block in BLOCK.finditer(text):
        first = text[: block.start(1)].count("\n")
        code = block[1]
        if code.startswith(">>>"):
            for example in doctest.DocTestParser().get_examples(code):
                source = example.source.splitlines()
                lines[first + example.lineno : first + example.lineno + len(source)] = source
        else:
            source = code.splitlines()
            lines[first : first + len(source)] = source
    return "\n".join(lines).rstrip() + "\n"


def check(folder: Path, modules: dict[str, str]) -> str:
    """What mypy says of modules, with the settings of mien's own code."""
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    files = [str(folder / f"{name}.py") for name in modules]
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *files]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_examples_pass_mypy_strict(tmp_path):
    modules = {
        "docs_" + re.sub(r"\W", "_", page.stem.lower()): read_code(page)
        for page in PAGES
        if BLOCK.search(page.read_text(encoding="utf-8"))
    }
    assert len(modules) > 10
    modules["docs_wrong"] = 'import mien\nmien.analyze_photo("a.jpg").frames\n'
    lines = check(tmp_path, modules).splitlines()
    (caught,) = (line for line in lines if "docs_wrong.py:2:" in line)
    assert '"ImageResult" has no attribute "frames"' in caught
    assert not [line for line in lines if line != caught], "\n".join(lines)
