"""Run the command line: find the command, call it, and report errors as one sentence.

User input never causes a traceback: every `MienError` and every usage error is printed after
`mien:`, with an exit code of `mien.cli.exit_codes`.
"""

import difflib
import errno
import os
import sys
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError, Group, Parameter, UnknownCommandError

from mien.cli import exit_codes
from mien.errors import MienError, describe_error, require_extra

NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a full disk on standard output; for other files they are an `OutputError`."""
_GROUND_FLOOR: Final = {
    "analyze": "Read the faces in photos and videos.",
    "study": "Compare participants' apparent expressions between conditions.",
    "explain": "Show which parts of a face a prediction is based on.",
    "watch": "Watch the camera live, in the browser.",
    "serve": "Run the HTTP service and the web page.",
    "devices": "List the devices that networks can run on.",
    "completion": "Print a script that completes mien's commands and options in your shell.",
}
UPPER_FLOOR: Final = {
    "data": "Check a dataset before training; needs no PyTorch.",
    "train": "Train a model on labelled faces.",
    "evaluate": "Measure how often a model agrees with the labels of a split.",
    "compare": "Compare two models on the same faces, and test whether one is better.",
    "export": (
        "Write a trained checkpoint as a model that `mien analyze` reads, or calibrate a model "
        "again."
    ),
}
"""Commands that need mien[train]."""
COMMANDS: Final = _GROUND_FLOOR | UPPER_FLOOR
"""What each command does, as its own help begins: the list of them imports none."""

_READ: Final = Group("Read faces", sort_key=1)
_MAKE: Final = Group("Train and evaluate models (pip install 'mien\\[train]')", sort_key=2)
_ABOUT: Final = Group("About", sort_key=3)


def _show_default(value: object) -> str | None:
    """Show a default in the help, unless it is an unset option or a switch that is off."""
    return None if value is None or value is False else str(value)


_HELP: Final = f"""\
Read apparent facial expression from photos, videos and cameras, on your own machine.

mien reports the expression that people would label, not what a person feels.

```console
$ mien analyze photo.jpg
```

`mien COMMAND --help` explains a command, with examples. {exit_codes.HELP}
"""


def _read_version() -> str:
    from importlib import metadata  # slow to import, and no other command needs it

    return metadata.version("mien")


def _make_app() -> App:
    """Return the command line without its commands."""
    made = App(
        name="mien",
        help=_HELP,
        version=_read_version,
        help_format="markdown",
        default_parameter=Parameter(negative=(), show_default=_show_default),
        exit_on_error=False,
        print_error=False,
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    made["--help"].group = made["--version"].group = (_ABOUT,)
    return made


def _place(command: str) -> tuple[Group, int | None]:
    """Return a command's group in the list, and its place there."""
    if command in UPPER_FLOOR:
        return _MAKE, list(UPPER_FLOOR).index(command)
    return (_ABOUT if command == "completion" else _READ), None


def _make_overview() -> App:
    """Return a command line that lists the commands, and imports none of them."""
    overview = _make_app()
    for command, summary in COMMANDS.items():
        group, place = _place(command)
        overview.command(App(name=command, help=summary, group=group, sort_key=place))
    return overview


app = _make_app()
for _command in COMMANDS:  # by import path: a module is imported for its own command alone
    _group, _sort_key = _place(_command)
    app.command(
        f"mien.cli.{_command}:{'app' if _command == 'data' else _command}",
        name=_command,
        group=_group,
        sort_key=_sort_key,
        **({"usage": "Usage: mien analyze PATH... [OPTIONS]"} if _command == "analyze" else {}),
    )


def load_commands() -> None:
    """Import every command, so that cyclopts can describe each in a list."""
    for command in COMMANDS:
        app[command]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The arguments after `mien`; None uses those of the process.

    Returns:
        An exit code of `mien.cli.exit_codes`.
    """
    _open_closed_streams()
    _escape_unprintable_letters()
    tokens = _protect_paths(sys.argv[1:] if arguments is None else arguments)

    try:
        is_command = bool(tokens) and tokens[0] in COMMANDS
        code = (app if is_command else _make_overview())(tokens)
        sys.stdout.flush()
    except MienError as error:
        return _complain(str(error), exit_codes.REFUSED)
    except CycloptsError as error:
        return _complain(_describe_usage(error), exit_codes.REFUSED)
    except ModuleNotFoundError as error:
        if tokens[0] not in UPPER_FLOOR or (error.name or "mien").startswith("mien"):
            raise
        missing = require_extra("train", f"mien {tokens[0]}", error.name or "")
        return _complain(str(missing), exit_codes.REFUSED)
    except KeyboardInterrupt as stop:
        return _complain(str(stop) or "stopped", exit_codes.INTERRUPTED)
    except OSError as error:
        return _report_system_error(error)
    return code if isinstance(code, int) else exit_codes.OK


def _open_closed_streams() -> None:
    """Replace standard streams that are closed (`>&-`) by an empty one.

    Python sets such a stream to None, and the next file to be opened would take its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def _escape_unprintable_letters() -> None:
    """Escape characters that the terminal's encoding lacks, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _protect_paths(tokens: Sequence[str]) -> list[str]:
    """Write paths after `--` so that they cannot be taken for options: `-rf.jpg` as `./-rf.jpg`.

    Only `analyze` needs it: its paths may begin with a hyphen because `-` is standard input.
    """
    if "--" not in tokens or tokens[0] != "analyze":
        return list(tokens)
    end = list(tokens).index("--")
    paths = (f"./{path}" if path.startswith("-") and path != "-" else path for path in tokens[end:])
    return [*tokens[:end], *list(paths)[1:]]


def _report_system_error(error: OSError) -> int:
    """Report a failed system call: a file, or standard output that cannot be written.

    Raises:
        OSError: The error itself, if it concerns neither.
    """
    if error.filename is not None:
        name = os.fsdecode(error.filename)
        return _complain(f"{name}: {describe_error(error)}", exit_codes.REFUSED)
    is_closed = isinstance(error, BrokenPipeError) or (
        sys.platform == "win32" and error.errno == errno.EINVAL  # what a closed pipe is there
    )
    if not is_closed and error.errno not in NO_ROOM:
        raise error

    # Python flushes stdout again at exit, which must not fail.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if is_closed:
        return exit_codes.PIPE_CLOSED
    reason = f"standard output cannot be written ({describe_error(error)})"
    return _complain(f"{reason}; free some space or redirect it elsewhere", exit_codes.REFUSED)


def _describe_usage(error: CycloptsError) -> str:
    """Write a usage error as a sentence or two that end with the help page to read."""
    command = " ".join(("mien", *(error.command_chain or ())))
    if isinstance(error, UnknownCommandError) and error.unused_tokens:
        sentence = _describe_command(error.unused_tokens[0], error.command_chain or ())
    else:
        sentence = " ".join(str(error).split()).rstrip(".")
    return f"{sentence}{'' if sentence.endswith('?') else ';'} see {command} --help"


def _describe_command(word: str, parents: Sequence[str]) -> str:
    """Suggest a similar command, or list all of them; cyclopts lists only eight.

    Args:
        word: The unknown command.
        parents: The commands before it, such as `data` in `mien data audti`.
    """
    there = app[parents[0]] if parents else app
    names = [name for name in there if not name.startswith("-")]
    close = difflib.get_close_matches(word, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"the commands are {', '.join(names)}"
    return f'unknown command "{word}": {hint}'


def _complain(sentence: str, code: int) -> int:
    print(f"mien: {sentence}", file=sys.stderr)
    return code
