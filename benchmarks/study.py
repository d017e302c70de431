"""What does each choice in a recipe bring, on FER2013's PublicTest?

Command: python benchmarks/study.py GROUP --data fer2013.zip

Trains every row of a group of benchmarks/study.toml with every seed, seed by seed, and writes
benchmarks/accuracy/study/GROUP.json after each run. Killed and started again, it goes on where it
was; runs that are done are not done again, be they another group's. PrivateTest is not looked at.
Needs mien[train].
"""

import argparse
import json
import re
import statistics
import tomllib
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
from mien.training.evaluate import find_train_copies
from mien.training.fit import fit
from mien.training.metrics import compute_figures, softmax

ROOT = Path(__file__).resolve().parent.parent
GROUPS = Path(__file__).with_suffix(".toml")
KEYS = ("accuracy", "accuracy_without_train_copies", "macro_f1", "nll", "ece", "cpu_hours")
RESULTS = Path(__file__).parent / "accuracy" / "study"


def main() -> None:
    """Run what is not done yet of a group."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/study"))
    arguments = parser.parse_args()
    group = tomllib.loads(GROUPS.read_text(encoding="utf-8"))[arguments.group]
    path = RESULTS / f"{arguments.group}.json"
    runs: list[dict[str, Any]] = (
        json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    )
    recipe = ROOT / group["recipe"]
    dataset = load_dataset(arguments.data)
    for seed in group["seeds"]:
        for row, changes in group["rows"].items():
            if any((run["row"], run["seed"]) == (row, seed) for run in runs):
                continue
            changed = [*changes, f"seed={seed}"]
            # Named by what it is, so that a run of two groups is trained once.
            output = arguments.runs / re.sub(r"\W+", "-", "-".join([recipe.stem, *changed]))
            run = {"row": row, "seed": seed} | train(recipe, changed, dataset, output)
            runs.append(run)
            result = {
                "command": f"python benchmarks/study.py {arguments.group} --data fer2013.zip",
                "split": "PublicTest",
                **group,
                "machine": describe_machine(),
                "summary": summarize(runs, group["reference"]),
                "runs": runs,
            }
            write_whole(path, json.dumps(result, indent=1) + "\n")
            print(row, seed, f"{run['accuracy']:.4f}", flush=True)


def train(recipe: Path, changes: list[str], dataset: Dataset, output: Path) -> dict[str, Any]:
    """Train one run, or go on with it, and judge its last epoch on PublicTest."""
    result = fit(read_config(recipe, changes), dataset, output, resume=True)
    net, description = load_model(result.last)
    split = dataset.splits["validation"]
    probabilities = softmax(net.predict_logits(split.images))
    figures = compute_figures(split.labels, probabilities, dataset.class_names)
    new = ~np.asarray(find_train_copies(split, dataset.splits["train"]), dtype=bool)
    cost = count_cost(net)
    lines = (output / "history.csv").read_text(encoding="utf-8").splitlines()
    cpu_column = lines[0].split(",").index("cpu_seconds")
    right = probabilities.argmax(axis=1) == split.labels
    return {
        "changes": changes,
        "accuracy": figures.accuracy,
        "accuracy_without_train_copies": float(right[new].mean()),
        "macro_f1": figures.macro_f1,
        "nll": figures.nll,
        "ece": figures.ece,
        "parameters": cost.parameters,
        "macs": cost.macs,
        "cpu_hours": sum(float(line.split(",")[cpu_column]) for line in lines[1:]) / 3600,
        "precision": read_description(result.last)["config"]["precision"],
        "commit": description["commit"],
        # A bit a face of PublicTest, in the order of their paths.
        "right": np.packbits(right).tobytes().hex(),
    }


def summarize(runs: list[dict[str, Any]], reference: str) -> dict[str, Any]:
    """Put each row's runs into a mean, and compare it with the reference, seed by seed."""
    base = {run["seed"]: run for run in runs if run["row"] == reference}
    summary = {}
    for row in dict.fromkeys(run["row"] for run in runs):
        of_row = [run for run in runs if run["row"] == row]
        pairs = [(base[run["seed"]], run) for run in of_row if run["seed"] in base]
        gains = [run["accuracy"] - against["accuracy"] for against, run in pairs]
        summary[row] = {
            "runs": len(of_row),
            **{key: statistics.mean(run[key] for run in of_row) for key in KEYS},
            "accuracy_sd": deviation([run["accuracy"] for run in of_row]),
            "parameters": of_row[0]["parameters"],
            "macs": of_row[0]["macs"],
        }
        if row != reference and pairs:
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
