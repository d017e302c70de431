"""Repeat a published training, and compare its accuracy with the published interval.

Command: python benchmarks/reproduce.py accurate --data fer2013.zip

`make reproduce` and `make reproduce-fast` run it. It trains by the recipe NAME, exports, evaluates
on the test split, and compares with benchmarks/accuracy/NAME.json. The teachers and the initial
weights of a recipe are trained first, recursively: runs/NAME/train/predictions.csv contains the
predictions of the recipe NAME for the train split, and runs/NAME/run/best.safetensors its weights.
Networks stored elsewhere are used directly, such as those of the study, which `make study-files`
brings. After an interruption, the same command continues. Exit codes: 0
inside, 1 outside, 2 failed.

The rule: the run is inside if its accuracy lies in the published figure's own 95 % interval
(Wilson, over the test faces). A run above it is outside as well, as this also indicates a
difference. To use another seed, pass a modified copy of the recipe (--recipe).
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from mien.cli import main as mien
from mien.errors import DataError, MienError
from mien.evaluation.predictor import file_sha256
from mien.model.recognizer import MODELS
from mien.training.recipes import FOLDER, find_recipe, read_config
from study_files import advise_missing

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / "benchmarks" / "recipes"
KAGGLE = "https://www.kaggle.com/datasets/msambare/fer2013"


@dataclass(frozen=True)
class Published:
    """The published result of a model.

    Attributes:
        accuracy: Accuracy on the test split, single view, against the labels that the model
            predicts: the word that most people chose, or the dataset's own label.
        interval: Expected range of a repeated training: Wilson's 95 % interval.
        data_sha256: SHA-256 of the data file.
        forms: Export options, such as `--int8`.
    """

    accuracy: float
    interval: tuple[float, float]
    data_sha256: str
    forms: tuple[str, ...]


def read_published(folder: Path, name: str) -> Published:
    """Read the published result of a model.

    Raises:
        DataError: The file does not exist, or is not an evaluation.
    """
    path = folder / f"{name}.json"
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        figures, sha256 = _find_figures(told), told["data"]["source_sha256"]
        training = told["model"]["training"]
        forms = tuple(f"--{form}" for form in ("int8", "half") if form in training)
        low, high = figures["accuracy_interval"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} does not say what was published of {name}: {error!r}") from error
    return Published(figures["accuracy"], (low, high), sha256, forms)


def _find_figures(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return the figures for what the model predicts: plurality of votes, or label."""
    if evaluation.get("labels") == "votes":
        votes: dict[str, Any] = evaluation["votes"]["plurality"]
        return votes
    single: dict[str, Any] = evaluation["views"]["single"]
    return single


def check_data(data: Path, published: Published) -> None:
    """Reject data other than the published, before hours of training.

    Raises:
        DataError: The data is missing or differs.
    """
    if not data.is_file():
        raise DataError(
            f"{data} is not there: download FER2013 from {KAGGLE} (archive.zip), and say where it "
            "is, as in: make reproduce DATA=~/Downloads/archive.zip"
        )
    found = file_sha256(data)
    if found != published.data_sha256:
        raise DataError(
            f"{data} has the SHA-256 {found}, and the published training had "
            f"{published.data_sha256}: from other data another figure is no surprise. Was it "
            "downloaded completely, and not packed again? (mien train takes any data)"
        )


def check_votes(recipe: Path) -> None:
    """Check that the votes required by a recipe exist, before hours of training.

    Raises:
        DataError: They are missing.
    """
    votes = read_config(recipe).votes
    if votes and not Path(votes).is_file():
        raise DataError(
            f"{recipe} learns from the votes {votes}, which are not there: write that table from "
            "FER+'s fer2013new.csv first (docs/data.md, Votes)"
        )


def reproduce(name: str, data: Path, recipe: Path, output: Path, *, forms: Sequence[str]) -> float:
    """Train, export and evaluate, skipping finished steps.

    Returns:
        Accuracy on the test split, single view.
    """
    train_before(recipe, data)
    report = make(name, data, recipe, output, "test", forms=forms)
    told = json.loads((report / "evaluation.json").read_text(encoding="utf-8"))
    return float(_find_figures(told)["accuracy"])


def train_before(recipe: Path, data: Path) -> None:
    """Train the teachers and initial weights of a recipe, by their own recipes."""
    config = read_config(recipe)
    for needed in (config.start, *config.teachers):
        source = Path(needed).parent.parent
        own = find_own(source.name, recipe)
        # A run has weights after its first epoch, but predictions only when it is finished.
        is_made = (source / "train" / "predictions.csv").is_file()
        is_kept = Path(needed).is_file() and own is None
        if needed and needed not in MODELS and not is_made and not is_kept:
            if own is None and (advice := advise_missing(needed)):
                raise DataError(f"{recipe} needs {needed}, which is not there; {advice}")
            if own is None:
                raise DataError(
                    f"{recipe} needs {needed}, which is not there, and neither {recipe.parent} nor "
                    f"{STUDY} has a recipe {source.name}.toml to train it by"
                )
            train_before(own, data)
            make(source.name, data, own, source, "train")


def find_own(name: str, recipe: Path) -> Path | None:
    """Find the recipe of a run, first in the folder of the recipe that requires it."""
    places = (folder / f"{name}.toml" for folder in (recipe.parent, STUDY, FOLDER))
    return next((place for place in places if place.is_file()), None)


def make(
    name: str, data: Path, recipe: Path, output: Path, split: str, *, forms: Sequence[str] = ()
) -> Path:
    """Train by a recipe, export and evaluate on a split; return the evaluation's folder."""
    path = read_config(recipe).votes
    votes = ["--votes", path] if path else []
    model, report = output / "model" / f"{name}.onnx", output / split
    best = output / "run" / "best.safetensors"
    for words in (
        ("train", "--recipe", recipe, "--data", data, "--output", best.parent, "--resume"),
        ("export", best, "--data", data, "--output", model.parent, "--name", name, *forms, *votes),
        ("evaluate", model, "--data", data, "--split", split, "--output", report, *votes),
    ):
        line = [str(word) for word in words]
        print(f"\n$ mien {' '.join(line)}", flush=True)
        code = mien(line)
        if code:
            raise SystemExit(code)
    return report


def judge(name: str, accuracy: float, published: Published) -> tuple[bool, str]:
    """Return whether a run is inside the interval, and a sentence about it."""
    low, high = published.interval
    inside = low <= accuracy <= high
    where = "inside" if inside else ("below" if accuracy < low else "above")
    return inside, (
        f"{name}: {accuracy:.2%} on the test split, single view, is {where} the published "
        f"{100 * low:.2f} to {100 * high:.2f} % (Wilson's 95 % interval of "
        f"{published.accuracy:.2%})."
    )


app = App(name="reproduce.py", help="Repeat a published training, and check the result.")


@app.default
def main(
    name: str,
    /,
    *,
    data: Path = Path("fer2013.zip"),
    recipe: Path | None = None,
    output: Path | None = None,
    published: Annotated[Path, Parameter(show_default=False)] = ROOT / "benchmarks" / "accuracy",
) -> int:
    """Repeat a published training.

    Args:
        name: `accurate` or `fast`.
        data: Kaggle's FER2013 zip.
        recipe: The recipe; by default the one that ships as NAME.
        output: The working folder; runs/reproduce-NAME by default. Reuse it to continue.
        published: The folder with NAME.json.
    """
    try:
        wanted = read_published(published, name)
        check_data(data.expanduser(), wanted)
        check_votes(recipe or find_recipe(name))
        accuracy = reproduce(
            name,
            data.expanduser(),
            recipe or find_recipe(name),
            output or Path("runs") / f"reproduce-{name}",
            forms=wanted.forms,
        )
    except MienError as error:
        print(f"reproduce: {error}", file=sys.stderr)
        return 2
    inside, sentence = judge(name, accuracy, wanted)
    print(f"\n{sentence}")
    return 0 if inside else 1


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    code = app(arguments, result_action="return_value")
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(run())
