"""Print results as a table on the terminal, as they arrive."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from mien.cli.tables import print_table
from mien.model.spec import LABELS
from mien.results import FaceResult, ImageResult, VideoSummary
from mien.results.display import count

_BAR: Final = 14  # columns of a bar at probability 1
_ROOMY: Final = 48  # from here on, columns of events are two apart
_NARROW: Final = 72  # a terminal of fewer columns is too narrow for bars
_OPTIONAL: Final = {"next best": 64, "box": 48}  # required terminal width for each
_COLORS: Final = {
    "angry": "red",
    "disgust": "green",
    "fear": "magenta",
    "happy": "yellow",
    "sad": "blue",
    "surprise": "cyan",
}


def _tabulate_events(video: VideoSummary, width: int) -> Table:
    gap = 2 if width >= _ROOMY else 1
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    names = ("track", "expression", "from", "to", "confidence")
    rows = [
        (
            str(event.track_id),
            event.emotion,
            f"{event.start_s:.1f} s",
            f"{event.end_s:.1f} s",
            f"{event.confidence:.0%}",
        )
        for event in video.events
    ]

    for name, *cells in zip(names, *rows, strict=True):
        widest = max(len(cell) for cell in (name, *cells))
        justify: JustifyMethod = "left" if name == "expression" else "right"
        table.add_column(name, justify=justify, min_width=widest, no_wrap=True)

    for track, emotion, *rest in rows:
        style = f"bold {_COLORS.get(emotion, 'default')}"
        table.add_row(track, Text(emotion, style=style), *rest)
    return table


def _name_labels(labels: str | None) -> str:
    """Return a note if the labels are FER2013's own, with which people often disagree."""
    return f", by {LABELS[labels]}" if labels == "fer2013" else ""


class FaceTable:
    """Prints results as they arrive, as one table: one line per photo and per face."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._full, self._rest, self._by = "#.x" if console.options.ascii_only else "━┄×"
        self._bar = _BAR if console.width >= _NARROW else 0  # else only a number
        self._is_first = True
        self._gap = False

    def print(self, result: object) -> None:
        """Print a photo's faces or a video's events; frames and failures are ignored."""
        if isinstance(result, VideoSummary):
            self._print_video(result)
        elif isinstance(result, ImageResult):
            self._print_photo(result)

    def _print_video(self, video: VideoSummary) -> None:
        """Print the events of a video."""
        heading = Text(video.source, style="bold")
        length = "" if video.duration_s is None else f"{video.duration_s:.1f} s, "
        frames = count(video.frames, "frame")
        told = (
            f"  {video.width} {self._by} {video.height}, {length}{frames} read, "
            f"{video.frames_with_face:,} with a face{_name_labels(video.labels)}"
        )
        heading.append(told, style="not bold dim")
        if self._gap or not self._is_first:
            self._console.print()
        self._console.print(heading, soft_wrap=True)
        if video.events:
            print_table(self._console, _tabulate_events(video, self._console.width))
        self._gap, self._is_first = True, True  # the next photo's table repeats the column names

    def _print_photo(self, result: ImageResult) -> None:
        """Print one photo's faces."""
        faces = count(len(result.faces), "face") if result.faces else "no face found"
        if result.turned:
            faces += f", picture turned by {result.turned} degrees"
        heading = Text(result.source, style="bold")
        told = f"  {result.width} {self._by} {result.height}, {faces}"
        heading.append(told + _name_labels(result.labels), style="not bold dim")
        if self._gap or (result.faces and not self._is_first):
            self._console.print()
        self._console.print(heading, soft_wrap=True)
        self._gap = bool(result.faces)
        if result.faces:
            print_table(self._console, self._tabulate(result.faces))
            self._is_first = False

    def _tabulate(self, faces: Sequence[FaceResult]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.show_header = self._is_first
        table.add_column("face", width=4, justify="right")
        table.add_column("expression", min_width=10, no_wrap=True)
        table.add_column("probability", min_width=self._bar + 5, no_wrap=True)

        width = self._console.width
        optional = [name for name, needed in _OPTIONAL.items() if width >= needed]
        for name in optional:
            table.add_column(name, no_wrap=True)

        for number, face in enumerate(faces, start=1):
            box = face.box
            place = f"{box.x:.0f},{box.y:.0f} {box.width:.0f}{self._by}{box.height:.0f}"
            expression, probability, next_best = self._describe(face)
            more = {"next best": next_best, "box": Text(place, style="dim")}
            told = (more[name] for name in optional)
            table.add_row(str(number), expression, probability, *told)
        return table

    def _describe(self, face: FaceResult) -> tuple[Text, Text, Text]:
        """Return the cells for the expression, its probability and the second most probable one."""
        if face.probabilities is None:
            return Text((face.reason or "").replace("_", " "), style="dim italic"), Text(), Text()
        ranked = sorted(face.probabilities.items(), key=lambda item: -item[1])
        (top, probability), (second, next_probability) = ranked[:2]
        style = "dim" if face.emotion is None else _COLORS.get(top, "default")
        bar = Text(self._full * round(probability * self._bar), style=style)
        bar.append(self._rest * (self._bar - len(bar)), style="dim")
        bar.append(f" {probability:4.0%}", style="bold" if face.emotion else "dim")
        if face.emotion is None:
            return Text(face.reason or "", style="dim italic"), bar, Text(f"{top} or {second}")
        return Text(top, style="bold"), bar, Text(f"{second} {next_probability:.0%}", style="dim")
