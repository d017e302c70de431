"""Turn what is said of a whole video into the sections of its page."""

from collections import Counter
from typing import Final

from mien.report.charts import draw_bar
from mien.report.page import Html, color_class, count, fill, join, percent, say_reason
from mien.report.times import say_length, say_time
from mien.results import Event, Track, VideoSummary

MAX_LISTED: Final = 300
"""Events and tracks listed in a table."""
_WORDS: Final = "most probable"  # the column that holds words, not numbers


def write_head(
    name: str, summary: VideoSummary, answers: Counter[str], names: tuple[str, ...]
) -> Html:
    """Write the video's name, what was found in a few plain sentences, and four figures."""
    opens = sum(times for answer, times in answers.items() if answer not in names)
    cards = [
        ("frames analysed", f"{summary.frames:,}"),
        ("of them show a face", percent(_share(summary.frames_with_face, summary.frames))),
        ("faces followed", f"{len(summary.tracks):,}"),
        ("readings left open", percent(_share(opens, answers.total()))),
    ]
    damage = fill(
        "<p class='damage'><b>Something is missing.</b> {why}. What could be read is below.</p>",
        why=(summary.damage or "").rstrip("."),
    )
    return fill(
        '<header>\n<p class="kicker">mien report of a video</p>\n<h1><bdi>{name}</bdi></h1>\n'
        '<p class="lead">{lead}</p>\n{damage}</header>\n<ul class="cards">{cards}</ul>',
        name=name,
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
            name=name if name in names else f"open: {say_reason(name)}",
            bar=draw_bar(answers[name] / total, color_class(name, names)),
            share=percent(answers[name] / total),
            times=f"{answers[name]:,}",
        )
        for name in (*names, *sorted(opens))
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


def _say_in_short(summary: VideoSummary, answers: Counter[str], names: tuple[str, ...]) -> str:
    """Say what was found in a few plain sentences."""
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
