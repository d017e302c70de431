"""Plot results with matplotlib: a photo with its faces, a video's timeline with its events.

Both are generated from a result's JSON form, like tables. The figures are independent of pyplot, so
nothing stays open, and notebooks display them as pictures.
"""

import io
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from matplotlib import ft2font
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import NDArray

from mien.drawing.fonts import fitting_letters
from mien.drawing.palette import ON_WHITE, color_for
from mien.drawing.placement import place_label
from mien.errors import ConfigError
from mien.words import Language, open_language

Record = Mapping[str, Any]

MOST: Final = 5
"""Maximum number of faces or tracks with a panel; the others are counted."""
_GAP_S: Final = 1.5  # a line is interrupted if its track is missing for more than this many steps
_STEPS_S: Final = (30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_INK, _PALE = "#22262c", "#c9ced6"
_NUMBER_PX: Final = (22, 18)


class ResultFigure(Figure):
    """A matplotlib figure that a notebook displays as a picture, without pyplot."""

    def savefig(self, fname: Any, **options: Any) -> None:  # noqa: ANN401 - as matplotlib's
        """Write the figure, with fonts that have all its letters."""
        with fitting_letters(self):
            super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=100)
        return file.getvalue()


def plot_photo(record: Record, image: NDArray[np.uint8], lang: str = "en") -> Figure:
    """Plot a photo with numbered boxes, and each face's probabilities next to it.

    Args:
        record: A photo's result in its JSON form.
        image: The photo, (H, W, 3) uint8 RGB.
        lang: Language of the text, one of `mien.words.LANGUAGES`.

    Raises:
        ConfigError: The language is not supported, or this matplotlib cannot write from right to
            left.
    """
    language, faces = _open_language(lang), record["faces"]
    panels = max(1, min(len(faces), MOST))
    figure = ResultFigure(figsize=(9.5, max(3.6, 1.75 * panels)), layout="constrained")
    grid = figure.add_gridspec(panels, 2, width_ratios=(1.7, 1))
    picture = figure.add_subplot(grid[:, 0])
    picture.imshow(image, extent=(0, record["width"], record["height"], 0))
    picture.set_axis_off()
    picture.set_title(_title(record["source"]), fontsize=10, color=_INK)
    _draw_boxes(picture, record)

    for index in range(panels):
        panel = figure.add_subplot(grid[index, 1])
        if faces:
            _draw_bars(panel, faces[index], index + 1, language)
        else:
            panel.set_axis_off()
            told = language.say("picture.no_face")
            panel.text(0.5, 0.5, told, ha="center", va="center", color=_INK)
    if len(faces) > MOST:
        told = language.say("picture.more_faces", count=len(faces) - MOST)
        figure.supxlabel(told, fontsize=9)
    return figure


def _open_language(lang: str) -> Language:
    """Read a language, if matplotlib can write it: from right to left it can since 3.11."""
    language = open_language(lang)
    if language.direction == "rtl" and not hasattr(ft2font, "__libraqm_version__"):
        raise ConfigError(
            f"this matplotlib cannot write {lang!r} from right to left; install 3.11 or newer"
        )
    return language


def _draw_boxes(axes: Axes, record: Record) -> None:
    """Draw the faces' boxes, with numbers placed where they cover no face."""
    room = record["width"], record["height"]
    scale = max(room[0] / 560, room[1] / 340)  # approximate photo pixels per plot pixel
    size = round(_NUMBER_PX[0] * scale), round(_NUMBER_PX[1] * scale)
    boxes = []
    for face in record["faces"]:
        box = face["box"]
        boxes.append((box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]))

    taken = list(boxes)
    for number, (face, box) in enumerate(zip(record["faces"], boxes, strict=True), start=1):
        color = color_for(face["emotion"], tuple(face["probabilities"] or ()))
        for width, paint in ((4.0, "#101218"), (2.0, color)):
            corner = box[0], box[1]
            side = box[2] - box[0], box[3] - box[1]
            axes.add_patch(Rectangle(corner, *side, fill=False, linewidth=width, edgecolor=paint))

        # If a face fills its photo, its number is placed above the photo.
        place = place_label(room, size, box, taken, round(2 * scale))
        left, top = place or (round(max(box[0], 0)), -size[1] - round(3 * scale))
        taken.append((left, top, left + size[0], top + size[1]))
        axes.add_patch(
            FancyBboxPatch(
                (left, top), *size, boxstyle="square,pad=0", facecolor=color, clip_on=False, lw=0
            )
        )
        middle = left + size[0] / 2, top + size[1] / 2
        axes.text(*middle, str(number), ha="center", va="center", fontsize=9, color="#101218")


def _draw_bars(axes: Axes, face: Record, number: int, language: Language) -> None:
    """Draw a face's probabilities as bars, the named expression in its colour."""
    probabilities, told = face["probabilities"], language.word(face["reason"])
    if face["emotion"] is not None:
        share = language.percent(probabilities[face["emotion"]])
        told = f"{language.word(face['emotion'])} {share}"
    axes.set_title(f"{number}   {told}", loc="left", fontsize=10, color=_INK)
    if probabilities is None:
        axes.set_axis_off()
        return

    names = tuple(probabilities)
    colors = [
        color_for(name, names, ON_WHITE) if name == face["emotion"] else _PALE for name in names
    ]
    words = [language.word(name) for name in names]
    bars = axes.barh(words, list(probabilities.values()), color=colors)
    labels = [language.percent(round(value, 2)) for value in probabilities.values()]
    axes.bar_label(bars, labels, padding=3, fontsize=8, color=_INK)
    axes.set_xlim(0, 1.15)  # space for the numbers
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, labelsize=8, labelcolor=_INK)
    axes.spines[:].set_visible(False)


def plot_video(record: Record, lang: str = "en") -> Figure:
    """Plot a video's timeline: each track's smoothed probabilities, with its events below.

    Args:
        record: A video's result in its JSON form, with `frames`.
        lang: Language of the text, one of `mien.words.LANGUAGES`.

    Raises:
        ConfigError: The language is not supported, or this matplotlib cannot write from right to
            left.
    """
    language = _open_language(lang)
    longest = sorted(record["tracks"], key=lambda track: -track["frames"])
    tracks = sorted(longest[:MOST], key=lambda track: int(track["track_id"]))
    panels = max(1, len(tracks))
    figure = ResultFigure(figsize=(9.5, 1.2 + 2.0 * panels), layout="constrained")
    rows = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(_title(record["source"]), fontsize=10, color=_INK)

    names = _find_names(record)
    for axes, track in zip(rows, tracks, strict=False):  # one empty panel without tracks
        _draw_track(axes, record, track["track_id"], names, language)
    if not tracks:
        told = language.say("picture.no_face")
        rows[0].text(0.5, 0.5, told, ha="center", transform=rows[0].transAxes)
        rows[0].set_yticks([])

    end_s = record["duration_s"] or max([f["time_s"] for f in record["frames"]], default=1.0)
    rows[-1].set_xlim(0, end_s)
    if end_s > 8 * _STEPS_S[0]:  # use round minutes; matplotlib's steps suit shorter videos
        step = next((step for step in _STEPS_S if end_s / step <= 8), 4 * _STEPS_S[-1])
        rows[-1].xaxis.set_major_locator(MultipleLocator(step))
    rows[-1].xaxis.set_major_formatter(FuncFormatter(_say_time))
    more = len(record["tracks"]) - len(tracks)
    note = language.say("picture.more_tracks" if more else "picture.time", count=more)
    rows[-1].set_xlabel(note, fontsize=9)
    if tracks:
        keys = [
            Patch(color=color_for(name, names, ON_WHITE), label=language.word(name))
            for name in names
        ]
        figure.legend(handles=keys, loc="outside lower center", ncols=7, fontsize=8, frameon=False)
    return figure


def _draw_track(
    axes: Axes, record: Record, track_id: int, names: Sequence[str], language: Language
) -> None:
    """Draw one track: a line per expression, with a band of events below."""
    times, values = _collect(record, track_id, names)
    for index, name in enumerate(names):
        color = color_for(name, names, ON_WHITE)
        axes.plot(times, values[:, index], color=color, linewidth=1.4)

    for event in (event for event in record["events"] if event["track_id"] == track_id):
        start, length = event["start_s"], event["end_s"] - event["start_s"]
        color = color_for(event["emotion"], names, ON_WHITE)
        axes.add_patch(Rectangle((start, -0.2), length, 0.13, color=color, linewidth=0))

    axes.set_ylim(-0.25, 1.02)
    axes.set_yticks([0, 0.5, 1], [language.percent(share) for share in (0, 0.5, 1)])
    axes.set_yticks([-0.135], [language.say("picture.events")], minor=True)
    axes.tick_params(axis="y", which="both", length=0, labelsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="y", color="#e6e9ee", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(language.say("picture.track", id=track_id), loc="left", fontsize=9, color=_INK)


def _collect(
    record: Record, track_id: int, names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a track's times, (N,), and smoothed probabilities, (N, C); NaN at interruptions."""
    missing = dict.fromkeys(names, math.nan)
    times, rows = [], []
    for frame in record["frames"]:
        for face in frame["faces"]:
            if face["track_id"] == track_id:
                times.append(frame["time_s"])
                rows.append(face["smoothed"] or missing)

    analysed = [frame["time_s"] for frame in record["frames"]]
    steps = [after - before for before, after in pairwise(analysed)]
    longest = _GAP_S * float(np.median(steps)) if steps else math.inf
    breaks = [at for at, (a, b) in enumerate(pairwise(times), start=1) if b - a > longest]
    values = np.array([[row[name] for name in names] for row in rows]).reshape(-1, len(names))
    return (
        np.insert(np.array(times, dtype=np.float64), breaks, np.nan),
        np.insert(values, breaks, np.nan, axis=0),
    )


def _find_names(record: Record) -> tuple[str, ...]:
    """Return the model's class names, in order."""
    for track in record["tracks"]:
        if track["probabilities"] is not None:
            return tuple(track["probabilities"])
    return ()


def _say_time(seconds: float, _: int | None = None) -> str:
    """Format a time like a player: 4.5 s, 1:05, 1:02:03."""
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _title(source: str) -> str:
    """Return a source's name, shortened; a $ is escaped, as it would start a formula."""
    short = source if len(source) <= 70 else "..." + source[-67:]
    return short.replace("$", r"\$")
