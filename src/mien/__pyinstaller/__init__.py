"""Return the folder of the PyInstaller hooks that bundle mien's models."""

from pathlib import Path


def get_hook_dirs() -> list[str]:
    """Return the folder of the hooks; PyInstaller calls this by an entry point."""
    return [str(Path(__file__).parent)]
