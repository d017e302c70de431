"""Execute the notebooks in examples/, and compare their output or store it with --write.

    make notebooks

Each runs in an empty folder beside a copy of the sample photo, as it would for a reader. Cells
tagged `install` are not executed. `tests/test_notebooks.py` runs all of them.
"""

import argparse
import base64
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient
from PIL import Image

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
PHOTO: Final = EXAMPLES / "astronaut.jpg"
MAX_BYTES: Final = 900_000
"""A notebook with its output stays under this, so that the repository does."""
TRAINING: Final = ("cnn_lstm_on_fer2013", "own_classes")
"""Notebooks whose figures differ from computer to computer."""

_CHECK: Final = "\nassert not _exit_code, _exit_code"


def main() -> None:
    """Execute the named notebooks, or all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", help="notebooks without .ipynb; all by default")
    parser.add_argument("--write", action="store_true", help="store the output in the notebooks")
    options = parser.parse_args()

    # Commands in a notebook are those of this Python, whichever is first in the shell's PATH.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # They write as into a file: no colours, and no bars that move.
    os.environ |= {"COLUMNS": "100", "TTY_COMPATIBLE": "0"}
    for name in options.names or list_notebooks():
        path = EXAMPLES / f"{name}.ipynb"
        notebook = execute(path)
        stored = list_words(nbformat.read(path, as_version=4))
        if not options.write and name not in TRAINING and list_words(notebook) != stored:
            raise SystemExit(f"the stored output of {name} is out of date: run make notebooks")
        if options.write:
            text = nbformat.writes(notebook)
            if len(text) > MAX_BYTES:
                raise SystemExit(f"{name} would have {len(text):,} bytes; show less in it")
            path.write_text(text + "\n", encoding="utf-8")
        print(f"executed {name}")


def list_notebooks() -> list[str]:
    """Return the names of all notebooks."""
    return sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))


def list_words(notebook: Any) -> list[str]:  # noqa: ANN401 - nbformat has no types
    """Return the words and percentages of a notebook's output, which other computers share."""
    told = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            texts = (output.get("text", ""), output.get("data", {}).get("text/html", ""))
            told += re.findall(r"[A-Za-z_]{3,}|\d+%", " ".join(texts))
    return told


def execute(path: Path) -> Any:  # noqa: ANN401 - nbformat has no types
    """Execute a notebook in a folder of its own, and return it with its output.

    Raises:
        CellExecutionError: A cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(PHOTO, folder)
        client = NotebookClient(
            notebook,
            timeout=300,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            skip_cells_with_tag="install",
            record_timing=False,
        )
        _fail_with_commands(notebook)
        client.execute()
    for cell in notebook.cells:
        cell.source = cell.source.removesuffix(_CHECK)
        for output in cell.get("outputs", ()):
            _shrink(output.get("data", {}))
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def _fail_with_commands(notebook: Any) -> None:  # noqa: ANN401
    """Make a cell fail where its command does, which Jupyter itself passes over."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.startswith("!"):
            cell.source += _CHECK


def _shrink(data: dict[str, str]) -> None:
    """Store a picture in few colours, as it is only there to be looked at."""
    data.pop("image/jpeg", None)  # Pillow stores a picture as both
    if "image/png" in data:
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
        file = io.BytesIO()
        picture.quantize(64).save(file, format="png", optimize=True)
        data["image/png"] = base64.b64encode(file.getvalue()).decode("ascii")


if __name__ == "__main__":
    main()
