"""Write the notebooks as pages of the site, with their stored output."""

import re
import shutil
from pathlib import Path
from typing import Final

import nbformat
from nbconvert import MarkdownExporter

from pages import ROOT

EXAMPLES: Final = ROOT / "examples"


def write_tutorials(target: Path) -> None:
    """Write a page for each notebook, with its pictures and the notebook itself.

    Args:
        target: Folder of the site's pages.
    """
    folder = target / "tutorials"
    folder.mkdir(parents=True, exist_ok=True)
    for notebook in sorted(EXAMPLES.glob("*.ipynb")):
        text, pictures = write_tutorial(notebook)
        (folder / f"{notebook.stem}.md").write_text(text, encoding="utf-8")
        for name, data in pictures.items():
            (folder / name).write_bytes(data)
        shutil.copy(notebook, folder)


def write_tutorial(notebook: Path) -> tuple[str, dict[str, bytes]]:
    """Write a notebook as a page.

    Returns:
        The page, and its pictures by name.
    """
    exporter = MarkdownExporter()
    resources = {"unique_key": notebook.stem, "output_files_dir": "."}
    text, resources = exporter.from_notebook_node(nbformat.read(notebook, 4), resources)
    pictures = {name.removeprefix("./"): data for name, data in resources["outputs"].items()}

    # A table of pandas gets the site's style, and scrolls on phones.
    text = re.sub(r"<style scoped>.*?</style>", "", text, flags=re.DOTALL)
    text = text.replace('<table border="1" class="dataframe">', "<table>")
    text = text.replace("](./", "](").replace("![png]", "![Output of the cell above]")
    title, _, rest = text.strip().partition("\n")
    offer = (
        f"This page is a notebook: [download it]({notebook.name}) to run it in Jupyter or Colab."
    )
    return f"{title}\n\n{offer}\n{rest}\n", pictures
