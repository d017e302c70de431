"""The pages of the documentation site that are not files of docs/, one module for each kind."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = ROOT / "build" / "pages"
"""Where all pages are collected for the site generator."""
