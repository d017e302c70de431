"""This module turns the frames of a video, as they are analysed, into a report of the whole.

Frames are not kept: what the page shows is gathered as they pass, so that memory stays flat.
"""

import os
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.containers import VideoSource
from mien.faces import Box
from mien.files import write_whole
from mien.report import charts
from mien.report.page import (
    Html,
    color_class,
    count,
    data_uri,
    describe_accuracy,
    fill,
    join,
    percent,
    render_page,
    say_reason,
    write_note,
    write_provenance,
)
from mien.report.thumbnails import FACE_PX, cut_face
from mien.report.timeline import Bin, Timeline
from mien.results import Event, FaceResult, FrameResult, Track, VideoResult, VideoSummary
from mien.spec import ModelSpec
from mien.video import open_video

MAX_DRAWN: Final = 12
"""Tracks that get a chart of their own: those longest in sight; the others are in the table."""
MAX_LISTED: Final = 300
"""Events and tracks listed in a table."""
_TABLE_ROWS: Final = 40
_WORDS: Final = "most probable"  # the column that holds words, not numbers
_SAME_TIME_S: Final = 0.002
_BETTER: Final = 0.02  # a thumbnail is replaced only by one that is this much more probable


@dataclass(frozen=True)
class _Peak:
    """The frame in which a track shows an expression most clearly."""

    probability: float
    time_s: float
    box: Box
    jpeg: bytes | None


class VideoReport:
    """Gathers what a report shows, frame by frame, and writes it at the end."""

    def __init__(self, model: ModelSpec, settings: Mapping[str, object] | None = None) -> None:
        """Begin a report.

        Args:
            model: The contract of the model that read the faces.
            settings: What was chosen, by name, as the page shall tell it: `{"every_s": 0.2}`.
        """
        self._model = model
        self._settings = dict(settings or {})
        self._names = model.class_names
        self._timeline = Timeline(model.class_names)
        self._answers: Counter[str] = Counter()
        self._peaks: dict[int, dict[str, _Peak]] = {}
        self._first_s = 0.0
        self._last_s = 0.0
        self._frames = 0

    def add(self, frame: FrameResult, image: NDArray[np.uint8] | None = None) -> None:
        """Take in the next analysed frame; it is not kept.

        Args:
            frame: What was found, also where there is no face.
            image: The frame itself, (H, W, 3) uint8 RGB, in which the boxes lie; None where it is
                no longer at hand: see `wanted_times` and `add_picture`.
        """
        if not self._frames:
            self._first_s = frame.time_s
        self._frames += 1
        self._last_s = max(self._last_s, frame.time_s)
        self._timeline.add(frame)
        for face in frame.faces:
            self._answers[face.emotion or face.reason or "uncertain"] += 1
            if face.track_id in self._timeline.tracks:
                self._keep_peak(face, frame.time_s, image)
        for track_id in [track for track in self._peaks if track not in self._timeline.tracks]:
            del self._peaks[track_id]

    def wanted_times(self) -> tuple[float, ...]:
        """Give the times of the frames whose pictures are still missing, in seconds, in order."""
        drawn = self._timeline.longest(MAX_DRAWN)
        missing = (
            peak.time_s
            for track_id in drawn
            for peak in self._peaks.get(track_id, {}).values()
            if peak.jpeg is None
        )
        return tuple(sorted(set(missing)))

    def add_picture(self, time_s: float, image: NDArray[np.uint8]) -> None:
        """Take in the picture of a frame that was analysed before.

        Args:
            time_s: One of `wanted_times`.
            image: The frame at that time, (H, W, 3) uint8 RGB.
        """
        for peaks in self._peaks.values():
            for name, peak in peaks.items():
                if peak.time_s == time_s and peak.jpeg is None:
                    peaks[name] = replace(peak, jpeg=cut_face(image, peak.box))

    def read_pictures(self, source: VideoSource) -> None:
        """Read the video again where pictures are still missing; what cannot be read is left out.

        Args:
            source: The video that was analysed.

        Raises:
            VideoError: It cannot be read as a video any more.
            MissingExtraError: PyAV is not installed.
        """
        with open_video(source) as video:
            for time_s in self.wanted_times():
                with closing(video.frames(start_s=max(0.0, time_s - _SAME_TIME_S))) as frames:
                    frame = next(frames, None)
                if frame is not None and abs(frame.time_s - time_s) < _SAME_TIME_S:
                    self.add_picture(time_s, frame.image)

    def write(self, path: str | os.PathLike[str], summary: VideoSummary) -> None:
        """Write the page; the file is whole, or not there at all.

        Args:
            path: The HTML file; one that is there already is replaced.
            summary: Tracks, events and what is known of the file.

        Raises:
            OutputError: The file cannot be written.
        """
        write_whole(Path(path), self.render(summary))

    def render(self, summary: VideoSummary, *, created: datetime | None = None) -> str:
        """Give the page as text.

        Args:
            summary: Tracks, events and what is known of the file.
            created: When the report was made; None takes now.
        """
        name = Path(summary.source).name or summary.source
        drawn = self._timeline.longest(MAX_DRAWN)
        span = self._span(summary)
        parts = [
            self._write_head(name, summary),
            self._write_distribution(),
            fill(
                '<section aria-labelledby="time"><h2 id="time">Over time</h2>{rest}</section>',
                rest=join([self._write_presence(span), *self._write_tracks(summary, drawn, span)]),
            ),
            _write_events(summary.events),
            _write_track_table(summary.tracks),
            write_note(
                pictures="This page holds pictures of people: pass it on only as they would wish."
                if any(peak.jpeg for peaks in self._peaks.values() for peak in peaks.values())
                else "A track says that a face went on from frame to frame, never whose it is.",
                numbers=describe_accuracy(self._model),
            ),
            write_provenance(self._model, self._settings, created or datetime.now(UTC)),
        ]
        return render_page(f"{name}: apparent expressions over time", join(parts))

    def _keep_peak(self, face: FaceResult, time_s: float, image: NDArray[np.uint8] | None) -> None:
        """Keep when and where a face shows its expression more clearly than before."""
        values = face.smoothed or face.probabilities
        if values is None or face.emotion is None or face.track_id is None:
            return
        name = max(values, key=lambda name: values[name])
        least = self._model.abstention_threshold or 0.0
        # The frame itself and the stretch of time it lies in should agree.
        if name != face.emotion or values[name] < least:
            return
        peaks = self._peaks.setdefault(face.track_id, {})
        if name not in peaks or values[name] > peaks[name].probability + _BETTER:
            jpeg = None if image is None else cut_face(image, face.box)
            peaks[name] = _Peak(values[name], time_s, face.box, jpeg)

    def _span(self, summary: VideoSummary) -> charts.Span:
        """Choose the time axis: the whole video, unless only a part of it was analysed."""
        step = (self._last_s - self._first_s) / max(1, self._frames - 1)
        start = 0.0 if self._first_s <= max(2 * step, 0.05 * self._last_s) else self._first_s
        duration = summary.duration_s or 0.0
        end = duration if 0 <= duration - self._last_s <= 0.05 * duration + step else self._last_s
        return charts.Span(start, max(end, start + 0.1))

    def _write_head(self, name: str, summary: VideoSummary) -> Html:
        faces = self._answers.total()
        cards = [
            ("frames analysed", f"{summary.frames:,}"),
            ("of them show a face", percent(_share(summary.frames_with_face, summary.frames))),
            ("faces followed", f"{len(summary.tracks):,}"),
            ("readings left open", percent(_share(self._count_open(), faces))),
        ]
        damage = fill(
            "<p class='damage'><b>Something is missing.</b> {why}. What could be read is "
            "below.</p>",
            why=(summary.damage or "").rstrip("."),
        )
        return fill(
            '<header>\n<p class="kicker">mien report of a video</p>\n<h1><bdi>{name}</bdi></h1>\n'
            '<p class="lead">{lead}</p>\n{damage}</header>\n<ul class="cards">{cards}</ul>',
            name=name,
            lead=self._say_in_short(summary),
            damage=damage if summary.damage else Html(""),
            cards=join(
                fill('<li class="card"><b>{figure}</b><span>{what}</span></li>', what=w, figure=f)
                for w, f in cards
            ),
        )

    def _say_in_short(self, summary: VideoSummary) -> str:
        """Say what was found in a few plain sentences."""
        length = f" of {charts.say_length(summary.duration_s)}" if summary.duration_s else ""
        frames = f"{count(summary.frames, 'frame')} {'was' if summary.frames == 1 else 'were'}"
        size = f"{summary.width} × {summary.height}"
        told = [f"In this video{length} ({size}), {frames} analysed."]
        named = [(name, self._answers[name]) for name in self._names if self._answers[name]]
        if not self._answers:
            return f"{told[0]} No face was found in any of them."
        told.append(
            f"{percent(_share(summary.frames_with_face, summary.frames))} of them show a face; "
            f"{count(len(summary.tracks), 'face')} could be followed from frame to frame."
        )
        if named:
            top, times = max(named, key=lambda pair: pair[1])
            told.append(
                f"The apparent expression named most often is {top}: in "
                f"{percent(_share(times, self._answers.total()))} of all readings of a face."
            )
        else:
            told.append("No expression was probable enough to be named.")
        return " ".join(told)

    def _count_open(self) -> int:
        return sum(times for name, times in self._answers.items() if name not in self._names)

    def _write_distribution(self) -> Html:
        """Write how often each expression was named, and how often none was."""
        total = self._answers.total()
        if not total:
            return Html("")
        opens = [name for name in self._answers if name not in self._names]
        rows = [
            fill(
                '<tr><th scope="row">{name}</th><td class="wide">{bar}</td><td>{share}</td>'
                "<td>{times}</td></tr>",
                name=name if name in self._names else f"open: {say_reason(name)}",
                bar=charts.draw_bar(self._answers[name] / total, color_class(name, self._names)),
                share=percent(self._answers[name] / total),
                times=f"{self._answers[name]:,}",
            )
            for name in (*self._names, *sorted(opens))
        ]
        return fill(
            '<section aria-labelledby="often"><h2 id="often">Which expressions, how often</h2>\n'
            '<p class="soft">Each analysed frame counts once for every face in it. A reading is '
            "left open where no expression is probable enough, or the face is too small.</p>\n"
            '<div class="scroll" tabindex="0" role="group" aria-labelledby="often"><table>'
            '<thead><tr><th scope="col">apparent expression</th><td></td>'
            '<th scope="col">share</th><th scope="col">readings</th></tr></thead>'
            "<tbody>{rows}</tbody></table></div></section>",
            rows=join(rows),
        )

    def _write_presence(self, span: charts.Span) -> Html:
        return fill(
            '<p class="soft">Height is probability, from 0 at the foot of a row to 1 at its top. '
            "The filled line is smoothed over time; the pale range behind it is what single frames "
            "gave: the wider, the less certain.</p>"
            '<svg class="defs" aria-hidden="true" focusable="false"><defs><pattern id="hatch" '
            'width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            '<line class="ink" x1="0" y1="0" x2="0" y2="7"/></pattern></defs></svg>'
            '<ul class="key"><li><svg width="26" height="14" aria-hidden="true"><rect class="open" '
            'width="26" height="14"/></svg>hatched: no expression is named</li><li><svg width="26" '
            'height="14" aria-hidden="true"><rect class="hole" width="26" height="14"/></svg>'
            "shaded: the face is not there</li></ul>"
            '<div class="panel"><div class="chart" role="img" aria-label="{words}"><span '
            'aria-hidden="true">any face</span>{presence}<span></span>{axis}</div></div>',
            words="Share of frames that show a face, over time; the figures are in the table "
            "of tracks.",
            presence=charts.draw_presence(self._timeline.frames, span),
            axis=charts.draw_axis(span),
        )

    def _write_tracks(
        self, summary: VideoSummary, drawn: list[int], span: charts.Span
    ) -> list[Html]:
        """Write the charts of the tracks that are longest in sight."""
        parts = []
        if len(summary.tracks) > len(drawn):
            parts.append(
                fill(
                    '<p class="soft">Of {all} the {drawn} longest in sight are drawn; the others '
                    "are in the tables below.</p>",
                    all=count(len(summary.tracks), "track"),
                    drawn=len(drawn),
                )
            )
        for track_id in drawn:
            events = [event for event in summary.events if event.track_id == track_id]
            parts.append(self._write_track(track_id, events, span))
        return parts

    def _write_track(self, track_id: int, events: list[Event], span: charts.Span) -> Html:
        segments = self._timeline.segments(track_id)
        flat = [one for segment in segments for one in segment]
        words = (
            f"Smoothed probabilities of face {track_id} over time. "
            f"{charts.describe_peaks(segments, self._names)}. The data table below has the figures."
        )
        return fill(
            '<article class="track" aria-labelledby="track-{id}"><h3 id="track-{id}">Face {id}</h3>'
            '<p class="soft">In sight from {start} to {end}.</p>'
            '<div class="panel"><div role="img" aria-label="{words}">'
            '<div class="chart"><span class="tall" aria-hidden="true">events</span>{band}</div>'
            '<div class="chart">{legend}{rows}<span></span>{axis}</div></div>{faces}{table}</div>'
            "</article>",
            id=track_id,
            start=charts.say_time(flat[0].mean_time_s),
            end=charts.say_time(flat[-1].mean_time_s),
            words=words,
            band=charts.draw_events(events, self._names, span),
            legend=charts.legend(self._names),
            rows=charts.draw_track(segments, self._names, span),
            axis=charts.draw_axis(span),
            faces=self._write_peaks(track_id),
            table=_write_data(track_id, flat, self._names),
        )

    def _write_peaks(self, track_id: int) -> Html:
        """Show the face where each of its expressions is clearest."""
        peaks = sorted(self._peaks.get(track_id, {}).items(), key=lambda item: item[1].time_s)
        items = (
            fill(
                '<li><img src="{picture}" width="{side}" height="{side}" alt="Face {id} at {time}, '
                'read as {name}"><p><b>{name} {share}</b>{time}</p></li>',
                picture=Html(data_uri(peak.jpeg)),
                side=FACE_PX,
                id=track_id,
                time=charts.say_time(peak.time_s),
                name=name,
                share=percent(peak.probability),
            )
            for name, peak in peaks
            if peak.jpeg is not None
        )
        shown = join(items)
        return fill('<ul class="faces">{items}</ul>', items=shown) if shown else Html("")


def write_video_report(
    path: str | os.PathLike[str],
    result: VideoResult,
    *,
    model: ModelSpec,
    settings: Mapping[str, object] | None = None,
) -> None:
    """Write the report of a video that was analysed before; it has no pictures.

    Args:
        path: The HTML file; one that is there already is replaced.
        result: The video's frames and summary.
        model: The contract of the model that read the faces.
        settings: What was chosen, by name.

    Raises:
        OutputError: The file cannot be written.
    """
    report = VideoReport(model, settings)
    for frame in result.frames:
        report.add(frame)
    report.write(path, result.summary)


def _write_data(track_id: int, bins: list[Bin], names: tuple[str, ...]) -> Html:
    """Write a chart's figures as a table, over coarser stretches of time."""
    size = -(-len(bins) // _TABLE_ROWS)
    rows = []
    for start in range(0, len(bins), size):
        whole = Bin()
        for one in bins[start : start + size]:
            whole.add(one)
        cells = (
            fill("<td>{value}</td>", value="–" if mean is None else percent(mean))
            for mean in (whole.mean(index) for index in range(len(names)))
        )
        rows.append(
            fill(
                '<tr><th scope="row">{time}</th>{cells}<td>{open}</td></tr>',
                time=charts.say_time(bins[start].mean_time_s),
                cells=join(cells, ""),
                open=percent(whole.open / whole.frames),
            )
        )
    return fill(
        '<details><summary>Data table of face {id}</summary><div class="scroll tall" tabindex="0" '
        'role="group" aria-label="Data table of face {id}"><table><caption>Mean smoothed '
        "probability from each time on; the last column is the share of frames in which no "
        'expression is named.</caption><thead><tr><th scope="col">time</th>{heads}'
        '<th scope="col">open</th></tr></thead><tbody>{rows}</tbody></table></div></details>',
        id=track_id,
        heads=join((fill('<th scope="col">{name}</th>', name=name) for name in names), ""),
        rows=join(rows),
    )


def _write_events(events: tuple[Event, ...]) -> Html:
    rows = [
        fill(
            '<tr><th scope="row">{emotion}</th><td>{track}</td><td>{start}</td><td>{end}</td>'
            "<td>{length}</td><td>{confidence}</td></tr>",
            emotion=event.emotion,
            track=event.track_id,
            start=charts.say_time(event.start_s),
            end=charts.say_time(event.end_s),
            length=f"{event.end_s - event.start_s:.1f} s",
            confidence=percent(event.confidence),
        )
        for event in events[:MAX_LISTED]
    ]
    told = (
        "An event is a stretch over which a face shows one apparent expression; its confidence is "
        "the mean smoothed probability."
        if events
        else "No face showed one expression for long enough to be called an event."
    )
    if len(events) > MAX_LISTED:
        told += f" The first {MAX_LISTED} of {len(events):,} are listed."
    return _write_table(
        "events", "Events", told, ("expression", "face", "from", "to", "length", "confidence"), rows
    )


def _write_track_table(tracks: tuple[Track, ...]) -> Html:
    rows = []
    for track in sorted(tracks, key=lambda track: -track.frames)[:MAX_LISTED]:
        mean = track.probabilities or {}
        top = max(mean, key=lambda name: mean[name], default="")
        rows.append(
            fill(
                '<tr><th scope="row">face {id}</th><td>{start}</td><td>{end}</td><td>{frames}</td>'
                '<td class="left">{top}</td></tr>',
                id=track.track_id,
                start=charts.say_time(track.start_s),
                end=charts.say_time(track.end_s),
                frames=f"{track.frames:,}",
                top=f"{top}, {percent(mean[top])} on average" if top else "never read",
            )
        )
    told = "A track is a face that goes on from frame to frame. It is not an identity."
    if len(tracks) > MAX_LISTED:
        told += f" The {MAX_LISTED} longest in sight of {len(tracks):,} are listed."
    return _write_table(
        "tracks", "Faces followed", told, ("track", "from", "to", "frames", _WORDS), rows
    )


def _write_table(
    anchor: str, title: str, told: str, heads: tuple[str, ...], rows: list[Html]
) -> Html:
    table = fill(
        '<div class="scroll tall" tabindex="0" role="group" aria-labelledby="{anchor}"><table>'
        "<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>",
        anchor=anchor,
        heads=join(
            (
                fill(
                    '<th scope="col"{left}>{head}</th>',
                    head=head,
                    left=Html(' class="left"' if head == _WORDS else ""),
                )
                for head in heads
            ),
            "",
        ),
        rows=join(rows),
    )
    return fill(
        '<section aria-labelledby="{anchor}"><h2 id="{anchor}">{title}</h2><p class="soft">{told}'
        "</p>{table}</section>",
        anchor=anchor,
        title=title,
        told=told,
        table=table if rows else Html(""),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
