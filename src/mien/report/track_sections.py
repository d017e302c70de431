"""Write the sections of a video's page that show its tracks over time."""

from collections.abc import Mapping
from typing import Final

from mien.report import charts
from mien.report.page import Html, count, data_uri, fill, join, percent
from mien.report.peaks import Peak, Peaks
from mien.report.thumbnails import FACE_PX
from mien.report.timeline import Bin, Timeline
from mien.report.times import Span, say_time
from mien.results import Event, VideoSummary

_TABLE_ROWS: Final = 40


def write_presence(frames: Mapping[int, Bin], span: Span) -> Html:
    """Write how to read the charts, and when any face is in view."""
    return fill(
        '<p class="soft">Height is probability, from 0 at the bottom of a row to 1 at its top. '
        "The filled line is smoothed over time; the pale band behind it is the range of single "
        "frames: the wider, the less certain.</p>"
        '<svg class="defs" aria-hidden="true" focusable="false"><defs><pattern id="hatch" '
        'width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line class="ink" x1="0" y1="0" x2="0" y2="7"/></pattern></defs></svg>'
        '<ul class="key"><li><svg width="26" height="14" aria-hidden="true"><rect class="open" '
        'width="26" height="14"/></svg>hatched: no expression is named</li><li><svg width="26" '
        'height="14" aria-hidden="true"><rect class="hole" width="26" height="14"/></svg>'
        "shaded: the face is not in view</li></ul>"
        '<div class="panel"><div class="chart" role="img" aria-label="{words}"><span '
        'aria-hidden="true">any face</span>{presence}<span></span>{axis}</div></div>',
        words="Share of frames that show a face, over time; the figures are in the table "
        "of tracks.",
        presence=charts.draw_presence(frames, span),
        axis=charts.draw_axis(span),
    )


def write_tracks(
    summary: VideoSummary, drawn: list[int], timeline: Timeline, peaks: Peaks, span: Span
) -> list[Html]:
    """Write the charts of the tracks that are longest in view."""
    parts = []
    if len(summary.tracks) > len(drawn):
        parts.append(
            fill(
                '<p class="soft">Of {all}, the {drawn} longest in view have a chart; the others '
                "are in the tables below.</p>",
                all=count(len(summary.tracks), "track"),
                drawn=len(drawn),
            )
        )
    for track_id in drawn:
        events = [event for event in summary.events if event.track_id == track_id]
        parts.append(_write_track(track_id, events, timeline, peaks.of(track_id), span))
    return parts


def _write_track(
    track_id: int, events: list[Event], timeline: Timeline, peaks: list[Peak], span: Span
) -> Html:
    """Write one track: its events, a row for each expression, its peaks and its figures."""
    segments, names = timeline.segments(track_id), timeline.names
    flat = [one for segment in segments for one in segment]
    words = (
        f"Smoothed probabilities of face {track_id} over time. "
        f"{charts.describe_peaks(segments, names)}. The data table below has the figures."
    )

    return fill(
        '<article class="track" aria-labelledby="track-{id}"><h3 id="track-{id}">Face {id}</h3>'
        '<p class="soft">In view from {start} to {end}.</p>'
        '<div class="panel"><div role="img" aria-label="{words}">'
        '<div class="chart"><span class="tall" aria-hidden="true">events</span>{band}</div>'
        '<div class="chart">{legend}{rows}<span></span>{axis}</div></div>{faces}{table}</div>'
        "</article>",
        id=track_id,
        start=say_time(flat[0].mean_time_s),
        end=say_time(flat[-1].mean_time_s),
        words=words,
        band=charts.draw_events(events, names, span),
        legend=charts.legend(names),
        rows=charts.draw_track(segments, names, span),
        axis=charts.draw_axis(span),
        faces=_write_peaks(track_id, peaks),
        table=_write_data(track_id, flat, names),
    )


def _write_peaks(track_id: int, peaks: list[Peak]) -> Html:
    """Show the face where each of its expressions is clearest."""
    items = (
        fill(
            '<li><img src="{picture}" width="{side}" height="{side}" alt="Face {id} at {time}, '
            'read as {name}"><p><b>{name} {share}</b>{time}</p></li>',
            picture=Html(data_uri(peak.jpeg)),
            side=FACE_PX,
            id=track_id,
            time=say_time(peak.time_s),
            name=peak.emotion,
            share=percent(peak.probability),
        )
        for peak in peaks
        if peak.jpeg is not None
    )

    shown = join(items)
    return fill('<ul class="faces">{items}</ul>', items=shown) if shown else Html("")


def _write_data(track_id: int, bins: list[Bin], names: tuple[str, ...]) -> Html:
    """Write a chart's figures as a table, at a coarser time resolution."""
    size = -(-len(bins) // _TABLE_ROWS)
    rows = []

    for start in range(0, len(bins), size):
        whole = Bin()
        for one in bins[start : start + size]:
            whole.add(one)
        cells = (
            fill("<td>{value}</td>", value="–" if mean is None else _figure(mean))
            for mean in (whole.mean(index) for index in range(len(names)))
        )
        rows.append(
            fill(
                '<tr><th scope="row">{time}</th>{cells}<td>{open}</td></tr>',
                time=say_time(bins[start].mean_time_s),
                cells=join(cells, ""),
                open=_figure(whole.open / whole.frames),
            )
        )

    return fill(
        '<details><summary>Data table of face {id}</summary><div class="scroll tall" tabindex="0" '
        'role="group" aria-label="Data table of face {id}"><table class="matrix"><caption>Mean '
        "smoothed probability in per cent, starting at each time; last column: share of frames in "
        'which no expression is named.</caption><thead><tr><th scope="col">time</th>{heads}'
        '<th scope="col">none</th></tr></thead><tbody>{rows}</tbody></table></div></details>',
        id=track_id,
        heads=join((fill('<th scope="col">{name}</th>', name=name) for name in names), ""),
        rows=join(rows),
    )


def _figure(share: float) -> str:
    """Format a share in per cent, without the sign to save width."""
    return percent(share).removesuffix("\N{NO-BREAK SPACE}%")
