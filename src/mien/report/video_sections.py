"""Write the sections of a video's page that describe it as a whole."""

from collections import Counter
from typing import Final

from mien.report.charts import draw_bar
from mien.report.page import Html, color_class, fill, join, write_cards
from mien.report.times import say_length, say_time
from mien.results import Event, Track, VideoSummary
from mien.words import Language

MAX_LISTED: Final = 300
"""Maximum number of events and tracks in a table."""
_WORDS: Final = "col_most"  # the column that contains words
_OFTEN_TEXTS: Final = ("often_title", "often_told", "col_apparent", "col_share", "col_readings")


def write_head(
    title: str,
    summary: VideoSummary,
    answers: Counter[str],
    names: tuple[str, ...],
    language: Language,
) -> Html:
    """Write the video's name, a summary in a few sentences, and four figures."""
    opens = sum(times for answer, times in answers.items() if answer not in names)
    cards = [
        (language.number(summary.frames), "card_frames"),
        (language.percent(_share(summary.frames_with_face, summary.frames)), "card_with_face"),
        (language.number(len(summary.tracks)), "card_followed"),
        (language.percent(_share(opens, answers.total())), "card_unnamed"),
    ]

    damage = fill(
        "<p class='damage'><b>{told}</b> <span lang='en' dir='auto'>{why}.</span> {rest}</p>",
        told=language.say("report.damage"),
        why=(summary.damage or "").rstrip("."),
        rest=language.say("report.damage_rest"),
    )
    path = fill('<p class="soft"><bdi>{source}</bdi></p>\n', source=summary.source)

    return fill(
        '<header>\n<p class="kicker">{kicker}</p>\n<h1><bdi>{title}</bdi></h1>\n'
        '{path}<p class="lead">{lead}</p>\n{damage}</header>\n<ul class="cards">{cards}</ul>',
        title=title,
        path=path if title != summary.source else Html(""),
        kicker=language.say("report.kicker_video"),
        lead=_say_in_short(summary, answers, names, language),
        damage=damage if summary.damage else Html(""),
        cards=write_cards((f, language.say(f"report.{what}")) for f, what in cards),
    )


def write_distribution(answers: Counter[str], names: tuple[str, ...], language: Language) -> Html:
    """Write how often each expression was named, and how often none was."""
    total = answers.total()
    if not total:
        return Html("")

    opens = [name for name in answers if name not in names]
    rows = [
        fill(
            '<tr><th scope="row">{name}</th><td class="wide">{bar}</td><td>{share}</td>'
            "<td>{times}</td></tr>",
            name=language.word(name)
            if name in names
            else language.say("report.none_because", reason=language.word(name)),
            bar=draw_bar(answers[name] / total, color_class(name, names)),
            share=language.percent(answers[name] / total),
            times=language.number(answers[name]),
        )
        for name in (*names, *sorted(opens))
    ]

    return fill(
        '<section aria-labelledby="often"><h2 id="often">{often_title}</h2>\n'
        '<p class="soft">{often_told}</p>\n'
        '<div class="scroll" tabindex="0" role="group" aria-labelledby="often"><table>'
        '<thead><tr><th scope="col">{col_apparent}</th><td></td><th scope="col">{col_share}</th>'
        '<th scope="col">{col_readings}</th></tr></thead>'
        "<tbody>{rows}</tbody></table></div></section>",
        rows=join(rows),
        **{key: language.say(f"report.{key}") for key in _OFTEN_TEXTS},
    )


def write_events(events: tuple[Event, ...], language: Language) -> Html:
    """Write the table of events."""
    rows = [
        fill(
            '<tr><th scope="row">{emotion}</th><td>{track}</td><td>{start}</td><td>{end}</td>'
            "<td>{length}</td><td>{confidence}</td></tr>",
            emotion=language.word(event.emotion),
            track=event.track_id,
            start=say_time(event.start_s),
            end=say_time(event.end_s),
            length=language.say("report.unit_s", n=language.number(event.end_s - event.start_s, 1)),
            confidence=language.percent(event.confidence),
        )
        for event in events[:MAX_LISTED]
    ]

    told = language.say("report.events_told" if events else "report.events_none")
    if len(events) > MAX_LISTED:
        told += " " + language.say("report.cut_first", shown=MAX_LISTED, all=len(events))
    heads = ("col_expression", "col_face", "col_from", "col_to", "col_length", "col_confidence")
    return _write_table("events", told, heads, rows, language)


def write_track_table(tracks: tuple[Track, ...], language: Language) -> Html:
    """Write the table of tracks."""
    rows = []

    for track in sorted(tracks, key=lambda track: -track.frames)[:MAX_LISTED]:
        mean = track.probabilities or {}
        top = max(mean, key=lambda name: mean[name], default="")
        told = language.say("report.never_readable")
        if top:
            share = language.percent(mean[top])
            told = language.say("report.on_average", top=language.word(top), share=share)
        rows.append(
            fill(
                '<tr><th scope="row">{face}</th><td>{start}</td><td>{end}</td><td>{frames}</td>'
                '<td class="left">{top}</td></tr>',
                face=language.say("report.face_row", id=track.track_id),
                start=say_time(track.start_s),
                end=say_time(track.end_s),
                frames=language.number(track.frames),
                top=told,
            )
        )

    told = language.say("report.tracks_told")
    if len(tracks) > MAX_LISTED:
        told += " " + language.say("report.cut_longest", shown=MAX_LISTED, all=len(tracks))
    heads = ("col_track", "col_from", "col_to", "col_frames", _WORDS)
    return _write_table("tracks", told, heads, rows, language)


def _write_table(
    anchor: str, told: str, heads: tuple[str, ...], rows: list[Html], language: Language
) -> Html:
    table = fill(
        '<div class="scroll tall" tabindex="0" role="group" aria-labelledby="{anchor}"><table>'
        "<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>",
        anchor=anchor,
        heads=join(
            (
                fill(
                    '<th scope="col"{left}>{head}</th>',
                    head=language.say(f"report.{head}"),
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
        title=language.say(f"report.{anchor}_title"),
        told=told,
        table=table if rows else Html(""),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _say_in_short(
    summary: VideoSummary, answers: Counter[str], names: tuple[str, ...], language: Language
) -> str:
    """Summarize what was found in a few sentences."""
    say, percent = language.say, language.percent
    size = f"{summary.width} × {summary.height}"
    if summary.duration_s:
        length = say_length(summary.duration_s, language)
        told = [say("report.video_lead", length=length, size=size, count=summary.frames)]
    else:
        told = [say("report.video_lead_unknown", size=size, count=summary.frames)]

    named = [(name, answers[name]) for name in names if answers[name]]
    if not answers:
        return f"{told[0]} {say('report.video_nobody')}"

    share = percent(_share(summary.frames_with_face, summary.frames))
    told.append(say("report.video_seen", share=share, count=len(summary.tracks)))

    if named:
        top, times = max(named, key=lambda pair: pair[1])
        share = percent(_share(times, answers.total()))
        told.append(say("report.video_top", top=language.word(top), share=share))
    else:
        told.append(say("report.video_unnamed"))
    return " ".join(told)
