"""Read human coders' labels of a study's recordings, and pair them with the model's."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from mien.contents import PICTURE_ENDINGS, VIDEO_ENDINGS
from mien.errors import ConfigError, describe_error
from mien.study.reading import Row
from mien.study.separated import parse_seconds, read_separated

SYNONYMS: Final = {
    "source": ("File", "File Name", "Observation"),
    "label": ("Annotation", "Value", "Behavior"),
    "start_s": ("Begin Time - ss.msec", "Time_Relative_sf"),
    "end_s": ("End Time - ss.msec",),
    "duration_s": ("Duration - ss.msec", "Duration_sf"),
    "coder": ("Coder", "Annotator"),
}
"""Our columns, and their names in tables of ELAN and of Noldus The Observer XT."""
MOMENT_S: Final = 0.5
"""Validity of a label that is given only for a moment, in seconds."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of a recording that a coder labelled."""

    start_s: float
    end_s: float
    label: str
    coder: str


@dataclass(frozen=True, slots=True)
class Coded:
    """A photo or frame with a human and a machine label.

    Attributes:
        recording: Its recording.
        human: The word of most coders; None if several words are equally frequent.
        machine: The model's corrected word.
        coders: The word of each coder.
    """

    recording: str
    human: str | None
    machine: str
    coders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Codes:
    """What coders wrote, matched with the recordings of a study.

    Attributes:
        stretches: What was coded of each source, by its name in the study.
        unknown: Names in the codes that are no recording of the study.
    """

    stretches: Mapping[str, Sequence[_Stretch]]
    unknown: tuple[str, ...]

    def list_unknown_words(self, emotions: Sequence[str]) -> tuple[str, ...]:
        """List the coders' words that are none of a model's."""
        known = {name.casefold() for name in emotions}
        used = {one.label for own in self.stretches.values() for one in own}
        return tuple(sorted(word for word in used if word.casefold() not in known))


def read_codes(path: Path, sources: Iterable[str]) -> Codes:
    """Read the coders' words, and match them with a study's recordings.

    Args:
        path: An .eaf file of ELAN, or a folder of such files; or a table separated by commas,
            semicolons or tabs, with the columns `source` and `label`, `coder` if there are several,
            and for videos `time_s` (a moment), or `start_s` with `end_s` or `duration_s`. A source
            is named as in the study; its extension, and folders that no other recording needs to be
            told apart, can be left out. In ELAN files, the coder is the annotator of a tier, or
            else the file.
        sources: The recordings' names in the study.

    Raises:
        ConfigError: The codes cannot be read, lack a column, fit several recordings, or fit none.
    """
    is_elan = path.is_dir() or path.suffix == ".eaf"
    coded = _read_elan(path) if is_elan else _read_table(path)
    known = {source: _split_name(source) for source in sources}
    stretches: dict[str, list[_Stretch]] = {}
    unknown = []
    for name, own in coded.items():
        fits = [name] if name in known else _find_alike(_split_name(name), known)
        if is_elan and not fits:  # the coder's copy lies in other folders
            fits = _find_alike(_split_name(name)[:1], known)
        if len(fits) > 1:
            raise ConfigError(
                f"the codes {path} name {name!r}, which may be {fits[0]} or {fits[1]}; name the "
                "source with its folder"
            )
        if fits:
            stretches.setdefault(fits[0], []).extend(own)
        else:
            unknown.append(name)
    if not stretches:
        seen = f", such as {unknown[0]!r}" if unknown else ""
        raise ConfigError(
            f"the codes {path} name none of the study's recordings{seen}; name sources as in the "
            f"study, such as {next(iter(known))!r}"
        )
    return Codes(stretches, tuple(unknown))


def _split_name(name: str) -> tuple[str, ...]:
    """Split a source's name into its folders and its name without extension, from the end."""
    place = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/"))
    ending = place.suffix.lower()
    stem = place.stem if ending in PICTURE_ENDINGS | VIDEO_ENDINGS else place.name
    return tuple(reversed([*place.parts[:-1], stem]))


def _find_alike(parts: Sequence[str], known: Mapping[str, Sequence[str]]) -> list[str]:
    """Find the sources whose split names agree with another as far as both go."""
    return [
        source
        for source, others in known.items()
        if all(a == b for a, b in zip(parts, others, strict=False))
    ]


def pair_codes(codes: Codes, rows: Sequence[Row]) -> tuple[Coded, ...]:
    """Pair the coders' words with the model's.

    Args:
        codes: What the coders wrote.
        rows: The study's rows, corrected.

    Returns:
        The words of both, for each row that was coded, and read, and counts.
    """
    paired = []
    for row in rows:
        source, time_s = row.recording.source, row.time_s or 0.0
        names = {name.casefold(): name for name in row.corrected or ()}
        coders: dict[str, str] = {}
        for one in codes.stretches.get(source, ()):
            if one.start_s <= time_s < one.end_s:
                coders.setdefault(one.coder, names.get(one.label.casefold(), one.label))
        if coders and row.shown is not None:
            human = _find_most_frequent(coders.values())
            paired.append(Coded(source, human, row.shown, coders))
    return tuple(paired)


def _find_most_frequent(words: Iterable[str]) -> str | None:
    """Find the word of most coders; None where several have as many."""
    first, *others = Counter(words).most_common(2)
    return None if others and others[0][1] == first[1] else first[0]


def _read_elan(path: Path) -> dict[str, list[_Stretch]]:
    """Read the intervals of ELAN files, all tiers of a coder together."""
    files = sorted(path.glob("*.eaf")) if path.is_dir() else [path]
    if not files:
        raise ConfigError(f"the folder {path} contains no .eaf files, expected those of ELAN")

    stretches: dict[str, list[_Stretch]] = {}
    for file in files:
        try:
            root = ET.parse(file).getroot()  # noqa: S314 - expat limits entities
            slots = {
                slot.attrib["TIME_SLOT_ID"]: float(slot.attrib["TIME_VALUE"]) / 1000
                for slot in root.iter("TIME_SLOT")
                if "TIME_VALUE" in slot.attrib  # a slot between two others may lack a time
            }
            found = [
                _Stretch(
                    slots[one.attrib["TIME_SLOT_REF1"]],
                    slots[one.attrib["TIME_SLOT_REF2"]],
                    (one.findtext("ANNOTATION_VALUE") or "").strip(),
                    tier.attrib.get("ANNOTATOR") or file.stem,
                )
                for tier in root.iter("TIER")
                for one in tier.iter("ALIGNABLE_ANNOTATION")
            ]
        except (OSError, ET.ParseError, KeyError, ValueError) as error:
            raise ConfigError(
                f"{file} cannot be read as an ELAN file: {describe_error(error)}"
            ) from error
        media = root.find(".//MEDIA_DESCRIPTOR")
        url = "" if media is None else media.attrib.get("MEDIA_URL", "")
        stretches.setdefault(unquote(urlsplit(url).path) or file.stem, []).extend(found)
    return stretches


def _read_table(path: Path) -> dict[str, list[_Stretch]]:
    """Read the labelled intervals of each source."""
    ours = {other: name for name, others in SYNONYMS.items() for other in others}
    table = read_separated(path, "the codes", ours)
    if not {"source", "label"} <= set(table.names):
        has = ", ".join(table.names) or "none"
        raise ConfigError(f"the codes {path} must have the columns source and label, got {has}")

    stretches: dict[str, list[_Stretch]] = {}
    for number, code in table.rows:
        try:
            stretch = _read_stretch(code)
        except ValueError:
            raise ConfigError(f"line {number} of {path}: times must be in seconds") from None
        stretches.setdefault(code["source"], []).append(stretch)
    return stretches


def _read_stretch(code: Mapping[str, str]) -> _Stretch:
    """Read a row of codes; without times, it is about the whole recording."""
    names = ("time_s", "start_s", "end_s", "duration_s")
    moment, start, end, lasts = (parse_seconds(code.get(name, "")) for name in names)
    start_s = next((one for one in (start, moment) if one is not None), -math.inf)
    if lasts is None:
        lasts = math.inf if moment is None else MOMENT_S
    end_s = max(start_s, 0.0) + lasts if end is None else end
    return _Stretch(start_s, end_s, code["label"], code.get("coder", ""))
