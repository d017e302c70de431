"""Exit codes of every command."""

from typing import Final

OK: Final = 0
INCOMPLETE: Final = 1
"""Some input could not be read, or data failed a check; everything else was done."""
REFUSED: Final = 2
"""A usage, configuration, data, model or output error: the command did nothing, or stopped."""
INTERRUPTED: Final = 130
"""Stopped by Ctrl-C: 128 plus the number of the signal, as in shells."""
PIPE_CLOSED: Final = 141
"""The reader of standard output has closed it, as `head` does."""

HELP: Final = (
    f"Exit codes: {OK} success; {INCOMPLETE} some input could not be read or failed a check; "
    f"{REFUSED} the command could not run; {INTERRUPTED} stopped by Ctrl-C."
)
"""The sentence of `mien --help`."""
