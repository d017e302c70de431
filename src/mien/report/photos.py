"""Turn the results of photos, as they come, into a gallery with filters.

Photos are not kept: of each, a line and, as long as there is room, a small picture.
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
from mien.results import Failure, ImageResult

PICTURE_BYTES: Final = 10 * 2**20
"""Room for all small pictures together; photos after that are listed without one."""
MAX_LISTED: Final = 20_000
"""Photos that are listed; those after them are only counted."""


class PhotoReport:
    """Gathers what a gallery shows, photo by photo, and writes it at the end.

    Attributes:
        photos: How many were taken in, those that could not be read too.
    """

    def __init__(
        self,
        model: ModelSpec,
        settings: Mapping[str, object] | None = None,
        *,
        title: str = "Photos",
    ) -> None:
        """Begin a report.

        Args:
            model: The contract of the model that read the faces.
            settings: What was chosen, by name, as the page shall tell it.
            title: What the photos are, e.g. the folder they are from.
        """
        self._model = model
        self._settings = dict(settings or {})
        self._title = title
        self._records: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()
        self.photos = 0
        self._faces = 0
        self._pictures = 0
        self._room = PICTURE_BYTES

    @property
    def has_room(self) -> bool:
        """Whether the next photo's picture would be kept."""
        return self._room > 0 and len(self._records) < MAX_LISTED

    def add(self, result: ImageResult | Failure, image: NDArray[np.uint8] | None = None) -> None:
        """Take in the next photo; it is not kept.

        Args:
            result: What was found in it, or why it could not be read.
            image: The photo itself, (H, W, 3) uint8 RGB, in which the boxes lie; None leaves its
                picture out.
        """
        self.photos += 1
        tags = _tag(result)
        self._counts.update(tags)
        self._faces += 0 if isinstance(result, Failure) else len(result.faces)
        if len(self._records) >= MAX_LISTED:
            return
        record: dict[str, Any] = {"name": result.source, "tags": sorted(tags)}
        if isinstance(result, Failure):
            # The name stands above it already.
            record["message"] = result.message.removeprefix(f"{result.source} ")
        else:
            record["faces"] = _group(result)
            if image is not None and self.has_room:
                picture = data_uri(shrink_photo(image, result.faces))
                self._room -= len(picture)
                self._pictures += 1
                record["picture"] = picture
        self._records.append(record)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page; the file is whole, or not there at all.

        Args:
            path: The HTML file; one that is there already is replaced.

        Raises:
            OutputError: The file cannot be written.
        """
        write_whole(Path(path), self.render())

    def render(self, *, created: datetime | None = None) -> str:
        """Give the page as text.

        Args:
            created: When the report was made; None takes now.
        """
        names = self._model.class_names
        body = join(
            [
                self._write_head(),
                self._write_gallery(),
                write_note(
                    pictures="This page holds pictures of people: pass it on only as they would "
                    "wish."
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
        title = f"{self._title}: apparent expressions in {count(self.photos, 'photo')}"
        return render_page(title, body, script="gallery.js", data=data)

    def _write_head(self) -> Html:
        failed, empty = self._counts["failed"], self._counts["no face"]
        read = self.photos - failed
        lead = (
            f"{count(self.photos, 'photo')}: {count(self._faces, 'face')} in "
            f"{read - empty:,} of them; {empty:,} show no face, and {failed:,} could not be read."
        )
        named = [name for name in self._model.class_names if self._counts[name]]
        if named:
            top = max(named, key=lambda name: self._counts[name])
            lead += (
                f" The apparent expression named most often is {top}, in "
                f"{count(self._counts[top], 'photo')}."
            )
        cards = [
            (f"{self.photos:,}", "photos"),
            (f"{self._faces:,}", "faces"),
            (percent((read - empty) / read if read else 0), "of those read show a face"),
            (f"{failed:,}", "could not be read"),
        ]
        return fill(
            '<header><p class="kicker">mien report of photos</p><h1><bdi>{title}</bdi></h1>'
            '<p class="lead">{lead}</p></header><ul class="cards">{cards}</ul>',
            title=self._title,
            lead=lead,
            cards=join(
                fill('<li class="card"><b>{figure}</b><span>{what}</span></li>', what=w, figure=f)
                for f, w in cards
            ),
        )

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
            '<section aria-labelledby="gallery"><h2 id="gallery">The photos</h2>{limits}'
            '<noscript><p class="damage"><b>The gallery needs the script in this page.</b> Allow '
            "scripts for this file; it opens no connection.</p></noscript>"
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
        """Say what was left out so that the page stays small."""
        told = []
        readable = self.photos - self._counts["failed"]
        if 0 < self._pictures < readable:
            told.append(
                f"So that the page stays small, the first {self._pictures:,} photos that could be "
                "read have a picture; the others have their name and what was found."
            )
        if self.photos > len(self._records):
            told.append(
                f"The first {len(self._records):,} of {self.photos:,} photos are listed; the "
                "numbers count all."
            )
        return fill('<p class="soft">{told}</p>', told=" ".join(told)) if told else Html("")


_OTHERS: Final = ("uncertain", "too small", "no face", "failed")


def _tag(result: ImageResult | Failure) -> set[str]:
    """Give what a photo can be filtered by."""
    if isinstance(result, Failure):
        return {"failed"}
    if not result.faces:
        return {"no face"}
    return {face.emotion or say_reason(face.reason) for face in result.faces}


def _group(result: ImageResult) -> list[list[Any]]:
    """Give a photo's answers: what was named, how often, and the highest probability."""
    groups: dict[str, list[Any]] = {}
    for face in result.faces:
        label = face.emotion or say_reason(face.reason)
        top = face.probabilities[face.emotion] if face.emotion and face.probabilities else 0.0
        group = groups.setdefault(label, [label, 0, 0.0])
        group[1:] = [group[1] + 1, max(group[2], round(top, 4))]
    return list(groups.values())
