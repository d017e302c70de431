"""This module turns help texts, measured figures and real output into documentation.

    make docs

`docs/cli.md` is written whole. In other pages only what stands between two comments is:

    <!-- generated: NAME -->  <!-- end -->      (in YAML: # generated: NAME  # end)

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
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console

import mien
from mien.batch.copies import write_picture
from mien.cli import COMMANDS, app
from mien.cli.explain import explain
from mien.cli.face_table import FaceTable
from mien.recognizer import ASSETS, MODELS
from mien.serving.limits import Limits
from mien.spec import ModelSpec
from mien.training.config import AugmentConfig, ModelConfig, TrainConfig, config_from_dict
from mien.training.corruptions import CORRUPTIONS, SEVERITIES
from mien.training.cost import count_cost
from mien.training.model import FaceNet
from mien.video_analyzer import VideoSettings

ROOT: Final = Path(__file__).resolve().parent.parent
ACCURACY: Final = ROOT / "benchmarks" / "accuracy"
"""A model's `evaluation.json` on the test split is NAME.json here, and NAME-corruptions.json."""
SPEED: Final = ROOT / "benchmarks" / "recognizer_speed.json"
SERVICE: Final = ROOT / "benchmarks" / "serving_load.json"
PEERS: Final = ROOT / "benchmarks" / "serving_peers.json"
MANY_FILES: Final = ROOT / "benchmarks" / "many_files.json"
CROPS: Final = ROOT / "benchmarks" / "detector_crops.json"
PAGE_SPEED: Final = ROOT / "benchmarks" / "page_speed.json"
PHOTO: Final = Path("examples/astronaut.jpg")
PICTURE: Final = ROOT / "docs" / "images" / "astronaut.jpg"
EXPLAINED: Final = ROOT / "docs" / "images" / "astronaut-explained.png"
VOTE: Final = ", vote of the seeds"
"""What benchmarks/study.py adds to a row's name."""
PAGES: Final = ("README.md", "MODEL_CARD.md", "docs/*.md", "examples/*.md")

PYTHON: Final = (
    "import mien",
    'face = mien.analyze("examples/astronaut.jpg").faces[0]',
    "face.emotion",
    'round(face.probabilities["happy"], 2)',
)
"""The README's lines of Python."""

_BLOCK = re.compile(
    r"((?:<!--|#) generated: ([\w-]+)(?: -->)?(?=\n))(.*?)((?:<!-- end -->|# end\n))", re.DOTALL
)
"""In a page's YAML, a comment begins with # instead."""
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
        explain(ROOT / PHOTO, output=EXPLAINED)
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


def has_model(name: str = "accurate") -> bool:
    """Say whether a model that ships is there yet."""
    return (ASSETS / f"{name}.onnx").is_file()


def read_evaluation(name: str = "accurate") -> dict[str, Any] | None:
    """Read a shipped model's evaluation, if it is there yet."""
    return _read_json(f"{name}.json")


def _read_json(name: str) -> dict[str, Any] | None:
    path = ACCURACY / name
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


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


def write_per_class(name: str = "accurate") -> str | None:
    """Write a table of the classes, single view."""
    evaluation = read_evaluation(name)
    if evaluation is None:
        return None
    title = evaluation["data"]["title"]
    rows = [
        f"| {title}, single view | faces | precision | recall | F1 |",
        "|---|--:|--:|--:|--:|",
    ]
    for label, row in evaluation["views"]["single"]["per_class"].items():
        rows.append(
            f"| {label} | {row['faces']:,} | {row['precision']:.3f} | {row['recall']:.3f} | "
            f"{row['f1']:.3f} |"
        )
    return _block(rows)


def write_confusion(name: str = "accurate") -> str | None:
    """Write the confusion matrix, single view: a row for each label."""
    evaluation = read_evaluation(name)
    if evaluation is None:
        return None
    single = evaluation["views"]["single"]
    names = list(single["per_class"])
    corner = f"{evaluation['data']['title']}: labelled, read as"
    rows = [f"| {corner} | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}"]
    for i, (label, counts) in enumerate(zip(names, single["confusion"], strict=True)):
        cells = [f"**{count:,}**" if i == j else f"{count:,}" for j, count in enumerate(counts)]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    return _block(rows)


def write_calibration(name: str = "accurate") -> str | None:
    """Write what temperature scaling did."""
    evaluation = read_evaluation(name)
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


def write_provenance(name: str = "accurate") -> str | None:
    """Write where the evaluation comes from."""
    evaluation = read_evaluation(name)
    if evaluation is None:
        return None
    versions = ", ".join(
        f"{package} {number}" for package, number in evaluation["versions"].items()
    )
    return _block(
        [
            f"- command: `{evaluation['command']}`",
            f"- model: SHA-256 `{evaluation['model']['sha256']}`",
            f"- made: {evaluation['created'][:10]}, with {versions}",
        ]
    )


def write_cost() -> str | None:
    """Write what the models cost: time to read, time to learn."""
    if not SPEED.is_file():
        return None
    speed = json.loads(SPEED.read_text(encoding="utf-8"))
    machine, told = speed["machine"], {name: speed["figures"][name] for name in MODELS}
    trainings = [_describe_training(name) for name in MODELS]
    measures = {
        "one face, one thread": [f"{f['one_face_one_thread_ms']:.1f} ms" for f in told.values()],
        "faces a second in a batch": [f"{f['recognizer_faces_per_s']:,.0f}" for f in told.values()],
        "as fast as torch, face by face": [f"{f['ratio']:.1f} times" for f in told.values()],
        "training": trainings,
    }
    where = (
        f"Times on {machine['cores']} cores of an {machine['processor']}: `{speed['command']}`; "
        "the trainings' are the sums of `benchmarks/accuracy/NAME-history.csv`, on the hardware "
        "that the recipes name; their teachers' trainings are not in it."
    )
    return _block(
        [
            f"| | {' | '.join(f'`{name}`' for name in told)} |",
            f"|---|{'--:|' * len(told)}",
            *(f"| {key} | {' | '.join(values)} |" for key, values in measures.items()),
            "",
            where,
        ]
    )


def _describe_training(name: str) -> str:
    """Say how long a model learnt, what it began with included."""
    contract = json.loads((ASSETS / f"{name}.json").read_text(encoding="utf-8"))
    start = contract["training"]["config"].get("start", "")
    epochs = []
    for run in (name, *([Path(start).parent.parent.name] if start else [])):
        with (ACCURACY / f"{run}-history.csv").open(newline="", encoding="utf-8") as file:
            epochs += csv.DictReader(file)
    hours = sum(float(epoch["seconds"]) for epoch in epochs) / 3600
    return f"{len(epochs)} epochs, {hours:.1f} h"


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


def write_page_speed() -> str | None:
    """Write what the page loads, and how often it reads a camera."""
    if not PAGE_SPEED.is_file():
        return None
    measured = json.loads(PAGE_SPEED.read_text(encoding="utf-8"))
    machine, chromium = measured["machine"], measured["figures"]["chromium"].split(".")[0]
    rows = [
        f"| {name} | {model['first_load']['brotli_mb']:.1f} MB | "
        f"{model['camera']['frames_per_s']:.0f} |"
        for name, model in measured["figures"]["models"].items()
    ]
    return _block(
        [
            "| model | first load, compressed | readings a second |",
            "|---|---|---|",
            *rows,
            "",
            (
                f"One face from a camera of 640x480, in Chromium {chromium} on {machine['cores']} "
                f"cores ({machine['processor']}), drawn without a graphics card; detection and "
                "recognition have one thread. `benchmarks/page_speed.py` measures it."
            ),
        ]
    )


def write_corruption_parameters() -> str:
    """Write what each severity of each corruption is."""
    head = " | ".join(map(str, SEVERITIES))
    rows = [f"| corruption | {head} | |", f"|---|{'--:|' * len(SEVERITIES)}---|"]
    for name, corruption in CORRUPTIONS.items():
        values = " | ".join(f"{value:g}" for value in corruption.parameters)
        rows.append(f"| {name} | {values} | {corruption.what} |")
    return _block(rows)


def write_abstention() -> str | None:
    """Write what some thresholds give, from the contract of the model that ships."""
    if not has_model():
        return None
    curve = ModelSpec.read(ASSETS / "accurate.json").abstention_curve
    if curve is None:
        return None
    rows = [f"| `accurate` on {curve.split} | threshold | answered | of these as labelled |"]
    rows.append("|---|--:|--:|--:|")
    for key, share in (
        ("coverage", 1),
        ("coverage", 0.9),
        ("coverage", 0.8),
        ("accuracy", 0.8),
        ("coverage", 0.5),
        ("accuracy", 0.9),
    ):
        point = curve.choose(**{key: share})
        rows.append(
            f"| `--{key} {share}` | {point.threshold:.3f} | {point.coverage:.0%} | "
            f"{point.accuracy:.1%} |"
        )
    return _block(rows)


def write_model_index() -> str:
    """Write the card's metrics as Hugging Face reads them, for the models that are there."""
    lines = ["model-index:"]
    for name in MODELS:
        evaluation = read_evaluation(name)
        if evaluation is None:
            continue
        single, flip = (evaluation["views"][view] for view in ("single", "flip"))
        metrics = (
            ("accuracy", "Accuracy, single view", single["accuracy"]),
            ("accuracy", "Accuracy, mean with the mirror image", flip["accuracy"]),
            ("f1", "Macro-F1, single view", single["macro_f1"]),
            ("ece", "Expected calibration error, single view", single["ece"]),
        )
        lines += [
            f"  - name: mien {name}",
            "    results:",
            "      - task:",
            "          type: image-classification",
            "          name: Apparent facial expression",
            "        dataset:",
            "          type: msambare/fer2013",
            f"          name: FER2013, {evaluation['data']['title']}",
            f"          split: {evaluation['data']['split']}",
            "        metrics:",
        ]
        for kind, what, value in metrics:
            lines += [f"          - type: {kind}", f"            name: {what}"]
            lines += [f"            value: {value:.4f}"]
    return _block(lines)


def write_models() -> str | None:
    """Write the models side by side: what each is worth, and what it costs."""
    columns = {name: _describe_model(name) for name in MODELS if has_model(name)}
    columns = {name: column for name, column in columns.items() if column}
    if not columns:
        return None
    rows = [f"| | {' | '.join(f'`{name}`' for name in columns)} |", f"|---|{'--:|' * len(columns)}"]
    rows += [
        f"| {key} | {' | '.join(column[key] for column in columns.values())} |"
        for key in next(iter(columns.values()))
    ]
    return _block(rows)


def _describe_model(name: str) -> dict[str, str]:
    """Give a model's column; empty if it was not evaluated yet."""
    evaluation, spec = read_evaluation(name), ModelSpec.read(ASSETS / f"{name}.json")
    if evaluation is None:
        return {}
    config = config_from_dict(dict(spec.training["config"])).model
    cost = count_cost(FaceNet(config, len(spec.class_names)))
    views, title = evaluation["views"], evaluation["data"]["title"]
    column = {
        f"{title}, {what}": f"{views[key]['accuracy']:.1%}" if key in views else ""
        for key, what in _VIEWS.items()
    }
    robustness = _read_json(f"{name}-corruptions.json")
    size = (ASSETS / f"{name}.onnx").stat().st_size / 1e6
    return column | {
        "macro-F1, single view": f"{views['single']['macro_f1']:.3f}",
        "ECE, single view": f"{views['single']['ece']:.3f}",
        "mean accuracy under 40 corruptions": (
            "" if robustness is None else f"{robustness['mean_accuracy']:.1%}"
        ),
        "parameters": f"{cost.parameters:,}",
        "multiply-accumulates a face": f"{cost.macs:,}",
        "convolutions reckon in": "int8" if "int8" in spec.training else "float32",
        "file": f"{size:.1f} MB",
    }


def write_corruptions() -> str | None:
    """Write accuracy under each corruption, the models side by side."""
    found = {name: _read_json(f"{name}-corruptions.json") for name in (*MODELS, "baseline")}
    told = {name: found for name, found in found.items() if found is not None}
    if not told:
        return None
    first = next(iter(told.values()))
    title = f"{first['data']['title']}, accuracy in per cent"
    rows = [
        f"| {title} | {' | '.join(f'`{name}`: 1 | 2 | 3 | 4 | 5 | mean' for name in told)} |",
        f"|---|{'--:|' * 6 * len(told)}",
    ]
    clean = (f"{100 * each['clean']['accuracy']:.1f}" for each in told.values())
    rows.append(f"| *as they are* | {' | '.join(f'| | | | | {value}' for value in clean)} |")
    for corruption in first["corruptions"]:
        cells = []
        for each in told.values():
            under = each["corruptions"][corruption]
            cells += [f"{100 * level['accuracy']:.1f}" for level in under["severities"]]
            cells += [f"**{100 * under['mean_accuracy']:.1f}**"]
        rows.append(f"| {corruption} | {' | '.join(cells)} |")
    means = (f"| | | | | **{100 * each['mean_accuracy']:.1f}**" for each in told.values())
    rows.append(f"| all | {' | '.join(means)} |")
    return _block(rows)


def write_corruptions_by_class(name: str = "accurate") -> str | None:
    """Write each class's mean recall under each corruption."""
    found = _read_json(f"{name}-corruptions.json")
    if found is None:
        return None
    classes = list(found["clean"]["recall"])
    title = f"`{name}`, {found['data']['title']}: recall in per cent"
    rows = [f"| {title} | {' | '.join(classes)} |", f"|---|{'--:|' * len(classes)}"]
    clean = (f"{100 * found['clean']['recall'][label]:.0f}" for label in classes)
    rows.append(f"| *as they are* | {' | '.join(clean)} |")
    for corruption, under in found["corruptions"].items():
        cells = (f"{100 * under['mean_recall'][label]:.0f}" for label in classes)
        rows.append(f"| {corruption} | {' | '.join(cells)} |")
    return _block(rows)


def write_study(group: str) -> str | None:
    """Write a group of the study: its rows side by side, each against the reference."""
    found = _read_json(f"study/{group}.json")
    if found is None:
        return None
    measures = (
        "seeds",
        "accuracy (SD)",
        "gain (95 %)",
        "McNemar's p",
        "with flip",
        "without train copies",
        "macro-F1",
        "ECE",
        "parameters",
        "million MACs",
        "core hours",
    )
    rows = [
        f"| {found['split']}, last epoch | {' | '.join(measures)} |",
        f"|---|{'--:|' * len(measures)}",
    ]
    references = (found["reference"], found["reference"] + VOTE)
    for name, row in found["summary"].items():
        seeds = len(found["seeds"]) if name.endswith(VOTE) else row["runs"]
        spread = "" if row["accuracy_sd"] is None else f" ({100 * row['accuracy_sd']:.2f})"
        gain = p = "*reference*" if name in references else ""
        if "gain" in row:
            gain = f"{100 * row['gain']:+.2f}"
            if row["gain_interval"] is not None:
                low, high = row["gain_interval"]
                gain += f" ({100 * low:+.2f} to {100 * high:+.2f})"
            p = ", ".join(f"{value:.2g}" for value in row["mcnemar_p"])
        rows.append(
            f"| {name} | {seeds} | {row['accuracy']:.2%}{spread} | {gain} | {p} | "
            f"{row['accuracy_with_flip']:.2%} | {row['accuracy_without_train_copies']:.2%} | "
            f"{row['macro_f1']:.3f} | {row['ece']:.3f} | {row['parameters']:,} | "
            f"{row['macs'] / 1e6:.1f} | {row['cpu_hours']:.2f} |"
        )
    machine = found["machine"]
    where = f"{machine['cores']} cores of an {machine['processor']}; `{found['command']}`"
    return _block([*rows, "", where])


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
        f"On {machine['cores']} cores of an {machine['processor']} (`{measured['command']}`); the "
        "photos are cuts of the sample photo, one in fifty broken."
    )
    return _block(
        [
            f"| {found['photos']:,} photos in one run | |",
            "|---|--:|",
            f"| photos a second | {found['photos_per_s']:.0f} |",
            f"| share of the cores kept busy | {found['share_of_cores_kept_busy']:.0%} |",
            f"| share of the cores it had | {found['share_of_cores_had']:.0%} |",
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


def write_explained() -> str | None:
    """Show the explained sample photo, once there is one."""
    if not EXPLAINED.is_file():
        return None
    what = "The sample's face, where covering it costs, what each place adds, and the LSTM's way"
    return f"\n![{what}]({EXPLAINED.relative_to(ROOT / 'docs').as_posix()})\n"


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


def write_limits() -> str:
    """Write every limit of the service with its default and what happens above it."""
    told = _read_attributes(Limits)
    lines = ["| option | default | what it limits |", "|---|--:|---|"]
    for item in dataclasses.fields(Limits):
        value = f"{item.default:,}" if isinstance(item.default, int) else f"{item.default}"
        if item.name.endswith("bytes"):
            value = f"{item.default // 2**20} MiB"
        lines.append(f"| `--{item.name.replace('_', '-')}` | {value} | {told[item.name]} |")
    return _block(lines)


def write_service() -> str | None:
    """Write what the service was measured to do."""
    if not SERVICE.is_file():
        return None
    result = json.loads(SERVICE.read_text(encoding="utf-8"))
    found, machine = result["figures"], result["machine"]
    where = (
        f"On {machine['cores']} cores ({machine['processor']}), which the service shares with its "
        f"clients. Pictures of 640 x 640, one face each. `{result['command']}`"
    )
    rows = {
        "clients at once": f"{found['clients']}",
        f"pictures answered in {found['seconds']:.0f} s": f"{found['answered']:,}",
        "answered 429": f"{found['refused']:,}",
        "other errors": f"{found['errors']:,}",
        "answers that differ from one at a time": f"{found['different']:,}",
        "pictures a second, over HTTP": f"{found['service_pictures_per_s']:.1f}",
        "pictures a second, same cores, without HTTP": f"{found['own_pictures_per_s']:.1f}",
        "ratio, median of the rounds (lowest, highest)": f"{found['ratio']:.2f} "
        f"({found['ratio_lowest']:.2f}, {found['ratio_highest']:.2f})",
        "processor time a picture, over HTTP": f"{found['service_cpu_ms_per_picture']:.1f} ms",
        "processor time a picture, without HTTP": f"{found['own_cpu_ms_per_picture']:.1f} ms",
        "an answer: median": f"{found['median_s']:.2f} s",
        "an answer: 99th percentile": f"{found['p99_s']:.2f} s",
        "a lone client's first request": f"{found['first_ms']:.0f} ms",
        "a lone client's hundredth request": f"{found['hundredth_ms']:.0f} ms",
        "memory after a quarter of the time": f"{found['memory_early_mb']:.0f} MB",
        "memory at the end": f"{found['memory_late_mb']:.0f} MB",
    }
    return _block(
        [
            "| | |",
            "|---|--:|",
            *(f"| {what} | {value} |" for what, value in rows.items()),
            "",
            where,
        ]
    )


def write_peers() -> str | None:
    """Write how the service compares with a wrapper of another library."""
    if not PEERS.is_file():
        return None
    result = json.loads(PEERS.read_text(encoding="utf-8"))
    found = result["figures"]
    lines = ["| | requests a second | right, of FER2013's test split |", "|---|--:|--:|"]
    for name, words in (("mien", "`mien serve`"), ("fer", f"`fer` {found['fer_version']}")):
        row = found[name]
        lines.append(f"| {words} | {row['requests_per_s']:.1f} | {row['accuracy_on_test']:.1%} |")
    return _block([*lines, "", f"{found['clients']} clients at once. `{result['command']}`"])


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
        f"second, on {result['machine']['cores']} cores ({result['machine']['processor']}):"
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


def _read_attributes(record: type) -> dict[str, str]:
    """Read what a dataclass's docstring says of each of its fields."""
    found = re.findall(r"^ +(\w+): ((?:.+\n?(?! +\w+: ))+)", record.__doc__ or "", re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def _block(lines: list[str]) -> str:
    return "\n" + "\n".join(lines) + "\n"


BLOCKS: Final[dict[str, Callable[[], str | None]]] = {
    "headline": write_headline,
    "accuracy": write_accuracy,
    "model-index": write_model_index,
    "models": write_models,
    "corruptions": write_corruptions,
    "corruptions-by-class": write_corruptions_by_class,
    "corruptions-by-class-fast": partial(write_corruptions_by_class, "fast"),
    "per-class-fast": partial(write_per_class, "fast"),
    "confusion-fast": partial(write_confusion, "fast"),
    "calibration-fast": partial(write_calibration, "fast"),
    "provenance-fast": partial(write_provenance, "fast"),
    "per-class": write_per_class,
    "confusion": write_confusion,
    "calibration": write_calibration,
    "provenance": write_provenance,
    "cost": write_cost,
    "crops": write_crops,
    "page": write_page_speed,
    "corruption-parameters": write_corruption_parameters,
    "abstention": write_abstention,
    "study-heads": partial(write_study, "heads"),
    "study-trained-out": partial(write_study, "trained-out"),
    "study-trained-out-test": partial(write_study, "trained-out-test"),
    "study-targets": partial(write_study, "targets"),
    "study-helps": partial(write_study, "helps"),
    "demo": write_demo,
    "many-files": write_many_files,
    "picture": write_picture_link,
    "explained": write_explained,
    "python": write_python,
    "settings": write_settings,
    "rooms": write_rooms,
    "limits": write_limits,
    "service": write_service,
    "peers": write_peers,
    "video-settings": write_video_settings,
    "video-speed": write_video_speed,
}

if __name__ == "__main__":
    main()
