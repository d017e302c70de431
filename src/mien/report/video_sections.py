"""Write the sections of a video's page that describe it as a whole."""

from collections import Counter
from typing import Final

from mien.report.charts import draw_bar
from mien.report.page import Html, color_class, count, fill, join, percent, say_reason
from mien.report.times import say_length, say_time
from mien.results import Event, Track, VideoSummary

MAX_LISTED: Final = 300
"""Maximum number of events and tracks in a table."""
_WORDS: Final = "most probable"  # the column that contains words


def write_head(
    title: str, summary: VideoSummary, answers: Counter[str], names: tuple[str, ...]
) -> Html:
    """Write the video's name, a summary in a few sentences, and four figures."""
    opens = sum(times for answer, times in answers.items() if answer not in names)
    cards = [
        ("frames analysed", f"{summary.frames:,}"),
        ("of them show a face", percent(_share(summary.frames_with_face, summary.frames))),
        ("faces followed", f"{len(summary.tracks):,}"),
        ("readings without a name", percent(_share(opens, answers.total()))),
    ]

    damage = fill(
        "<p class='damage'><b>The file is damaged.</b> {why}. The readable part is shown "
        "below.</p>",
        why=(summary.damage or "").rstrip("."),
    )
    path = fill('<p class="soft"><bdi>{source}</bdi></p>\n', source=summary.source)

    return fill(
        '<header>\n<p class="kicker">mien report of a video</p>\n<h1><bdi>{title}</bdi></h1>\n'
        '{path}<p class="lead">{lead}</p>\n{damage}</header>\n<ul class="cards">{cards}</ul>',
        title=title,
        path=path if title != summary.source else Html(""),
        lead=_say_in_short(summary, answers, names),
        damage=damage if summary.damage else Html(""),
        cards=join(
            fill('<li class="card"><b>{figure}</b><span>{what}</span></li>', what=w, figure=f)
            for w, f in cards
        ),
    )


def write_distribution(answers: Counter[str], names: tuple[str, ...]) -> Html:
    """Write how often each expression was named, and how often none was."""
    total = answers.total()
    if not total:
        return Html("")

    opens = [name for name in answers if name not in names]
    rows = [
        fill(
            '<tr><th scope="row">{name}</th><td class="wide">{bar}</td><td>{share}</td>'
            "<td>{times}</td></tr>",
            name=name if name in names else f"none: {say_reason(name)}",
            bar=draw_bar(answers[name] / total, color_class(name, names)),
            share=percent(answers[name] / total),
            times=f"{answers[name]:,}",
        )
        for name in (*names, *sorted(opens))
    ]

    return fill(
        '<section aria-labelledby="often"><h2 id="often">Frequency of expressions</h2>\n'
        '<p class="soft">Each analysed frame counts once for every face in it. No expression is '
        "named where none is probable enough, or the face is too small.</p>\n"
        '<div class="scroll" tabindex="0" role="group" aria-labelledby="often"><table>'
        '<thead><tr><th scope="col">apparent expression</th><td></td>'
        '<th scope="col">share</th><th scope="col">readings</th></tr></thead>'
        "<tbody>{rows}</tbody></table></div></section>",
        rows=join(rows),
    )


def write_events(events: tuple[Event, ...]) -> Html:
    """Write the table of events."""
    rows = [
        fill(
            '<tr><th scope="row">{emotion}</th><td>{track}</td><td>{start}</td><td>{end}</td>'
            "<td>{length}</td><td>{confidence}</td></tr>",
            emotion=event.emotion,
            track=event.track_id,
            start=say_time(event.start_s),
            end=say_time(event.end_s),
            length=f"{event.end_s - event.start_s:.1f} s",
            confidence=percent(event.confidence),
        )
        for event in events[:MAX_LISTED]
    ]

    told = (
        "An event is a period in which a face shows one apparent expression; its confidence is "
        "the mean smoothed probability."
        if events
        else "No face showed one expression long enough to count as an event."
    )

    if len(events) > MAX_LISTED:
        told += f" The first {MAX_LISTED} of {len(events):,} are listed."
    return _write_table(
        "events", "Events", told, ("expression", "face", "from", "to", "length", "confidence"), rows
    )


def write_track_table(tracks: tuple[Track, ...]) -> Html:
    """Write the table of tracks."""
    rows = []

    for track in sorted(tracks, key=lambda track: -track.frames)[:MAX_LISTED]:
        mean = track.probabilities or {}
        top = max(mean, key=lambda name: mean[name], default="")
        rows.append(
            fill(
                '<tr><th scope="row">face {id}</th><td>{start}</td><td>{end}</td><td>{frames}</td>'
                '<td class="left">{top}</td></tr>',
                id=track.track_id,
                start=say_time(track.start_s),
                end=say_time(track.end_s),
                frames=f"{track.frames:,}",
                top=f"{top}, {percent(mean[top])} on average" if top else "never readable",
            )
        )

    told = "A track follows a face from frame to frame. It is not an identity."
    if len(tracks) > MAX_LISTED:
        told += f" The {MAX_LISTED} of {len(tracks):,} that are longest in view are listed."
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


def _say_in_short(summary: VideoSummary, answers: Counter[str], names: tuple[str, ...]) -> str:
    """Summarize what was found in a few sentences."""
    length = f" of {say_length(summary.duration_s)}" if summary.duration_s else ""
    frames = f"{count(summary.frames, 'frame')} {'was' if summary.frames == 1 else 'were'}"
    size = f"{summary.width} × {summary.height}"
    told = [f"In this video{length} ({size}), {frames} analysed."]

    named = [(name, answers[name]) for name in names if answers[name]]
    if not answers:
        return f"{told[0]} No face was found in any of them."

    told.append(
        f"{percent(_share(summary.frames_with_face, summary.frames))} of them show a face; "
        f"{count(len(summary.tracks), 'face')} could be followed from frame to frame."
    )

    if named:
        top, times = max(named, key=lambda pair: pair[1])
        told.append(
            f"The apparent expression named most often is {top}: in "
            f"{percent(_share(times, answers.total()))} of all readings of a face."
        )
    else:
        told.append("No expression was probable enough to be named.")
    return " ".join(told)
