"""Bundle the commands, which the command line loads by name."""

from mien.cli import COMMANDS

hiddenimports = [f"mien.cli.{command}" for command in COMMANDS]
