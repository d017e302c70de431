"""List the videos of a gallery, each with a link to its own page."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mien.report.names import title_of
from mien.report.page import Html, color_class, count, fill, join
from mien.report.times import say_length
from mien.results import VideoSummary


@dataclass(frozen=True)
class VideoEntry:
    """A video with its own page.

    Attributes:
        summary: Summary of the video.
        page: Path of its page, in the gallery's folder.
    """

    summary: VideoSummary
    page: Path


def write_video_list(videos: list[VideoEntry], names: tuple[str, ...]) -> Html:
    """Write the section that links to the videos' pages."""
    if not videos:
        return Html("")

    items = (
        fill(
            '<li><a href="{href}"><bdi>{title}</bdi></a><p class="soft">{told}</p>{top}</li>',
            href=quote(os.fsencode(video.page.name)),
            title=title_of(video.summary.source),
            told=_describe(video.summary),
            top=_write_top(video.summary, names),
        )
        for video in videos
    )

    return fill(
        '<section aria-labelledby="videos"><h2 id="videos">Videos</h2>'
        '<p class="soft">Each has its own page with a timeline.</p>'
        '<ul class="videos">{items}</ul></section>',
        items=join(items),
    )


def _describe(summary: VideoSummary) -> str:
    length = f"{say_length(summary.duration_s)}, " if summary.duration_s else ""
    damage = "; damaged" if summary.damage else ""
    return f"{length}{count(len(summary.tracks), 'face')} followed{damage}"


def _write_top(summary: VideoSummary, names: tuple[str, ...]) -> Html:
    """Write which expression the events show for the longest time."""
    lengths: dict[str, float] = {}
    for event in summary.events:
        length_s = event.end_s - event.start_s
        lengths[event.emotion] = lengths.get(event.emotion, 0.0) + length_s
    if not lengths:
        return Html("")
    top = max(lengths, key=lambda name: lengths[name])
    return fill(
        '<p class="face {color}"><i></i>shown longest: {top}</p>',
        color=color_class(top, names),
        top=top,
    )
