"""Write the reference tables and examples, from the source and the sample photo."""

import ast
import contextlib
import dataclasses
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console

import mien
import structure
from blocks import ROOT, block
from mien.cli.face_table import FaceTable
from mien.serving.limits import Limits
from mien.training.config import AugmentConfig, ModelConfig, TrainConfig
from mien.video.reading import VideoSettings

PHOTO: Final = Path("examples/astronaut.jpg")
PICTURE: Final = ROOT / "docs" / "images" / "astronaut.jpg"
EXPLAINED: Final = ROOT / "docs" / "images" / "astronaut-explained.png"
PYTHON: Final = (
    "import mien",
    'face = mien.analyze_photo("examples/astronaut.jpg").faces[0]',
    "face.emotion",
    "face",
)
"""The README's lines of Python."""


def write_demo() -> str:
    """Write what `mien analyze` prints for the sample photo."""
    page = io.StringIO()
    console = Console(file=page, width=80, force_terminal=False, color_system=None)
    FaceTable(console).print(replace(mien.analyze(ROOT / PHOTO), source=PHOTO.as_posix()))
    lines = "\n".join(line.rstrip() for line in page.getvalue().splitlines())
    return f"\n```console\n$ mien analyze {PHOTO}\n{lines}\n```\n"


def write_picture_link() -> str:
    """Show the annotated sample photo, once there is one."""
    what = "NASA's portrait of Eileen Collins, with the face mien found and what it read"
    return f'\n<img src="{PICTURE.relative_to(ROOT).as_posix()}" width="480" alt="{what}">\n'


def write_explained() -> str:
    """Show the explained sample photo, once there is one."""
    what = "The sample face: effect of covering, contribution of each place, steps of the LSTM"
    return f"\n![{what}]({EXPLAINED.relative_to(ROOT / 'docs').as_posix()})\n"


def write_python() -> str:
    """Run the README's lines of Python, and write what each returns."""
    names: dict[str, Any] = {}
    shown = []
    with contextlib.chdir(ROOT):
        for line in PYTHON:
            shown.append(f">>> {line}")
            if re.match(r"import |\w+ = ", line):
                exec(line, names)  # noqa: S102 - the lines above, and nothing else
            else:
                shown.append(repr(eval(line, names)))  # noqa: S307
    return block(["```python", *shown, "```"])


def write_limits() -> str:
    """Write every limit of the service with its default and what happens above it."""
    told = _read_attributes(Limits)
    lines = ["| option | default | what it limits |", "|---|--:|---|"]
    for item in dataclasses.fields(Limits):
        value = f"{item.default:,}" if isinstance(item.default, int) else f"{item.default}"
        if item.name.endswith("bytes"):
            value = f"{item.default // 2**20} MiB"
        lines.append(f"| `--{item.name.replace('_', '-')}` | {value} | {told[item.name]} |")
    return block(lines)


def write_settings() -> str:
    """Write every setting of a recipe with its default and what it does."""
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for prefix, config in (
        ("", TrainConfig()),
        ("model.", ModelConfig()),
        ("augment.", AugmentConfig()),
    ):
        told = _read_attributes(type(config))
        for item in dataclasses.fields(config):
            if item.name in ("model", "augment"):
                continue
            value = json.dumps(getattr(config, item.name), default=dataclasses.asdict)
            lines.append(f"| `{prefix}{item.name}` | `{value}` | {told[item.name]} |")
    return block(lines)


def write_video_settings() -> str:
    """Write every setting of a video's reading with its default and what it does."""
    told = _read_attributes(VideoSettings)
    rows = [
        f"| `{item.name}` | `{item.default}` | {told[item.name]} |"
        for item in dataclasses.fields(VideoSettings)
    ]
    return block(["| setting | default | what it is |", "|---|---|---|", *rows])


def write_rooms() -> str:
    """Write what every module is for, from the first sentence of its docstring."""
    lines = []
    for path in sorted((ROOT / "src" / "mien").rglob("*.py")):
        if path.name.startswith("__"):
            continue
        module = ".".join(path.relative_to(ROOT / "src" / "mien").with_suffix("").parts)
        summary = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n\n")[0]
        if not summary:
            raise SystemExit(f"{path} has no docstring; say in one sentence what it is for")
        lines.append(f"| `{module}` | {' '.join(summary.split()).rstrip('.')} |")
    return block(["| module | what it is for |", "|---|---|", *lines])


def write_imports() -> str:
    """Draw which package imports which."""
    sources = structure.select_package(dict(structure.read_working_tree()))
    return block(["```mermaid", structure.draw(sources), "```"])


def write_imports_before() -> str:
    """Draw which module imported which before there were packages."""
    return block(["```mermaid", *_read_structure()["before"]["drawing"], "```"])


def write_structure() -> str:
    """Write the tree's figures before and after it was divided into packages."""
    records = _read_structure()
    columns = [records["before"], records["after"]]
    dates = (f"{one['date']} (`{one['commit']}`)" for one in columns)
    lines = [f"| | {' | '.join(dates)} |", "|---|---|---|"]
    for name, say in _STRUCTURE.items():
        lines.append(f"| {name} | {' | '.join(say(one) for one in columns)} |")
    return block(lines)


def _read_structure() -> dict[str, Any]:
    records: dict[str, Any] = json.loads(structure.RECORDS.read_text(encoding="utf-8"))
    return records


def _say_folder(one: dict[str, Any]) -> str:
    ((folder, files),) = one["figures"]["fullest_folder"].items()
    return f"{files} files, `{folder if folder != '.' else 'src/mien'}`"


def _say_pauses(one: dict[str, Any]) -> str:
    without, bodies = (
        one["figures"][key] for key in ("longer_bodies_without_pause", "longer_bodies")
    )
    return f"{without} of {bodies} ({without / bodies:.0%})"


def _say_suite(one: dict[str, Any]) -> str:
    suite = one["suite"]
    if suite is None:
        return "not measured"
    passed, seconds = suite["passed"], suite["seconds"]
    return f"{passed:,} in {seconds:,.0f} s, {seconds / passed:.2f} s each"


_STRUCTURE: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "Modules": lambda one: f"{one['figures']['files']}",
    "Lines": lambda one: f"{one['figures']['lines']:,}",
    "Fullest folder": _say_folder,
    "Median module, lines": lambda one: f"{one['figures']['median_file_lines']:.0f}",
    "Longest module, lines": lambda one: "{lines}, `{path}`".format(
        **one["figures"]["longest_file"]
    ),
    "Functions over 40 lines": lambda one: f"{one['figures']['functions_over_40_lines']}",
    "Bodies of 15 lines or more without a pause": _say_pauses,
    "Phrases of `docs/phrases.toml`": lambda one: f"{one['figures']['phrases']:,}",
    "Imports between packages": lambda one: f"{one['figures']['imports_between_packages']}",
    "Tests passed": _say_suite,
}


def _read_attributes(record: type) -> dict[str, str]:
    """Read the description of each field from a dataclass's docstring."""
    found = re.findall(r"^ +(\w+): ((?:.+\n?(?! +\w+: ))+)", record.__doc__ or "", re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}
