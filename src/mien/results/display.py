"""Display results: one line at a prompt, a small table in a notebook.

Both are generated from a result's JSON form. An hour of video has thousands of frames, so at most a
few faces or events are shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

Record = Mapping[str, Any]

MOST_FACES: Final = 5
"""Maximum number of faces named in a line; the others are counted."""
MOST_ROWS: Final = 20
"""Maximum number of rows of a notebook's table; the others are counted."""


def describe_face(face: Record) -> str:
    """Return a face's expression and its probability, or why there is none: "happy 94%"."""
    if face["emotion"] is None:
        return str(face["reason"]).replace("_", " ")
    return f"{face['emotion']} {face['probabilities'][face['emotion']]:.0%}"


def describe_faces(faces: Sequence[Record]) -> str:
    """Summarise faces in words: "2 faces: happy 94%, uncertain"."""
    if not faces:
        return "no face"
    told = [describe_face(face) for face in faces[:MOST_FACES]]
    if len(faces) > MOST_FACES:
        told.append("...")
    return f"{count(len(faces), 'face')}: {', '.join(told)}"


def describe_video(summary: Record) -> str:
    """Summarise a video in words: "20.0 s, 100 frames, 98 with a face, 1 track, 12 events"."""
    parts = [] if summary["duration_s"] is None else [f"{summary['duration_s']:.1f} s"]
    parts += [
        count(summary["frames"], "frame"),
        f"{summary['frames_with_face']:,} with a face",
        count(len(summary["tracks"]), "track"),
        count(len(summary["events"]), "event"),
    ]
    if summary["damage"] is not None:
        parts.append("damaged")
    return ", ".join(parts)


def count(number: int, noun: str) -> str:
    """Return a number with its noun: "1 face", "2 faces"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def photo_html(record: Record) -> str:
    """Return a photo's faces as an HTML table without scripts."""
    rows = (
        (number, describe_face(face), _box(face["box"]))
        for number, face in enumerate(record["faces"], start=1)
    )
    size = f"{record['width']} x {record['height']}, {count(len(record['faces']), 'face')}"
    return _table(record["source"], size, ("face", "expression", "box"), list(rows))


def video_html(summary: Record) -> str:
    """Return a video's events as an HTML table without scripts."""
    rows = [
        (
            event["track_id"],
            event["emotion"],
            f"{event['start_s']:.1f} s",
            f"{event['end_s']:.1f} s",
            f"{event['confidence']:.0%}",
        )
        for event in summary["events"]
    ]
    names = ("track", "expression", "from", "to", "confidence")
    return _table(summary["source"], describe_video(summary), names, rows)


def _box(box: Record) -> str:
    return f"{box['x']:.0f}, {box['y']:.0f}, {box['width']:.0f} x {box['height']:.0f}"


def _table(source: str, told: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a heading and a table; every cell is escaped."""
    parts = [f"<p><strong>{escape(source)}</strong> {escape(told)}</p>"]
    if rows:
        body = "".join(_row("td", row) for row in rows[:MOST_ROWS])
        parts.append(f"<table><thead>{_row('th', names)}</thead><tbody>{body}</tbody></table>")
    if len(rows) > MOST_ROWS:
        parts.append(f"<p>and {len(rows) - MOST_ROWS:,} more</p>")
    return "".join(parts)


def _row(tag: str, cells: Iterable[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
