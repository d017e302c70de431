"""A progress bar passes every item on, shows how far it is, and is silent in files and pipes."""

import re
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.progress import track

PORTRAIT = Path(__file__).parents[1] / "examples" / "astronaut.jpg"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error counts as a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)


def read_bar(capsys: pytest.CaptureFixture[str]) -> str:
    """What the bar showed, without its colours."""
    return re.sub(r"\x1b\[[\d;?]*\w", "", capsys.readouterr().err)


def test_it_shows_the_end_and_passes_everything_on(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(track(range(40), unit="photos", total=40)) == list(range(40))
    shown = read_bar(capsys)
    assert "photos 40" in shown
    assert "100%" in shown


def test_a_video_counts_seconds(terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track([0.5, 3.0], unit="seconds", total=4, reached=lambda time_s: time_s)) == [
        0.5,
        3.0,
    ]
    assert "seconds 4" in read_bar(capsys)


def test_items_are_taken_as_they_are_asked_for(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = []
    items = track((taken.append(n) or n for n in range(9)), unit="photos")
    assert next(items) == 0
    assert taken == [0]
    items.close()
    assert taken == [0]


def test_it_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track("abc", unit="photos", total=3)) == ["a", "b", "c"]
    assert not capsys.readouterr().err


@pytest.mark.slow
def test_many_photos_show_it(
    analyzer: mien.Analyzer, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [np.zeros((40, 40, 3), np.uint8)] * 3
    assert list(analyzer.analyze_many(pictures, progress=True)) == list(
        analyzer.analyze_many(pictures)
    )
    assert "photos 3" in read_bar(capsys)


def test_files_are_counted_and_frames_are_not(
    analyzer: mien.Analyzer, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    results = mien.analyze_files(str(PORTRAIT), analyzer=analyzer, progress=True)
    assert len(list(results)) == 1
    assert "files 1" in read_bar(capsys)
