"""Write the sections of a video's page that show its tracks over time."""

from collections.abc import Mapping
from typing import Final

from mien.report import charts
from mien.report.page import Html, data_uri, fill, join
from mien.report.peaks import Peak, Peaks
from mien.report.thumbnails import FACE_PX
from mien.report.timeline import Bin, Timeline
from mien.report.times import Span, say_time
from mien.results import Event, VideoSummary
from mien.words import Language

_TABLE_ROWS: Final = 40


def write_over_time(
    summary: VideoSummary,
    drawn: list[int],
    timeline: Timeline,
    peaks: Peaks,
    *,
    span: Span,
    language: Language,
) -> Html:
    """Write how to read the charts, and those of the tracks that are longest in view."""
    parts = [_write_presence(timeline.frames, span, language)]
    if len(summary.tracks) > len(drawn):
        told = language.say("report.tracks_drawn", count=len(summary.tracks), drawn=len(drawn))
        parts.append(fill('<p class="soft">{told}</p>', told=told))
    for track_id in drawn:
        events = [event for event in summary.events if event.track_id == track_id]
        own = peaks.of(track_id)
        parts.append(_write_track(track_id, events, timeline, own, span=span, language=language))
    return fill(
        '<section aria-labelledby="time"><h2 id="time">{title}</h2>{parts}</section>',
        title=language.say("report.over_time"),
        parts=join(parts),
    )


def _write_presence(frames: Mapping[int, Bin], span: Span, language: Language) -> Html:
    """Write how to read the charts, and when any face is in view."""
    return fill(
        '<p class="soft">{told}</p>'
        '<svg class="defs" aria-hidden="true" focusable="false"><defs><pattern id="hatch" '
        'width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line class="ink" x1="0" y1="0" x2="0" y2="7"/></pattern></defs></svg>'
        '<ul class="key"><li><svg width="26" height="14" aria-hidden="true"><rect class="open" '
        'width="26" height="14"/></svg>{hatched}</li><li><svg width="26" '
        'height="14" aria-hidden="true"><rect class="hole" width="26" height="14"/></svg>'
        "{shaded}</li></ul>"
        '<div class="panel"><div class="chart" role="img" aria-label="{words}"><span '
        'aria-hidden="true">{any_face}</span>{presence}<span></span>{axis}</div></div>',
        told=language.say("report.chart_told"),
        hatched=language.say("report.hatched"),
        shaded=language.say("report.shaded"),
        any_face=language.say("report.any_face"),
        words=language.say("report.presence_words"),
        presence=charts.draw_presence(frames, span),
        axis=charts.draw_axis(span),
    )


def _write_track(
    track_id: int,
    events: list[Event],
    timeline: Timeline,
    peaks: list[Peak],
    *,
    span: Span,
    language: Language,
) -> Html:
    """Write one track: its events, a row for each expression, its peaks and its figures."""
    segments, names = timeline.segments(track_id), timeline.names
    flat = [one for segment in segments for one in segment]
    described = charts.describe_peaks(segments, names, language)

    return fill(
        '<article class="track" aria-labelledby="track-{id}"><h3 id="track-{id}">{title}</h3>'
        '<p class="soft">{in_view}</p>'
        '<div class="panel"><div role="img" aria-label="{words}">'
        '<div class="chart"><span class="tall" aria-hidden="true">{row}</span>{band}</div>'
        '<div class="chart">{legend}{rows}<span></span>{axis}</div></div>{faces}{table}</div>'
        "</article>",
        id=track_id,
        title=language.say("report.face_title", id=track_id),
        in_view=language.say(
            "report.in_view",
            start=say_time(flat[0].mean_time_s),
            end=say_time(flat[-1].mean_time_s),
        ),
        words=language.say("report.track_words", id=track_id, peaks=described),
        row=language.say("report.row_events"),
        band=charts.draw_events(events, names, span, language),
        legend=charts.legend(names, language),
        rows=charts.draw_track(segments, names, span),
        axis=charts.draw_axis(span),
        faces=_write_peaks(track_id, peaks, language),
        table=_write_data(track_id, flat, names, language),
    )


def _write_peaks(track_id: int, peaks: list[Peak], language: Language) -> Html:
    """Show the face where each of its expressions is clearest."""
    items = []
    for peak in peaks:
        if peak.jpeg is None:
            continue
        name, time = language.word(peak.emotion), say_time(peak.time_s)
        items.append(
            fill(
                '<li><img src="{picture}" width="{side}" height="{side}" alt="{words}">'
                "<p><b>{name} {share}</b>{time}</p></li>",
                picture=Html(data_uri(peak.jpeg)),
                side=FACE_PX,
                words=language.say("report.peak_alt", id=track_id, time=time, name=name),
                time=time,
                name=name,
                share=language.percent(peak.probability),
            )
        )

    shown = join(items)
    return fill('<ul class="faces">{items}</ul>', items=shown) if shown else Html("")


def _write_data(track_id: int, bins: list[Bin], names: tuple[str, ...], language: Language) -> Html:
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
        '<details><summary>{title}</summary><div class="scroll tall" tabindex="0" role="group" '
        'aria-label="{title}"><table class="matrix"><caption>{caption}</caption><thead><tr>'
        '<th scope="col">{time}</th>{heads}<th scope="col">{none}</th></tr></thead>'
        "<tbody>{rows}</tbody></table></div></details>",
        title=language.say("report.data_table", id=track_id),
        caption=language.say("report.data_caption"),
        time=language.say("report.col_time"),
        heads=join((fill('<th scope="col">{name}</th>', name=language.word(n)) for n in names), ""),
        none=language.say("report.col_none"),
        rows=join(rows),
    )


def _figure(share: float) -> str:
    """Format a share in per cent, without the sign to save width."""
    return "<1" if 0 < share < 0.005 else f"{100 * share:.0f}"
