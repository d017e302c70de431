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
    data_uri,
    fill,
    join,
    render_page,
    write_cards,
    write_note,
    write_provenance,
)
from mien.report.thumbnails import shrink_photo
from mien.report.video_list import VideoEntry, write_video_list
from mien.results import Failure, ImageResult
from mien.words import open_language

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
        lang: str = "en",
    ) -> None:
        """Start a report.

        Args:
            model: Contract of the model that read the faces.
            settings: The settings to show, by name.
            title: Display name of the photos, such as their folder; None means "Photos".
            lang: Language of the page, one of `mien.words.LANGUAGES`.

        Raises:
            ConfigError: The language is not supported.
        """
        self._language = open_language(lang)
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
                write_video_list(self._videos, names, self._language),
                Html("") if self._holds_only_videos else self._write_gallery(),
                write_note(
                    self._model, "report.note_pictures" if self._pictures else "", self._language
                ),
                write_provenance(
                    self._model, self._settings, created or datetime.now(UTC), self._language
                ),
            ]
        )

        say = self._language.say
        title = say("report.photos_title", name=self._name, counts=self._count_sources())
        if self._holds_only_videos:
            return render_page(title, body, self._language)
        data = {
            "photos": self._records,
            "colors": {name: color_class(name, names) for name in names},
            "words": {name: self._language.word(name) for name in (*names, *_REASONS)},
            "texts": {key: self._language.texts["report"][key] for key in _GALLERY_TEXTS},
            "percent": self._language.texts["language"]["percent"],
        }
        return render_page(title, body, self._language, script="gallery.js", data=data)

    @property
    def _holds_only_videos(self) -> bool:
        return bool(self._videos) and not self.photos

    @property
    def _name(self) -> str:
        return self._title or self._language.say(f"report.kind_{self._kind}")

    @property
    def _kind(self) -> str:
        if not self._videos:
            return "photos"
        return "both" if self.photos else "videos"

    def _count_sources(self) -> str:
        """Count the photos and the videos, in words."""
        counts = {"photos": self.photos, "videos": len(self._videos)}
        kinds = counts if self._kind == "both" else [self._kind]
        return ", ".join(self._language.say(f"report.{kind}", count=counts[kind]) for kind in kinds)

    def _write_head(self) -> Html:
        language = self._language
        failed, empty = self._counts["failed"], self._counts["no_face"]
        read = self.photos - failed
        cards = []

        if not self._holds_only_videos:
            cards = [
                (language.number(self.photos), "card_photos"),
                (language.number(self._faces), "card_faces"),
                (language.percent((read - empty) / read if read else 0), "card_show"),
                (language.number(failed), "card_failed"),
            ]
        if self._videos:
            cards.append((language.number(len(self._videos)), "card_videos"))

        return fill(
            '<header><p class="kicker">{kicker}</p><h1><bdi>{title}</bdi></h1>'
            '<p class="lead">{lead}</p></header><ul class="cards">{cards}</ul>',
            kicker=language.say(f"report.kicker_{self._kind}"),
            title=self._name,
            lead=self._say_in_short(read, empty, failed),
            cards=write_cards((f, language.say(f"report.{what}")) for f, what in cards),
        )

    def _say_in_short(self, read: int, empty: int, failed: int) -> str:
        """Summarize what was found in a few sentences."""
        say = self._language.say
        if self._holds_only_videos:
            return say("report.videos_lead", count=len(self._videos))

        told = say(
            "report.photos_lead",
            photos=say("report.photos", count=self.photos),
            faces=say("report.faces", count=self._faces),
            showing=read - empty,
            empty=empty,
            failed=failed,
        )
        named = [name for name in self._model.class_names if self._counts[name]]
        if named:
            top = max(named, key=lambda name: self._counts[name])
            word = self._language.word(top)
            told += " " + say("report.photos_top", top=word, count=self._counts[top])
        return told

    def _write_gallery(self) -> Html:
        names, language = self._model.class_names, self._language
        tags = ["all", *(tag for tag in (*names, *_OTHERS) if self._counts[tag])]

        choices = (
            fill(
                '<label class="{color}"><input type="radio" name="tag" value="{tag}"{checked}>'
                "{mark}{word} <small>{number}</small></label>",
                color=color_class(tag, names),
                tag=tag,
                word=self._name_tag(tag),
                checked=Html(" checked" if tag == "all" else ""),
                mark=Html("<i></i>" if tag in names else ""),
                number=language.number(self.photos if tag == "all" else self._counts[tag]),
            )
            for tag in tags
        )

        return fill(
            '<section aria-labelledby="gallery"><h2 id="gallery">{gallery_title}</h2>{limits}'
            '<noscript><p class="damage"><b>{gallery_script}</b> {gallery_allow}</p></noscript>'
            '<form id="filters"><fieldset class="filters"><legend>{filter}</legend>'
            '{choices}</fieldset><div class="search"><label>{search}<input type="search" '
            'id="text" autocomplete="off" spellcheck="false"></label><label>{order}<select '
            'id="order"><option value="given">{order_given}</option><option value="name">'
            '{order_name}</option><option value="sure">{order_sure}</option>'
            '<option value="unsure">{order_unsure}</option></select></label></div></form>'
            '<p class="soft" id="shown" role="status"></p><ul class="gallery" id="photos"></ul>'
            '<button type="button" id="more" hidden>{more}</button></section>',
            limits=self._say_limits(),
            choices=join(choices),
            **{key: language.say(f"report.{key}") for key in _FORM_TEXTS},
        )

    def _name_tag(self, tag: str) -> str:
        """Return what the gallery calls a tag."""
        is_text = tag in {"all", "no_face", "failed"}
        return self._language.say(f"report.{tag}") if is_text else self._language.word(tag)

    def _say_limits(self) -> Html:
        """Describe what was left out to keep the page small."""
        told = []
        readable = self.photos - self._counts["failed"]
        if 0 < self._pictures < readable:
            told.append(self._language.say("report.limit_pictures", count=self._pictures))
        listed = len(self._records)
        if self.photos > listed:
            told.append(self._language.say("report.limit_listed", shown=listed, all=self.photos))
        return fill('<p class="soft">{told}</p>', told=" ".join(told)) if told else Html("")


_REASONS: Final = ("uncertain", "too_small")
_OTHERS: Final = (*_REASONS, "no_face", "failed")
_FORM_TEXTS: Final = (
    *("gallery_title", "gallery_script", "gallery_allow", "filter", "search", "more"),
    *("order", "order_given", "order_name", "order_sure", "order_unsure"),
)
_GALLERY_TEXTS: Final = ("up_to", "shown", "nothing_found", "blank", "blank_failed", "no_face")


def _tag(result: ImageResult | Failure) -> set[str]:
    """Return the filter tags of a photo."""
    if isinstance(result, Failure):
        return {"failed"}
    if not result.faces:
        return {"no_face"}
    return {face.emotion or face.reason or "uncertain" for face in result.faces}


def _group(result: ImageResult) -> list[list[Any]]:
    """Return each label of a photo, how often it occurs, and its highest probability."""
    groups: dict[str, list[Any]] = {}
    for face in result.faces:
        label = face.emotion or face.reason or "uncertain"
        top = face.probabilities[face.emotion] if face.emotion and face.probabilities else 0.0
        group = groups.setdefault(label, [label, 0, 0.0])
        group[1:] = [group[1] + 1, max(group[2], round(top, 4))]
    return list(groups.values())
