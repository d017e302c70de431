"""The examples of docs/live.md, as they stand; the camera is a clip."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien
from clips import write_clip

PAGE = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")


def run_block(words, **space):
    """Run the page's block that has some words; return its names."""
    (block,) = [
        one for one in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if words in one
    ]
    exec(compile(block, "docs/live.md", "exec"), space)
    return space


@pytest.fixture
def clip(tmp_path, portrait, monkeypatch):
    """Half a second of a face, as clip.mp4 and as camera 0."""
    frame = np.asarray(Image.fromarray(portrait).resize((200, 240)))
    times = [number / 20 for number in range(10)]
    (tmp_path / "clip.mp4").write_bytes(write_clip([frame] * 10, times))
    monkeypatch.chdir(tmp_path)
    opened = mien.Live.open
    monkeypatch.setattr(mien.Live, "open", lambda number: opened("clip.mp4", threads=1))


def test_frames_of_ones_own():
    assert run_block("from wherever your frames come")["result"].faces == ()


def test_opencv(clip, monkeypatch):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    opened = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: opened("clip.mp4"))
    result = run_block("import cv2", mien=mien, time=time)["result"]
    assert (result.frame, len(result.faces)) == (9, 1)


def test_pyav(clip):
    result = run_block("import av", mien=mien)["result"]
    assert (result.frame, len(result.faces)) == (9, 1)
    assert result.time_s == pytest.approx(0.45, abs=0.01)


@pytest.mark.slow
def test_streams(clip, capsys):
    run_block("with mien.Live.open(0) as stream:", mien=mien)
    assert "happy" in capsys.readouterr().out


def test_qt(clip, monkeypatch):
    widgets = pytest.importorskip("PySide6.QtWidgets", reason="PySide6 is not installed")
    from PySide6.QtCore import QTimer

    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    seen = []

    def close_when_shown():
        (window,) = [one for one in widgets.QApplication.topLevelWidgets() if one.isVisible()]
        if not window.pixmap().isNull():
            seen.append((window.size(), window.pixmap().size()))
            window.close()
        else:
            QTimer.singleShot(50, close_when_shown)

    run = widgets.QApplication.exec
    monkeypatch.setattr(
        widgets.QApplication, "exec", lambda app: (QTimer.singleShot(0, close_when_shown), run())
    )
    space = run_block("from PySide6", mien=mien, np=np)
    ((size, drawn),) = seen
    assert (size.width(), size.height()) == (drawn.width(), drawn.height()) == (200, 240)
    assert space["window"].reader.isFinished()
