"""The scripts of `mien completion` are valid, and complete commands and options."""

import shutil
import subprocess

import pytest

from mien.cli import COMMANDS, main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_knows_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(command in script for command in COMMANDS)
    assert "annotate" in script
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["mien", "ana"], "analyze"), (["mien", "analyze", "--annot"], "--annotate")],
)
def test_bash_completes(words: list[str], wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    script = capsys.readouterr().out
    call = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _mien 2>/dev/null"
    done = subprocess.run(
        ["bash"],
        input=f'{script}\n{call}\necho "${{COMPREPLY[@]}}"',
        capture_output=True,
        text=True,
    )
    assert wanted in done.stdout.split(), done.stderr


def test_an_unknown_shell_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "fish" in capsys.readouterr().err
