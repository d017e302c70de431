"""The scripts of `mien completion` are valid, and complete commands and options."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mien.cli import COMMANDS, main


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "wanted"), [("mien ana", "analyze"), ("mien analyze --annot", "--annotate")]
)
def test_fish_completes(line: str, wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "fish"])
    script = capsys.readouterr().out
    done = subprocess.run(
        ["fish", "--no-config"],
        input=f"{script}\ncomplete -C '{line}'",
        capture_output=True,
        text=True,
    )
    assert wanted in done.stdout.split(), done.stderr


ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; fpath+=%s; autoload -Uz compinit; compinit -u -D; print rea""dy'
zpty -r shell seen '*ready*'
zpty -w -n shell $'mien ana\\t --annot\\t'
zpty -r shell seen '*--annotate*'
print -r -- "$seen"
"""
"""Types in a terminal of zsh's own, until it shows what it completed."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "zsh"])
    (tmp_path / "_mien").write_text(capsys.readouterr().out)
    done = subprocess.run(
        ["zsh", "-f"], input=ZSH % tmp_path, capture_output=True, text=True, timeout=30
    )
    assert "--annotate" in done.stdout, done.stderr


def test_an_unknown_shell_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "fish" in capsys.readouterr().err
