"""Turn a command line into a call, and an error into one sentence and an exit code."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Final

from cyclopts import App, CycloptsError, Group, Parameter

from mien.errors import MienError, require_extra

OK: Final = 0
REFUSED: Final = 2
"""Usage, config, data, model or output: what was asked for could not be done."""
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a full disk says behind standard output; of other files it is an `OutputError`."""
UPPER_FLOOR: Final = ("data", "train", "evaluate", "compare", "export")
"""Commands that need mien[train]."""
COMMANDS: Final = ("analyze", "explain", "watch", "serve", *UPPER_FLOOR)

_READ: Final = Group("Read faces", sort_key=1)
_MAKE: Final = Group("Make and judge models (pip install 'mien\\[train]')", sort_key=2)
_ABOUT: Final = Group("About", sort_key=3)


def _show_default(value: object) -> str | None:
    """Leave defaults that say nothing out of the help: a switch is off, a path is not given."""
    return None if value is None or value is False else str(value)


app = App(
    name="mien",
    help="""Read apparent facial expression from photos, videos and cameras, on your own machine.

What mien reads is the expression as people would label it, not what a person feels.

```console
$ mien analyze photo.jpg
```

`mien COMMAND --help` explains a command, with examples. Exit codes: 0 all well; 1 something could
not be read, or was found wanting; 2 what was asked for could not be done; 130 stopped by Ctrl-C.
""",
    version=lambda: metadata.version("mien"),
    help_format="markdown",
    default_parameter=Parameter(negative=(), show_default=_show_default),
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
# By import path, so that a command's module is imported only when that command, or the list of all
# commands, is asked for.
app.command(
    "mien.cli.analyze:analyze",
    name="analyze",
    group=_READ,
    usage="Usage: mien analyze PATH... [OPTIONS]",
)
app.command("mien.cli.explain:explain", name="explain", group=_READ)
app.command("mien.cli.watch:watch", name="watch", group=_READ)
app.command("mien.cli.serve:serve", name="serve", group=_READ)
app["--help"].group = app["--version"].group = (_ABOUT,)
app.command("mien.cli.data:app", name="data", group=_MAKE, sort_key=1)
app.command("mien.cli.train:train", name="train", group=_MAKE, sort_key=2)
app.command("mien.cli.evaluate:evaluate", name="evaluate", group=_MAKE, sort_key=3)
app.command("mien.cli.compare:compare", name="compare", group=_MAKE, sort_key=4)
app.command("mien.cli.export:export", name="export", group=_MAKE, sort_key=5)


def load_commands() -> None:
    """Import every command, which `cyclopts` needs to say what each does."""
    for command in COMMANDS:
        app[command]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows `mien` on the command line; None takes the process's own.

    Returns:
        The exit code: 0 all well; 1 something could not be read, or was found wanting; 2 usage,
        config, data, model or output error; 130 stopped by Ctrl-C; 141 whoever read the output
        went away.
    """
    _escape_what_a_terminal_lacks()
    tokens = sys.argv[1:] if arguments is None else arguments
    try:
        if not tokens or tokens[0] not in COMMANDS:
            load_commands()  # the list of commands quotes what each says of itself
        code = app(tokens)
        sys.stdout.flush()
    except MienError as error:
        return _complain(str(error), REFUSED)
    except CycloptsError as error:
        return _complain(_name_help(error), REFUSED)
    except ModuleNotFoundError as error:
        if tokens[0] not in UPPER_FLOOR or (error.name or "mien").startswith("mien"):
            raise
        missing = require_extra("train", f"mien {tokens[0]}", error.name or "")
        return _complain(str(missing), REFUSED)
    except KeyboardInterrupt as stop:
        return _complain(str(stop) or "stopped", INTERRUPTED)
    except OSError as error:
        return _leave_stdout(error)
    return code if isinstance(code, int) else OK


def _leave_stdout(error: OSError) -> int:
    """Say why standard output takes no more; an error of anything else goes on."""
    is_closed = isinstance(error, BrokenPipeError)
    if not is_closed and error.errno not in NO_ROOM:
        raise error
    # Python flushes stdout once more on its way out, which must not fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if is_closed:
        return PIPE_CLOSED
    reason = f"standard output cannot be written ({error.strerror})"
    return _complain(f"{reason}; make room or send it elsewhere", REFUSED)


def _name_help(error: CycloptsError) -> str:
    """Put a usage error into a sentence or two, with the help page to look at."""
    sentence = " ".join(str(error).split())
    command = " ".join(("mien", *(error.command_chain or ())))
    return f"{sentence.rstrip('.')}; see {command} --help"


def _complain(sentence: str, code: int) -> int:
    print(f"mien: {sentence}", file=sys.stderr)
    return code


def _escape_what_a_terminal_lacks() -> None:
    """Print a letter that a terminal's encoding lacks as its escape, where Python would raise."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
