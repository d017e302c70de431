"""Write a report of photos: a gallery with filters, and links to the pages of videos.

Only one line per photo and, until a limit, a thumbnail are kept in memory.
"""

import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.files import write_whole
from mien.model.spec import ModelSpec
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
from mien.report.thumbnails import shrink_photo
from mien.report.video_list import VideoEntry, write_video_list
from mien.results import Failure, ImageResult

PICTURE_BYTES: Final = 10 * 2**20
"""Maximum total size of the thumbnails, in bytes; later photos are listed without one."""
MAX_LISTED: Final = 20_000
"""Maximum number of listed photos; later ones are only counted."""


class PhotoReport:
    """Collect photos one by one for a gallery, and write it at the end.

    Attributes:
        photos: Number of photos added, including unreadable ones.
    """

    def __init__(
        self,
        model: ModelSpec,
        settings: Mapping[str, object] | None = None,
        *,
        title: str | None = None,
    ) -> None:
        """Start a report.

        Args:
            model: Contract of the model that read the faces.
            settings: The settings to show, by name.
            title: Display name of the photos, such as their folder; None means "Photos".
        """
        self._model = model
        self._settings = dict(settings or {})
        self._title = title
        self._videos: list[VideoEntry] = []
        self._records: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()
        self.photos = 0
        self._faces = 0
        self._pictures = 0
        self._room = PICTURE_BYTES

    @property
    def has_room(self) -> bool:
        """Whether the next photo's thumbnail would be kept."""
        return self._room > 0 and len(self._records) < MAX_LISTED

    def add(self, result: ImageResult | Failure, image: NDArray[np.uint8] | None = None) -> None:
        """Add the next photo; only its entry is kept.

        Args:
            result: Result of the photo, or its failure.
            image: The photo, (H, W, 3) uint8 RGB, in the pixels that boxes refer to; None omits the
                thumbnail.
        """
        self.photos += 1
        tags = _tag(result)
        self._counts.update(tags)
        self._faces += 0 if isinstance(result, Failure) else len(result.faces)
        if len(self._records) >= MAX_LISTED:
            return
        record: dict[str, Any] = {"name": result.source, "tags": sorted(tags)}
        if isinstance(result, Failure):
            # The name is already in the heading.
            record["message"] = result.message.removeprefix(f"{result.source} ")
        else:
            record["faces"] = _group(result)
            if image is not None and self.has_room:
                picture = data_uri(shrink_photo(image, result))
                self._room -= len(picture)
                self._pictures += 1
                record["picture"] = picture
        self._records.append(record)

    def add_video(self, video: VideoEntry) -> None:
        """Add a link to the page of a video."""
        self._videos.append(video)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page atomically.

        Args:
            path: The HTML file; an existing one is replaced.

        Raises:
            OutputError: The file cannot be written.
        """
        write_whole(Path(path), self.render())

    def render(self, *, created: datetime | None = None) -> str:
        """Return the page as text.

        Args:
            created: Creation time; None uses the current time.
        """
        names = self._model.class_names
        body = join(
            [
                self._write_head(),
                write_video_list(self._videos, names),
                Html("") if self._holds_only_videos else self._write_gallery(),
                write_note(
                    pictures="This page contains pictures of people: share it only with their "
                    "consent."
                    if self._pictures
                    else "",
                    numbers=describe_accuracy(self._model),
                ),
                write_provenance(self._model, self._settings, created or datetime.now(UTC)),
            ]
        )

        data = {
            "photos": self._records,
            "colors": {name: color_class(name, names) for name in names},
        }

        what = ", ".join(self._count_sources())
        title = f"{self._name}: apparent expressions in {what}"
        if self._holds_only_videos:
            return render_page(title, body)
        return render_page(title, body, script="gallery.js", data=data)

    @property
    def _holds_only_videos(self) -> bool:
        return bool(self._videos) and not self.photos

    @property
    def _name(self) -> str:
        return self._title or self._kind

    @property
    def _kind(self) -> str:
        if not self._videos:
            return "Photos"
        return "Photos and videos" if self.photos else "Videos"

    def _count_sources(self) -> list[str]:
        """Count the photos and the videos, in words."""
        photos = [count(self.photos, "photo")] if self.photos or not self._videos else []
        return photos + ([count(len(self._videos), "video")] if self._videos else [])

    def _write_head(self) -> Html:
        failed, empty = self._counts["failed"], self._counts["no face"]
        read = self.photos - failed
        cards = []

        if not self._holds_only_videos:
            cards = [
                (f"{self.photos:,}", "photos"),
                (f"{self._faces:,}", "faces"),
                (percent((read - empty) / read if read else 0), "of those read show a face"),
                (f"{failed:,}", "could not be read"),
            ]
        if self._videos:
            cards.append((f"{len(self._videos):,}", "videos"))

        return fill(
            '<header><p class="kicker">mien report of {what}</p><h1><bdi>{title}</bdi></h1>'
            '<p class="lead">{lead}</p></header><ul class="cards">{cards}</ul>',
            what=self._kind.lower(),
            title=self._name,
            lead=self._say_in_short(read, empty, failed),
            cards=join(
                fill('<li class="card"><b>{figure}</b><span>{what}</span></li>', what=w, figure=f)
                for f, w in cards
            ),
        )

    def _say_in_short(self, read: int, empty: int, failed: int) -> str:
        """Summarize what was found in a few sentences."""
        if self._holds_only_videos:
            return f"{count(len(self._videos), 'video')}, each on a page of its own."

        told = (
            f"{count(self.photos, 'photo')}: {count(self._faces, 'face')} in "
            f"{read - empty:,} of them; {empty:,} show no face, and {failed:,} could not be read."
        )
        named = [name for name in self._model.class_names if self._counts[name]]
        if named:
            top = max(named, key=lambda name: self._counts[name])
            told += (
                f" The apparent expression named most often is {top}, in "
                f"{count(self._counts[top], 'photo')}."
            )
        return told

    def _write_gallery(self) -> Html:
        names = self._model.class_names
        tags = ["all", *(tag for tag in (*names, *_OTHERS) if self._counts[tag])]

        choices = (
            fill(
                '<label class="{color}"><input type="radio" name="tag" value="{tag}"{checked}>'
                "{mark}{tag} <small>{number}</small></label>",
                color=color_class(tag, names),
                tag=tag,
                checked=Html(" checked" if tag == "all" else ""),
                mark=Html("<i></i>" if tag in names else ""),
                number=f"{self.photos if tag == 'all' else self._counts[tag]:,}",
            )
            for tag in tags
        )

        return fill(
            '<section aria-labelledby="gallery"><h2 id="gallery">Photos</h2>{limits}'
            '<noscript><p class="damage"><b>The gallery needs the script in this page.</b> Allow '
            "scripts for this file; it makes no network connection.</p></noscript>"
            '<form id="filters"><fieldset class="filters"><legend>Show photos with</legend>'
            '{choices}</fieldset><div class="search"><label>Name contains<input type="search" '
            'id="text" autocomplete="off" spellcheck="false"></label><label>Order<select '
            'id="order"><option value="given">as analysed</option><option value="name">by name'
            '</option><option value="sure">most probable first</option><option value="unsure">'
            "least probable first</option></select></label></div></form>"
            '<p class="soft" id="shown" role="status"></p><ul class="gallery" id="photos"></ul>'
            '<button type="button" id="more" hidden>Show more</button></section>',
            limits=self._say_limits(),
            choices=join(choices),
        )

    def _say_limits(self) -> Html:
        """Describe what was left out to keep the page small."""
        told = []
        readable = self.photos - self._counts["failed"]
        if 0 < self._pictures < readable:
            told.append(
                f"To keep the page small, only the first {self._pictures:,} photos that could be "
                "read have a picture; the others show their name and what was found."
            )
        if self.photos > len(self._records):
            told.append(
                f"The first {len(self._records):,} of {self.photos:,} photos are listed; the "
                "totals include all of them."
            )
        return fill('<p class="soft">{told}</p>', told=" ".join(told)) if told else Html("")


_OTHERS: Final = ("uncertain", "too small", "no face", "failed")


def _tag(result: ImageResult | Failure) -> set[str]:
    """Return the filter tags of a photo."""
    if isinstance(result, Failure):
        return {"failed"}
    if not result.faces:
        return {"no face"}
    return {face.emotion or say_reason(face.reason) for face in result.faces}


def _group(result: ImageResult) -> list[list[Any]]:
    """Return each label of a photo, how often it occurs, and its highest probability."""
    groups: dict[str, list[Any]] = {}
    for face in result.faces:
        label = face.emotion or say_reason(face.reason)
        top = face.probabilities[face.emotion] if face.emotion and face.probabilities else 0.0
        group = groups.setdefault(label, [label, 0, 0.0])
        group[1:] = [group[1] + 1, max(group[2], round(top, 4))]
    return list(groups.values())
