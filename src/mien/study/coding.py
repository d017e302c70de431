"""Read human coders' labels of a study's recordings, and pair them with the model's."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final
from xml.etree import ElementTree as ET

from mien.errors import ConfigError, describe_error
from mien.study.plan import open_table
from mien.study.reading import Row

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


def pair_codes(path: Path, rows: Sequence[Row]) -> tuple[Coded, ...]:
    """Pair the coders' words with the model's.

    Args:
        path: An .eaf file of ELAN, or a folder of such files; or a table separated by commas,
            semicolons or tabs, with the columns `source` and `label`, `coder` if there are several,
            and for videos `time_s` (a moment), or `start_s` with `end_s` or `duration_s`. A source
            is named as in the study, or without folder and extension. In ELAN files, the coder is
            the annotator of a tier, or else the file.
        rows: The study's rows, corrected.

    Returns:
        The words of both, for each row that was coded, and read, and counts.

    Raises:
        ConfigError: The table cannot be read, or lacks a column.
    """
    stretches = _read_elan(path) if path.is_dir() or path.suffix == ".eaf" else _read_codes(path)
    paired = []
    for row in rows:
        source, time_s = row.recording.source, row.time_s or 0.0
        coded = stretches.get(source) or stretches.get(Path(source).stem) or ()
        coders: dict[str, str] = {}
        for one in coded:
            if one.start_s <= time_s < one.end_s:
                coders.setdefault(one.coder, one.label)
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
        stretches.setdefault(PurePosixPath(url).stem or file.stem, []).extend(found)
    return stretches


def _read_codes(path: Path) -> dict[str, list[_Stretch]]:
    """Read the labelled intervals of each source."""
    reader = open_table(path, "codes")
    ours = {other: name for name, others in SYNONYMS.items() for other in others}
    names = [ours.get(name.strip(), name.strip()) for name in reader.fieldnames or ()]
    reader.fieldnames = names
    if not {"source", "label"} <= set(names):
        has = ", ".join(names) or "none"
        raise ConfigError(f"the codes {path} must have the columns source and label, got {has}")

    stretches: dict[str, list[_Stretch]] = {}
    for number, code in enumerate(reader, start=2):
        try:
            stretch = _read_stretch(code)
        except ValueError:
            raise ConfigError(f"line {number} of {path}: times must be in seconds") from None
        stretches.setdefault(code["source"], []).append(stretch)
    return stretches


def _read_stretch(code: Mapping[str, str]) -> _Stretch:
    """Read a row of codes; without times, it is about the whole recording."""
    moment, start, end = code.get("time_s"), code.get("start_s"), code.get("end_s")
    start_s = float(start or moment or "-inf")
    lasts_s = float(code.get("duration_s") or (MOMENT_S if moment else "inf"))
    end_s = float(end) if end else max(start_s, 0.0) + lasts_s
    return _Stretch(start_s, end_s, code["label"], code.get("coder") or "")
