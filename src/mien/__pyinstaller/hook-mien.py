"""Bundle mien's models, its schema, its version and the modules that it loads by name."""

from PyInstaller.utils.hooks import collect_data_files, copy_metadata

import mien

datas = collect_data_files("mien", excludes=["**/*.safetensors"]) + copy_metadata("mien")
hiddenimports = [f"mien.{module}" for module in mien._HOMES]  # noqa: SLF001 - the list of them
