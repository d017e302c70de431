"""`mien evaluate`: measure how often a model agrees with the labels."""

import json as json_format
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mien.data.datasets import Dataset, Split, digest_faces, join_splits, load_dataset
from mien.data.votes import Votes, label_by_plurality, read_votes
from mien.errors import ConfigError, DataError

if TYPE_CHECKING:
    from mien.evaluation.predictor import LoadedModel
    from mien.evaluation.result import Evaluation
    from mien.evaluation.robustness import Robustness
    from mien.evaluation.slices import Slices

SplitName = Literal["train", "validation", "test", "all"]


def evaluate(
    model: str,
    /,
    *others: str,
    data: Path,
    split: SplitName = "validation",
    votes: Path | None = None,
    corruptions: bool = False,
    slices: str | None = None,
    table: Path | None = None,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Measure how often a model agrees with the labels of a split.

    Reports accuracy with its 95 % interval, with and without horizontal flip, and without faces
    that have an exact duplicate in train; figures per class; the confusion matrix; calibration;
    and accuracy at different coverages.

    ```console
    $ mien evaluate runs/mine/best.safetensors --data fer2013.zip
    $ mien evaluate accurate --data fer2013.zip --split test --output reports/accurate
    $ mien evaluate accurate --data fer2013.zip --split test --votes votes.csv
    $ mien evaluate runs/mine --data fer2013.zip --corruptions
    $ mien evaluate runs/seed1 runs/seed2 runs/seed3 --data fer2013.zip
    $ mien evaluate accurate --data faces/ --split all --slices age_band --table faces.csv
    ```

    The folder receives evaluation.html (one page, with the most confident mistakes),
    evaluation.json, confusion.csv, predictions.csv and three plots. Choose between models on the
    validation split; use the test split once, when everything is chosen.

    Args:
        model: A checkpoint (.safetensors), a run's folder, an .onnx with its .json, that .json
            (two can share one .onnx), or the name of a model that ships with mien.
        others: More models, for an ensemble: the mean of their calibrated probabilities.
        data: A zip, a folder or a CSV file, as for `mien data audit`.
        split: In FER2013, validation is PublicTest and test is PrivateTest; `all` uses every face,
            for data that the model was not trained on.
        votes: A table of people's votes on these faces (see `mien data votes`): reports accuracy
            and macro-F1 against the word most people chose, and the distance to their shares;
            --corruptions and --slices then compare with that word, too.
        corruptions: Also evaluate faces that are blurred, noisy, compressed, dark, low in contrast,
            small, covered and rotated, at five severities each: takes 40 times as long. Adds
            corruptions.json, a plot and tables.
        slices: A column of a table, such as an age band, lighting or camera: reports figures for
            each value, and the largest gap.
        table: A CSV file with the columns path and the column of --slices; not needed if the data
            is a CSV file with that column.
        output: The folder to write to; evaluations/NAME-SPLIT by default.
        json: Print evaluation.json instead of the report.
    """
    # Imported before the data is read, so that a missing extra is reported at once.
    from mien.cli.reports import print_report
    from mien.evaluation.files import check_output, describe_run, to_json, write_evaluation
    from mien.evaluation.predictor import load_vote
    from mien.evaluation.slice_table import read_column

    # Check all arguments before the long work starts.
    predictor = load_vote([model, *others])
    folder = Path("evaluations") / f"{_slug(predictor.name)}-{split}" if output is None else output
    about = {"model_sha256": predictor.sha256, "split": split}
    check_output(folder, **about)
    _check_slices(slices, table, data)
    dataset, faces = read_split(data, split)
    check_output(folder, **about, split_sha256=digest_faces(faces))
    values = None if slices is None else read_column(table or data, slices, faces.paths)
    counted = None if votes is None else read_votes(votes, dataset.class_names)

    evaluation, robustness = _measure(predictor, dataset, faces, counted, corruptions=corruptions)
    sliced = None
    if slices is not None and values is not None:
        sliced = _slice(evaluation, values, slices, counted)

    options: dict[str, object] = {"data": data, "split": split, "votes": votes, "slices": slices}
    options |= {"table": table, "output": output, "corruptions": corruptions}
    words = ["mien", "evaluate", model, *others, *_spell(options)]
    provenance = describe_run(predictor, data, shlex.join(words))
    page = write_evaluation(
        evaluation,
        faces.images,
        folder,
        robustness=robustness,
        slices=sliced,
        provenance=provenance,
    )

    if json:
        print(json_format.dumps(to_json(evaluation, provenance)))
    else:
        print_report(evaluation, predictor.name, page, robustness=robustness, slices=sliced)


def _slice(
    evaluation: "Evaluation", values: Sequence[str | None], column: str, votes: Votes | None
) -> "Slices":
    """Report the figures for each value of a column, by people's votes where they are given."""
    from mien.evaluation.slices import slice_predictions
    from mien.evaluation.vote_figures import compare_with_plurality

    predictions, title = evaluation.predictions, evaluation.title
    if votes is not None:
        predictions, kept = compare_with_plurality(predictions, votes)
        values = tuple(values[i] for i in kept)
        title = f"{title}, plurality of the votes"
    return slice_predictions(predictions, values, column=column, title=title)


def _measure(
    predictor: "LoadedModel",
    dataset: Dataset,
    faces: Split,
    votes: Votes | None,
    *,
    corruptions: bool,
) -> tuple["Evaluation", "Robustness | None"]:
    """Read the faces of a split, uncorrupted and corrupted, behind a progress bar."""
    from mien.evaluation.evaluate import evaluate as measure
    from mien.evaluation.evaluate import find_train_copies
    from mien.evaluation.robustness import count_readings, measure_robustness

    # Without a temperature of its own, one is fitted to the validation split.
    is_calibrated = predictor.temperature or faces.name == "all"
    validation = None if is_calibrated else dataset.splits.get("validation")
    rounds = [faces, faces]  # original and mirrored
    if validation is not None and faces.name != "validation":
        rounds.append(validation)
    readings = sum(len(each.labels) for each in rounds)
    # Only corrupted faces are read with other labels; the evaluation itself is given the votes.
    judged = label_by_plurality(faces, votes) if corruptions and votes is not None else faces

    with progress() as bar:
        task = bar.add_task(
            f"reading {len(faces.labels):,} faces",
            total=readings + (count_readings(judged) if corruptions else 0),
        )
        evaluation = measure(
            predictor,
            faces,
            class_names=dataset.class_names,
            train_copies=find_train_copies(faces, dataset.splits.get("train")),
            validation=validation,
            votes=votes,
            advance=lambda done: bar.advance(task, done),
        )
        if not corruptions:
            return evaluation, None

        bar.update(task, description="reading corrupted faces")
        return evaluation, measure_robustness(
            replace(predictor, temperature=evaluation.calibration.temperature),
            judged,
            class_names=dataset.class_names,
            truth="label" if votes is None else "plurality",
            advance=lambda done: bar.advance(task, done),
        )


def _spell(options: Mapping[str, object]) -> Iterator[str]:
    """Yield options as the words of a command line."""
    for name, value in options.items():
        if value is True:
            yield f"--{name}"
        elif value not in (None, False):
            yield from (f"--{name}", str(value))


def _check_slices(slices: str | None, table: Path | None, data: Path) -> None:
    """Check that a table comes with a column, and a column with a table."""
    if table is not None and slices is None:
        raise ConfigError(f"--table {table} requires --slices COLUMN, the column to group by")
    if slices is not None and table is None and data.suffix.lower() != ".csv":
        raise ConfigError(
            f"--slices {slices} requires --table faces.csv, with the columns path and {slices}"
        )


def read_split(data: Path, split: SplitName) -> tuple[Dataset, Split]:
    """Read a dataset and one split of it.

    Raises:
        DataError: It cannot be read, or has no such split.
    """
    with Console(stderr=True).status("reading the images"):
        dataset = load_dataset(data)
    if split == "all":
        return dataset, join_splits(dataset)
    if split not in dataset.splits:
        raise DataError(
            f"{dataset.source} has no {split} split; choose --split {' or '.join(dataset.splits)}"
        )
    return dataset, dataset.splits[split]


def progress() -> Progress:
    """Create a progress bar on stderr that disappears when it is done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"
