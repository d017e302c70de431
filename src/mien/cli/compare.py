"""`mien compare`: compare two models on the same faces."""

import json as json_format
from pathlib import Path

from rich.console import Console

from mien.cli.evaluate import SplitName, progress, read_split
from mien.errors import ConfigError

PREDICTIONS = "predictions.csv"


def compare(
    a: str,
    b: str,
    /,
    *,
    data: Path | None = None,
    split: SplitName | None = None,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Compare two models on the same faces, and test whether one is better.

    Uses McNemar's exact test on the faces that only one of them classifies correctly, and a
    paired bootstrap of the differences in accuracy and macro-F1.

    ```console
    $ mien compare runs/lstm runs/cnn --data fer2013.zip
    $ mien compare reports/accurate/predictions.csv reports/fast/predictions.csv
    ```

    This compares two trained models. To compare two recipes, train several seeds of each.

    Args:
        a: A model, as for `mien evaluate`, or its predictions.csv.
        b: The other model.
        data: The labelled faces; not needed if both are predictions.csv.
        split: In FER2013, validation is PublicTest and test is PrivateTest; validation by default,
            and not needed if both are predictions.csv.
        output: A folder to write compare.json to; by default nothing is written.
        json: Print compare.json instead of the report.
    """
    from mien.cli.reports import print_comparison
    from mien.data.predictions import read_predictions
    from mien.evaluation.compare import compare as judge
    from mien.evaluation.evaluate import predict
    from mien.evaluation.predictor import load_predictor
    from mien.files import write_whole

    found = {model: _find_table(model) for model in (a, b)}
    models = {model: load_predictor(model) for model, table in found.items() if table is None}
    tables = {model: read_predictions(table) for model, table in found.items() if table}
    names = {model: predictor.name for model, predictor in models.items()}
    names |= {model: _name_table(table) for model, table in found.items() if table}
    if models:
        if data is None:
            raise ConfigError(f"--data is required to run {next(iter(models))} on its faces")
        dataset, faces = read_split(data, split or "validation")
        with progress() as bar:
            total = len(models) * len(faces.labels)
            task = bar.add_task(f"reading {len(faces.labels):,} faces", total=total)
            for model, predictor in models.items():
                tables[model] = predict(
                    predictor,
                    faces,
                    class_names=dataset.class_names,
                    advance=lambda done: bar.advance(task, done),
                )
    elif data is not None or split is not None:
        raise ConfigError(
            f"{a} and {b} are tables of predictions, which already contain their split: omit "
            "--data and --split, or pass models"
        )
    called = (a, b) if names[a] == names[b] else (names[a], names[b])
    comparison = judge(tables[a], tables[b], names=called)
    text = json_format.dumps(comparison.to_dict(), indent=2, allow_nan=False)
    if output is not None:
        write_whole(output / "compare.json", text + "\n")
    if json:
        print(json_format.dumps(comparison.to_dict(), allow_nan=False))
    else:
        print_comparison(comparison, Console(highlight=False))


def _find_table(model: str) -> Path | None:
    """Return the predictions.csv that an argument names, directly or by its folder, or None."""
    path = Path(model)
    if path.name.endswith((".csv", ".csv.gz")):
        return path
    table = path / PREDICTIONS
    return table if table.is_file() else None


def _name_table(table: Path) -> str:
    """Return a model's name from its table: the folder that mien wrote it to, or the file's name.

    mien's own tables are in one folder, as NAME-predictions.csv.gz.
    """
    if table.name == PREDICTIONS:
        return table.absolute().parent.name
    return table.name.removesuffix(".gz").removesuffix(".csv").removesuffix("-predictions")
