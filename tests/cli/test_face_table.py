"""The table on a terminal says what fits, the numbers before the bars."""

import io

import pytest
from rich.console import Console

import mien
from mien.cli.face_table import FaceTable
from mien.faces.face import Box, Face
from mien.results import Event, FaceResult, ImageResult, VideoSummary


@pytest.mark.parametrize(
    ("width", "bar", "second", "box"),
    [(40, False, False, False), (60, False, False, True), (100, True, True, True)],
)
def test_what_a_narrow_terminal_drops(width: int, bar: bool, second: bool, box: bool) -> None:
    probabilities = dict.fromkeys(mien.EMOTIONS, 0.05) | {"surprise": 0.7}
    face = Face(Box(1179.0, 64.0, 591.0, 710.0), (), 0.9)
    result = ImageResult("a.jpg", 2000, 900, (FaceResult.read(face, probabilities, threshold=0),))
    out = io.StringIO()
    FaceTable(Console(file=out, width=width)).print(result)
    lines = out.getvalue().splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    assert "surprise" in lines[-1]
    assert "70%" in lines[-1]
    assert ("━" in lines[-1]) == bar
    assert ("angry 5%" in lines[-1]) == second
    assert ("1179,64 591×710" in lines[-1]) == box


@pytest.mark.parametrize(("labels", "remark"), [("votes", ""), ("fer2013", "FER2013's own label")])
def test_the_label_that_few_agree_with_is_named(labels: str, remark: str) -> None:
    out = io.StringIO()
    result = ImageResult("a.jpg", 64, 48, (), labels=labels)
    FaceTable(Console(file=out, width=100)).print(result)
    assert out.getvalue().strip().endswith(remark or "no face found")


@pytest.mark.parametrize("width", [40, 80])
def test_events_fit_a_narrow_terminal_and_no_word_is_cut(width: int) -> None:
    events = (
        Event(1, "surprise", 0.0, 2.8, 0.99, 0.2),
        Event(12, "seemingly_at_ease", 100.0, 102.8, 0.5, 0.2),  # a class of your own
    )
    for shown in (events[:1], events):
        out = io.StringIO()
        video = VideoSummary("a.mp4", 320, 320, 103.0, 1, 1, (), shown)
        FaceTable(Console(file=out, width=width)).print(video)
        heading, columns, *rows = out.getvalue().splitlines()
        assert "1 frame read" in heading
        assert columns.split() == ["track", "expression", "from", "to", "confidence"]
        assert len(shown) > 1 or all(len(line.rstrip()) <= width for line in (columns, *rows))
        assert rows[0].split() == ["1", "surprise", "0.0", "s", "2.8", "s", "99%"]
    assert rows[1].split()[1] == "seemingly_at_ease"
