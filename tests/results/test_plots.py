"""Plots show every face and event of a result, and nothing is left open."""

import dataclasses
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle

import mien
from made_video import make_frames, summarize
from mien.drawing.palette import ON_WHITE, PALETTE
from mien.words import LANGUAGES

WHITE = np.full((300, 400, 3), 255, np.uint8)


def face(x: float, emotion: str = "happy", top: float = 0.7, size: float = 60.0) -> mien.FaceResult:
    probabilities = dict.fromkeys(mien.EMOTIONS, (1 - top) / 6) | {emotion: top}
    return mien.FaceResult(mien.Box(x, 80, size, size), (), 0.9, probabilities, emotion, None)


def photo(*faces: mien.FaceResult) -> mien.ImageResult:
    return mien.ImageResult("<array>", 400, 300, faces)


def test_a_photo_has_a_box_and_bars_for_each_face() -> None:
    small = mien.FaceResult(mien.Box(300, 10, 9, 9), (), 0.9, None, None, "too_small")
    figure = photo(face(20), face(150, "sad"), small).plot(WHITE)
    picture, *panels = figure.axes
    edges = [patch.get_edgecolor() for patch in picture.patches]
    for color in (PALETTE[3], PALETTE[5]):
        wanted = tuple(level / 255 for level in bytes.fromhex(color[1:]))
        assert any(edge[:3] == pytest.approx(wanted) for edge in edges)
    assert [text.get_text() for text in picture.texts] == ["1", "2", "3"]
    titles = [panel.get_title(loc="left") for panel in panels]
    assert titles == ["1   happy 70%", "2   sad 70%", "3   too small"]
    widths = [bar.get_width() for bar in panels[0].patches]
    assert widths == pytest.approx([0.05, 0.05, 0.05, 0.7, 0.05, 0.05, 0.05])


def test_numbers_cover_no_face_also_where_a_face_fills_its_photo() -> None:
    filling = dataclasses.replace(face(0), box=mien.Box(0, 0, 400, 300))
    for result in (photo(filling), photo(*(face(64.0 * n) for n in range(6)))):
        picture = result.plot(WHITE).axes[0]
        marks = [patch for patch in picture.patches if not isinstance(patch, Rectangle)]
        assert len(marks) == len(result.faces)
        for mark in marks:
            x, y, width, height = mark.get_bbox().bounds
            for one in result.faces:
                across = min(x + width, one.box.x + one.box.width) - max(x, one.box.x)
                down = min(y + height, one.box.y + one.box.height) - max(y, one.box.y)
                assert across <= 0 or down <= 0


def test_a_crowd_and_a_photo_without_faces() -> None:
    crowd = photo(*(face(20.0 * n, size=10) for n in range(12))).plot(WHITE)
    assert len(crowd.axes) == 1 + 5
    assert crowd.get_supxlabel() == "and 7 more, smaller faces"
    (text,) = photo().plot(WHITE).axes[1].texts
    assert text.get_text() == "no face found"


def test_a_photo_from_a_file_is_read_again(portrait_path: Path) -> None:
    result = mien.ImageResult(str(portrait_path), 512, 512, (face(200),))
    figure = result.plot()
    assert figure.axes[0].images[0].get_array().shape == (512, 512, 3)
    with pytest.raises(
        mien.InputError, match=r"<array> does not contain the picture; .*plot\(image"
    ):
        photo().plot()


def test_a_timeline_has_a_line_for_each_expression_and_a_band_for_each_event() -> None:
    result = mien.VideoResult(summarize(30), tuple(make_frames(30)))
    first, second = result.plot().axes[:2]
    assert first.get_title(loc="left") == "track 1"
    assert len(first.lines) == 7
    times, happy = first.lines[3].get_data()
    read = [
        (frame.time_s, one.smoothed["happy"])
        for frame in result.frames
        for one in frame.faces
        if one.track_id == 1
    ]
    shown = ~np.isnan(times)
    assert list(times[shown]) == pytest.approx([time for time, _ in read])
    assert list(happy[shown]) == pytest.approx([value for _, value in read])
    assert (~shown).sum() == 1  # the line breaks where the track does, between 12 and 14.1 s

    bands = [(band.get_x(), band.get_x() + band.get_width()) for band in first.patches]
    events = [event for event in result.summary.events if event.track_id == 1]
    assert bands == [(event.start_s, pytest.approx(event.end_s)) for event in events]
    orange = tuple(level / 255 for level in bytes.fromhex(ON_WHITE[6][1:]))
    assert second.patches[0].get_facecolor()[:3] == pytest.approx(orange)  # surprise


def test_a_video_without_faces_and_one_of_many_tracks() -> None:
    bare = dataclasses.replace(summarize(5), tracks=(), events=(), frames=0)
    (axes,) = mien.VideoResult(bare, ()).plot().axes
    assert axes.texts[0].get_text() == "no face found"

    track = summarize(5).tracks[0]
    tracks = tuple(dataclasses.replace(track, track_id=n, frames=n) for n in range(1, 8))
    many = dataclasses.replace(summarize(5), tracks=tracks)
    figure = mien.VideoResult(many, tuple(make_frames(5))).plot()
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        f"track {n}" for n in range(3, 8)
    ]
    assert "2 more, shorter tracks" in figure.axes[-1].get_xlabel()


def test_a_notebook_shows_a_picture_and_pyplot_holds_nothing() -> None:
    assert photo(face(20)).plot(WHITE)._repr_png_().startswith(b"\x89PNG")
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_a_name_with_a_formula_is_only_a_name() -> None:
    result = mien.ImageResult("a$b$_^{.jpg", 400, 300, ())
    result.plot(WHITE)._repr_png_()


def test_a_missing_matplotlib_is_a_sentence() -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
import mien
try:
    mien.ImageResult("a.jpg", 1, 1, ()).plot()
except mien.MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    wanted = "a plot requires matplotlib, which is not installed: pip install 'mien[plot]'"
    assert wanted in done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_plot_in_each_language_is_written(lang: str) -> None:
    for result in (photo(face(20)), mien.VideoResult(summarize(5), tuple(make_frames(5)))):
        file = io.BytesIO()
        image = (WHITE,) if isinstance(result, mien.ImageResult) else ()
        result.plot(*image, lang=lang).savefig(file, format="png", dpi=50)
        assert file.getvalue().startswith(b"\x89PNG")
