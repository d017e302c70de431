"""`mien completion`: print a script by which a shell completes commands and options."""

from typing import Final, Literal

_CALL: Final = """
if [[ "$funcstack[1]" = _mien ]]; then
  _cyclopts_mien "$@"
else
  compdef _cyclopts_mien mien
fi
"""
"""zsh runs a file of its fpath as a function, which has to call the one that cyclopts defines."""


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print a script that completes mien's commands and options in your shell.

    ```console
    $ mien completion bash > ~/.local/share/bash-completion/completions/mien
    $ mien completion zsh > ~/.zfunc/_mien
    $ mien completion fish > ~/.config/fish/completions/mien.fish
    ```

    zsh needs `fpath+=~/.zfunc` before `compinit` in `~/.zshrc`. Open a new shell afterwards, and
    write the script again after an upgrade.

    Args:
        shell: bash, zsh or fish.
    """
    from mien.cli import app, load_commands

    load_commands()
    script = app.generate_completion(shell=shell)
    print(script + _CALL if shell == "zsh" else script, end="")
