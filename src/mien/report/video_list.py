"""List the videos of a gallery, each with a link to its own page."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mien.report.names import title_of
from mien.report.page import Html, color_class, fill, join
from mien.report.times import say_length
from mien.results import VideoSummary
from mien.words import Language


@dataclass(frozen=True)
class VideoEntry:
    """A video with its own page.

    Attributes:
        summary: Summary of the video.
        page: Path of its page, in the gallery's folder.
    """

    summary: VideoSummary
    page: Path


def write_video_list(videos: list[VideoEntry], names: tuple[str, ...], language: Language) -> Html:
    """Write the section that links to the videos' pages."""
    if not videos:
        return Html("")

    items = (
        fill(
            '<li><a href="{href}"><bdi>{title}</bdi></a><p class="soft">{told}</p>{top}</li>',
            href=quote(os.fsencode(video.page.name)),
            title=title_of(video.summary.source),
            told=_describe(video.summary, language),
            top=_write_top(video.summary, names, language),
        )
        for video in videos
    )

    return fill(
        '<section aria-labelledby="videos"><h2 id="videos">{title}</h2><p class="soft">{told}</p>'
        '<ul class="videos">{items}</ul></section>',
        title=language.say("report.videos_title"),
        told=language.say("report.videos_told"),
        items=join(items),
    )


def _describe(summary: VideoSummary, language: Language) -> str:
    told = [say_length(summary.duration_s, language)] if summary.duration_s else []
    told.append(language.say("report.followed", count=len(summary.tracks)))
    if summary.damage:
        told.append(language.say("report.damaged"))
    return " · ".join(told)


def _write_top(summary: VideoSummary, names: tuple[str, ...], language: Language) -> Html:
    """Write which expression the events show for the longest time."""
    lengths: dict[str, float] = {}
    for event in summary.events:
        length_s = event.end_s - event.start_s
        lengths[event.emotion] = lengths.get(event.emotion, 0.0) + length_s
    if not lengths:
        return Html("")
    top = max(lengths, key=lambda name: lengths[name])
    return fill(
        '<p class="face {color}"><i></i>{told}</p>',
        color=color_class(top, names),
        told=language.say("report.longest", top=language.word(top)),
    )
