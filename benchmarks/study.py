"""What does each choice in a recipe bring, on FER2013?

Command: python benchmarks/study.py GROUP --data fer2013.zip

Trains every row of a group of benchmarks/study.toml with every seed, seed by seed, judges its last
epoch on PublicTest, and writes benchmarks/accuracy/study/GROUP.json after each run; at the end come
the soft votes of each row's seeds, where the group has `votes = true`. Killed and started again, it
goes on where it was; runs that are done are not done again, be they another group's. Needs
mien[train].

PrivateTest is not looked at, unless one asks for it when everything is chosen: `--split test`
judges the same runs there, into GROUP-test.json.
"""

import argparse
import csv
import json
import re
import statistics
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from machine import describe_machine
from mien.files import write_whole
from mien.training.checkpoint import load_model, read_description
from mien.training.config import read_config
from mien.training.cost import count_cost
from mien.training.datasets import Dataset, load_dataset
from mien.training.evaluate import evaluate, find_train_copies
from mien.training.fit import fit
from mien.training.predictor import load_vote

ROOT = Path(__file__).resolve().parent.parent
GROUPS = Path(__file__).with_suffix(".toml")
KEYS = (
    "accuracy",
    "accuracy_with_flip",
    "accuracy_without_train_copies",
    "macro_f1",
    "nll",
    "ece",
    "parameters",
    "macs",
    "cpu_hours",
)
VOTE = ", vote of the seeds"
RESULTS = Path(__file__).parent / "accuracy" / "study"


def main() -> None:
    """Run what is not done yet of a group."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/study"))
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    arguments = parser.parse_args()
    group = tomllib.loads(GROUPS.read_text(encoding="utf-8"))[arguments.group]
    command = f"python benchmarks/study.py {arguments.group} --data fer2013.zip"
    path = RESULTS / f"{arguments.group}.json"
    if arguments.split == "test":
        command += " --split test"
        path = path.with_stem(f"{path.stem}-test")
    runs: list[dict[str, Any]] = (
        json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    )
    runs = [run for run in runs if is_as_wanted(run, group)]
    done = {(run["row"], run["seed"]) for run in runs}
    recipe = ROOT / group["recipe"]
    dataset = load_dataset(arguments.data)

    def add(row: str, seed: int | None, figures: dict[str, Any]) -> None:
        """Write down what one run, or the vote of a row's (seed None), was found to be worth."""
        runs.append({"row": row, "seed": seed} | figures)
        result = {
            "command": command,
            "split": {"validation": "PublicTest", "test": "PrivateTest"}[arguments.split],
            **group,
            "machine": describe_machine(),
            "summary": summarize(runs, group["reference"]),
            "runs": runs,
        }
        write_whole(path, json.dumps(result, indent=1) + "\n")
        print(row, seed or "", f"{figures['accuracy']:.4f}", flush=True)

    members: dict[str, list[Path]] = {row: [] for row in group["rows"]}
    for seed in group["seeds"]:
        for row in group["rows"]:
            changed = list_changes(group, row, seed)
            # Named by what it is, so that a run of two groups is trained once.
            output = arguments.runs / re.sub(r"\W+", "-", "-".join([recipe.stem, *changed]))
            members[row].append(output / "last.safetensors")
            if (row, seed) not in done:
                last = fit(read_config(recipe, changed), dataset, output, resume=True).last
                add(row, seed, {"changes": changed, **judge([last], dataset, arguments.split)})
    for row, checkpoints in members.items():
        if group.get("votes") and (row + VOTE, None) not in done:
            vote = judge(checkpoints, dataset, arguments.split)
            add(row + VOTE, None, {"members": group["seeds"], **vote})


def list_changes(group: dict[str, Any], row: str, seed: int) -> list[str]:
    """Give what a run changes in its group's recipe."""
    return [*group.get("common", []), *group["rows"][row], f"seed={seed}"]


def is_as_wanted(run: dict[str, Any], group: dict[str, Any]) -> bool:
    """Tell whether a run or a vote that was judged is still one that the group asks for."""
    row, seed = run["row"].removesuffix(VOTE), run["seed"]
    if row not in group["rows"] or seed not in {None, *group["seeds"]}:
        return False
    if seed is None:
        return run.get("members") == group["seeds"]
    return run["changes"] == list_changes(group, row, seed)


def judge(checkpoints: Sequence[Path], dataset: Dataset, name: str) -> dict[str, Any]:
    """Judge a run, or the soft vote of several, on a split; costs are the sum over the runs.

    Outside PublicTest, probabilities are calibrated by a temperature fitted there.
    """
    split = dataset.splits[name]
    found = evaluate(
        load_vote([str(checkpoint) for checkpoint in checkpoints]),
        split,
        class_names=dataset.class_names,
        train_copies=find_train_copies(split, dataset.splits["train"]),
        validation=dataset.splits["validation"],
    )
    single = found.views["single"].figures
    right = found.predictions.probabilities.argmax(axis=1) == found.predictions.labels
    costs = [count_cost(load_model(checkpoint)[0]) for checkpoint in checkpoints]
    description = read_description(checkpoints[0])
    return {
        "accuracy": single.accuracy,
        "accuracy_with_flip": found.views["flip"].figures.accuracy,
        "accuracy_without_train_copies": found.views[
            "single_without_train_copies"
        ].figures.accuracy,
        "macro_f1": single.macro_f1,
        "nll": single.nll,
        "ece": single.ece,
        "parameters": sum(cost.parameters for cost in costs),
        "macs": sum(cost.macs for cost in costs),
        "cpu_hours": sum(map(read_cpu_hours, checkpoints)),
        "precision": description["config"]["precision"],
        "commit": description["commit"],
        # A bit a face, in the order of their paths.
        "right": np.packbits(right).tobytes().hex(),
    }


def read_cpu_hours(checkpoint: Path) -> float:
    """Sum up what a run's history says of its epochs."""
    with (checkpoint.parent / "history.csv").open(encoding="utf-8", newline="") as file:
        return sum(float(line["cpu_seconds"]) for line in csv.DictReader(file)) / 3600


def summarize(runs: list[dict[str, Any]], reference: str) -> dict[str, Any]:
    """Put each row's runs into a mean, and compare it with the reference, seed by seed.

    Votes are compared with the reference's vote.
    """
    base = {run["seed"]: run for run in runs if run["row"] in {reference, reference + VOTE}}
    summary = {}
    for row in dict.fromkeys(run["row"] for run in runs):
        of_row = [run for run in runs if run["row"] == row]
        pairs = [(base[run["seed"]], run) for run in of_row if run["seed"] in base]
        gains = [run["accuracy"] - against["accuracy"] for against, run in pairs]
        summary[row] = {
            "runs": len(of_row),
            **{key: statistics.mean(run[key] for run in of_row) for key in KEYS},
            "accuracy_sd": deviation([run["accuracy"] for run in of_row]),
        }
        if row not in {reference, reference + VOTE} and pairs:
            summary[row] |= {
                "gain": statistics.mean(gains),
                "gain_interval": interval(gains),
                "mcnemar_p": [mcnemar(against["right"], run["right"]) for against, run in pairs],
            }
    return summary


def deviation(values: list[float]) -> float | None:
    """Give the standard deviation over seeds, which takes two."""
    return statistics.stdev(values) if len(values) > 1 else None


def interval(gains: list[float]) -> list[float] | None:
    """Give Student's 95 % interval of the mean gain over seeds, which takes two."""
    if len(gains) < 2:
        return None
    if max(gains) == min(gains):
        return [gains[0], gains[0]]
    low, high = stats.t.interval(0.95, len(gains) - 1, statistics.mean(gains), stats.sem(gains))
    return [float(low), float(high)]


def mcnemar(a: str, b: str) -> float:
    """Give the p of McNemar's exact test on two runs' right answers."""
    first, second = (np.unpackbits(np.frombuffer(bytes.fromhex(x), np.uint8)) for x in (a, b))
    only_first, only_second = int((first > second).sum()), int((second > first).sum())
    if not only_first + only_second:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second).pvalue)


if __name__ == "__main__":
    main()
