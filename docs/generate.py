"""This module turns help texts, measured figures and real output into documentation.

    make docs

`docs/cli.md` is written whole. In other pages only what stands between these two comments is:

    <!-- generated: NAME -->  <!-- end -->

NAME is a key of `BLOCKS`. A block whose source is not there yet (a model, an evaluation) keeps the
words it has. `tests/test_docs.py` fails where a page is stale.
"""

import ast
import contextlib
import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console

import mien
from mien.batch.copies import write_picture
from mien.cli import COMMANDS, app
from mien.cli.face_table import FaceTable
from mien.recognizer import ASSETS
from mien.training.config import AugmentConfig, ModelConfig, TrainConfig
from mien.video_analyzer import VideoSettings

ROOT: Final = Path(__file__).resolve().parent.parent
EVALUATION: Final = ROOT / "benchmarks" / "accuracy" / "accurate.json"
"""`evaluation.json` of the shipped model on FER2013's test split."""
HISTORY: Final = EVALUATION.with_name("accurate-history.csv")
SPEED: Final = ROOT / "benchmarks" / "recognizer_speed.json"
MANY_FILES: Final = ROOT / "benchmarks" / "many_files.json"
CROPS: Final = ROOT / "benchmarks" / "detector_crops.json"
PHOTO: Final = Path("examples/astronaut.jpg")
PICTURE: Final = ROOT / "docs" / "images" / "astronaut.jpg"
PAGES: Final = ("README.md", "MODEL_CARD.md", "docs/*.md", "examples/*.md")

PYTHON: Final = (
    "import mien",
    'face = mien.analyze("examples/astronaut.jpg").faces[0]',
    "face.emotion",
    'round(face.probabilities["happy"], 2)',
)
"""The README's lines of Python."""

_BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->)(.*?)(<!-- end -->)", re.DOTALL)
_VIEWS: Final = {
    "single": "single view",
    "flip": "mean with the mirror image",
    "single_without_train_copies": "single view, without copies of train images",
    "flip_without_train_copies": "mean with the mirror image, without copies of train images",
}


def main() -> None:
    """Write everything that is generated; the picture first, which a page may show."""
    if has_model():
        image = mien.read_image(ROOT / PHOTO)
        write_picture(image, mien.analyze(image), PICTURE)
        print(f"drew {PICTURE.relative_to(ROOT)}")
    for path, text in render().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


def render() -> dict[Path, str]:
    """Give every page that has something generated, as it should be."""
    pages = {ROOT / "docs" / "cli.md": write_cli_page()}
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            text = path.read_text(encoding="utf-8")
            if path not in pages and _BLOCK.search(text):
                pages[path] = _BLOCK.sub(_fill, text)
    return pages


def has_model() -> bool:
    """Say whether the model that ships is there yet."""
    return (ASSETS / "accurate.onnx").is_file()


def read_evaluation() -> dict[str, Any] | None:
    """Read the shipped model's evaluation, if it is there yet."""
    if not EVALUATION.is_file():
        return None
    evaluation: dict[str, Any] = json.loads(EVALUATION.read_text(encoding="utf-8"))
    return evaluation


def _fill(match: re.Match[str]) -> str:
    begin, name, old, end = match.groups()
    if name not in BLOCKS:
        raise SystemExit(f"no block is called {name!r}: known are {', '.join(BLOCKS)}")
    new = BLOCKS[name]()
    return f"{begin}{old if new is None else new}{end}"


# --- pages ---------------------------------------------------------------------------------------


def list_commands() -> Iterator[tuple[str, ...]]:
    """Give the words of every command, sub-commands after the command they belong to."""
    for command in COMMANDS:
        yield (command,)
        for name in app[command]:
            if not name.startswith("-"):
                yield (command, name)


def print_help(*command: str) -> str:
    """Give a help page as a terminal of 80 columns shows it."""
    page = io.StringIO()
    console = Console(file=page, width=80, force_terminal=False, color_system=None)
    app.help_print(list(command), console=console)
    lines = "\n".join(line.rstrip() for line in page.getvalue().splitlines()).strip()
    return re.sub(r"\n{3,}", "\n\n", lines)


def write_cli_page() -> str:
    """Write docs/cli.md: what every command says of itself."""
    for command in COMMANDS:
        app[command]  # imports it, so that the list of commands can quote it
    parts = ["# The command line\n\n<!-- Written by `make docs`: do not edit. -->\n"]
    parts.append(f"```text\n{print_help()}\n```\n")
    parts += [
        f"## mien {' '.join(words)}\n\n```text\n{print_help(*words)}\n```\n"
        for words in list_commands()
    ]
    return "\n".join(parts)


# --- blocks --------------------------------------------------------------------------------------


def write_headline() -> str | None:
    """Write the one figure of the README's first screen, with its split."""
    evaluation = read_evaluation()
    if evaluation is None:
        return None
    single = evaluation["views"]["single"]
    low, high = single["accuracy_interval"]
    told = (
        f"**{single['accuracy']:.1%}** of {single['faces']:,} faces are read as annotators "
        f"labelled them (FER2013's {evaluation['data']['title']}, single view; 95 % interval "
        f"{100 * low:.1f} to {100 * high:.1f} %)."
    )
    return _block([told])


def write_accuracy() -> str | None:
    """Write a table of the views of the split."""
    evaluation = read_evaluation()
    if evaluation is None:
        return None
    title = evaluation["data"]["title"]
    rows = [
        f"| {title} | faces | accuracy | 95 % interval | macro-F1 | ECE | NLL |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for key, what in _VIEWS.items():
        view = evaluation["views"].get(key)
        if view is not None:
            low, high = view["accuracy_interval"]
            rows.append(
                f"| {what} | {view['faces']:,} | {view['accuracy']:.2%} | "
                f"{100 * low:.1f} to {100 * high:.1f} % | {view['macro_f1']:.3f} | "
                f"{view['ece']:.3f} | {view['nll']:.3f} |"
            )
    return _block(rows)


def write_per_class() -> str | None:
    """Write a table of the classes, single view."""
    evaluation = read_evaluation()
    if evaluation is None:
        return None
    title = evaluation["data"]["title"]
    rows = [
        f"| {title}, single view | faces | precision | recall | F1 |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, row in evaluation["views"]["single"]["per_class"].items():
        rows.append(
            f"| {name} | {row['faces']:,} | {row['precision']:.3f} | {row['recall']:.3f} | "
            f"{row['f1']:.3f} |"
        )
    return _block(rows)


def write_confusion() -> str | None:
    """Write the confusion matrix, single view: a row for each label."""
    evaluation = read_evaluation()
    if evaluation is None:
        return None
    single = evaluation["views"]["single"]
    names = list(single["per_class"])
    corner = f"{evaluation['data']['title']}: labelled, read as"
    rows = [f"| {corner} | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}"]
    for i, (name, counts) in enumerate(zip(names, single["confusion"], strict=True)):
        cells = [f"**{count:,}**" if i == j else f"{count:,}" for j, count in enumerate(counts)]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return _block(rows)


def write_calibration() -> str | None:
    """Write what temperature scaling did."""
    evaluation = read_evaluation()
    if evaluation is None:
        return None
    found = evaluation["calibration"]
    told = (
        f"On {evaluation['data']['title']}, single view, the expected calibration error is "
        f"{found['ece_after']:.3f} (before temperature scaling {found['ece_before']:.3f}) and the "
        f"negative log-likelihood {found['nll_after']:.3f} (before {found['nll_before']:.3f}); "
        f"the temperature is {found['temperature']:.3f}."
    )
    return _block([told])


def write_provenance() -> str | None:
    """Write where the evaluation comes from."""
    evaluation = read_evaluation()
    if evaluation is None:
        return None
    versions = ", ".join(f"{name} {number}" for name, number in evaluation["versions"].items())
    return _block(
        [
            f"- command: `{evaluation['command']}`",
            f"- model: SHA-256 `{evaluation['model']['sha256']}`",
            f"- made: {evaluation['created'][:10]}, with {versions}",
        ]
    )


def write_cost() -> str | None:
    """Write what the model costs: size, time, training."""
    if not SPEED.is_file() or not HISTORY.is_file():
        return None
    speed = json.loads(SPEED.read_text(encoding="utf-8"))
    found, machine = speed["figures"], speed["machine"]
    with HISTORY.open(newline="", encoding="utf-8") as file:
        epochs = list(csv.DictReader(file))
    hours = sum(float(epoch["seconds"]) for epoch in epochs) / 3600
    where = (
        f"Times on {machine['cores']} cores of an {machine['processor']}: `{speed['command']}`; "
        "the training's are the sum of `benchmarks/accuracy/accurate-history.csv`, on the same "
        "machine, which did other work at the same time."
    )
    return _block(
        [
            "| cost | |",
            "|---|--:|",
            f"| parameters | {found['parameters']:,} |",
            f"| multiply-accumulates a face | {found['multiply_accumulates_per_face']:,} |",
            f"| file | {found['file_mb']:.1f} MB |",
            f"| one face, one thread | {found['one_face_one_thread_ms']:.1f} ms |",
            f"| faces a second in a batch | {found['recognizer_faces_per_s']:,.0f} |",
            f"| training, {len(epochs)} epochs | {hours:.1f} h |",
            "",
            where,
        ]
    )


def write_crops() -> str | None:
    """Write what a face loses on its way through detector and crop."""
    if not CROPS.is_file():
        return None
    found = json.loads(CROPS.read_text(encoding="utf-8"))["figures"]
    return _block(
        [
            (
                f"On {found['split']}, enlarged four times and read as photos, the detector finds "
                f"{found['found']:,} of {found['faces']:,} faces. Of these, "
                f"{found['accuracy_through_the_detector']:.1%} are read as labelled through "
                f"detector and crop, and {found['accuracy_of_the_same_frames']:.1%} from "
                "FER2013's own frames."
            )
        ]
    )


def write_demo() -> str | None:
    """Write what `mien analyze` prints of the sample photo."""
    if not has_model():
        return None
    page = io.StringIO()
    console = Console(file=page, width=80, force_terminal=False, color_system=None)
    FaceTable(console).print(replace(mien.analyze(ROOT / PHOTO), source=PHOTO.as_posix()))
    lines = "\n".join(line.rstrip() for line in page.getvalue().splitlines())
    return f"\n```console\n$ mien analyze {PHOTO}\n{lines}\n```\n"


def write_many_files() -> str | None:
    """Write what a run over many photos was measured to do."""
    if not MANY_FILES.is_file():
        return None
    measured = json.loads(MANY_FILES.read_text(encoding="utf-8"))
    found, machine = measured["figures"], measured["machine"]
    same = "the same" if found["same_table_after_kill"] else "another"
    pace = [found[f"photos_per_core_second_{part}_third"] for part in ("first", "last")]
    memory = [found[f"memory_{part}_third_mb"] for part in ("first", "last")]
    where = (
        f"On {machine['cores']} cores of an {machine['processor']}, which did other work at the "
        f"same time (`{measured['command']}`); the photos are cuts of the sample photo, one in "
        "fifty broken."
    )
    return _block(
        [
            f"| {found['photos']:,} photos in one run | |",
            "|---|--:|",
            f"| photos a second | {found['photos_per_s']:.0f} |",
            f"| share of the cores kept busy | {found['share_of_cores_kept_busy']:.0%} |",
            f"| share of the cores it had, beside that | {found['share_of_cores_had']:.0%} |",
            f"| photos a second of a core, first and last third | {pace[0]:.0f}, {pace[1]:.0f} |",
            f"| memory, first and last third | {memory[0]}, {memory[1]} MB |",
            f"| killed in the middle and started again | {same} table |",
            "",
            where,
        ]
    )


def write_picture_link() -> str | None:
    """Show the annotated sample photo, once there is one."""
    if not PICTURE.is_file():
        return None
    what = "NASA's portrait of Eileen Collins, with the face mien found and what it read"
    return f'\n<img src="{PICTURE.relative_to(ROOT).as_posix()}" width="480" alt="{what}">\n'


def write_python() -> str | None:
    """Run the README's lines of Python, and write what each gives."""
    if not has_model():
        return None
    names: dict[str, Any] = {}
    shown = []
    with contextlib.chdir(ROOT):
        for line in PYTHON:
            shown.append(f">>> {line}")
            if re.match(r"import |\w+ = ", line):
                exec(line, names)  # noqa: S102 - the lines above, and nothing else
            else:
                shown.append(repr(eval(line, names)))  # noqa: S307
    return _block(["```python", *shown, "```"])


def write_settings() -> str:
    """Write every setting of a recipe with its default and what it does."""
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for prefix, config in (
        ("", TrainConfig()),
        ("model.", ModelConfig()),
        ("augment.", AugmentConfig()),
    ):
        told = dict(
            re.findall(r"^ +(\w+): ((?:.+\n?(?! +\w+: ))+)", config.__doc__ or "", re.MULTILINE)
        )
        for item in dataclasses.fields(config):
            if item.name in ("model", "augment"):
                continue
            value = json.dumps(getattr(config, item.name), default=dataclasses.asdict)
            words = " ".join(told[item.name].split())
            lines.append(f"| `{prefix}{item.name}` | `{value}` | {words} |")
    return _block(lines)


def write_video_settings() -> str:
    """Write every setting of a video's reading with its default and what it does."""
    told = dict(
        re.findall(r"^ +(\w+): ((?:.+\n?(?! +\w+: ))+)", VideoSettings.__doc__ or "", re.MULTILINE)
    )
    rows = [
        f"| `{item.name}` | `{item.default}` | {' '.join(told[item.name].split())} |"
        for item in dataclasses.fields(VideoSettings)
    ]
    return _block(["| setting | default | what it is |", "|---|---|---|", *rows])


def write_video_speed() -> str | None:
    """Write what benchmarks/video_speed.py measured."""
    path = ROOT / "benchmarks" / "video_speed.json"
    if not path.is_file():
        return None
    result = json.loads(path.read_text("utf-8"))
    figures = result["figures"]
    speed, busy = figures["times_as_fast_as_real_time"], figures["processor_seconds_for_a_second"]
    follow, memory = figures["following_between_looks"], figures["memory"]
    names = {
        "default_interval": "five frames a second (the default)",
        "every_frame": "every frame",
        "every_frame_looking_everywhere": "every frame, `detect_every_s=0`",
    }
    where = (
        f"A video of {figures['size']} pixels with one face, {figures['frames_per_s']} frames a "
        f"second, on {result['machine']['cores']} cores ({result['machine']['processor']}), which "
        "did other work at the same time:"
    )
    between = (
        "Between looks at the whole picture, a face is looked for near where it is expected: that "
        f"takes {follow['detect_near_ms']:.1f} ms in place of {follow['detect_ms']:.1f} ms, and "
        "its box overlaps with what a full look gives by "
        f"{follow['mean_overlap_by_looking_near']:.2f} in the mean (intersection over union), "
        f"where motion alone would give {follow['mean_overlap_by_motion']:.2f}."
    )
    how_much = (
        f"Reading a video of {memory['video_s'] // 60} minutes, a frame every "
        f"{memory['every_s']:g} s, took at most {memory['highest_mb']:.0f} MB of memory: "
        f"{memory['after_5_minutes_mb']:.0f} MB after five minutes of it and "
        f"{memory['at_the_end_mb']:.0f} MB at its end."
    )
    rows = [f"| {words} | {speed[name]:.1f} | {busy[name]:.2f} |" for name, words in names.items()]
    head = ["| analysed | times as fast as real time | processor seconds for a second of video |"]
    command = f"Command: `{result['command']}`"
    table = [*head, "|---|--:|--:|", *rows]
    return _block([where, "", *table, "", between, "", how_much, "", command])


def write_rooms() -> str:
    """Write what every module says it turns into what."""
    lines = []
    for path in sorted((ROOT / "src" / "mien").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        summary = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n\n")[0]
        found = re.search(r"This module turns (.*)", " ".join(summary.split()))
        if found is None and not path.name.startswith("__"):
            raise SystemExit(f"{path} does not open with: This module turns ... into ...")
        if found is not None and not path.name.startswith("__"):
            lines.append(f"| `{module.removeprefix('mien.')}` | {found[1].rstrip('.')} |")
    return _block(["| module | turns |", "|---|---|", *lines])


def _block(lines: list[str]) -> str:
    return "\n" + "\n".join(lines) + "\n"


BLOCKS: Final[dict[str, Callable[[], str | None]]] = {
    "headline": write_headline,
    "accuracy": write_accuracy,
    "per-class": write_per_class,
    "confusion": write_confusion,
    "calibration": write_calibration,
    "provenance": write_provenance,
    "cost": write_cost,
    "crops": write_crops,
    "demo": write_demo,
    "many-files": write_many_files,
    "picture": write_picture_link,
    "python": write_python,
    "settings": write_settings,
    "rooms": write_rooms,
    "video-settings": write_video_settings,
    "video-speed": write_video_speed,
}

if __name__ == "__main__":
    main()
