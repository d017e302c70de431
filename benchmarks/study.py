"""Measure the effect of each choice in a recipe, on FER2013.

Command: python benchmarks/study.py GROUP --data fer2013.zip

Trains every row of a group of benchmarks/study.toml with every seed, seed by seed, evaluates its
last epoch on PublicTest, and writes benchmarks/accuracy/study/GROUP.json after each run. If the
group has `votes = true`, an ensemble of each row's seeds is evaluated at the end. With `keep =
true`, the last weights are kept in benchmarks/accuracy/study/GROUP, in half precision, and can be
evaluated without training. After an interruption, the same command continues; finished runs are
skipped, even those of another group. Several processes can run at once: each takes the next free
run. Requires mien[train].

PrivateTest is only used with `--split test`, when all choices are made: it evaluates the same runs
there, into GROUP-test.json.
"""

import argparse
import csv
import json
import re
import statistics
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from scipy import stats

from machine import describe_machine
from mien.data.datasets import Dataset, load_dataset
from mien.evaluation.evaluate import evaluate, find_train_copies
from mien.evaluation.predictor import load_vote
from mien.files import write_whole
from mien.training.checkpoint import load_model, pack_weights, read_description
from mien.training.cost import count_cost
from mien.training.fit import LAST, fit
from mien.training.recipes import read_config

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
HISTORY = "history.csv"
VOTE = ", vote of the seeds"
RESULTS = Path(__file__).parent / "accuracy" / "study"


def main(words: Sequence[str] | None = None) -> None:
    """Run the unfinished runs of a group."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/study"))
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    arguments = parser.parse_args(words)
    group = tomllib.loads(GROUPS.read_text(encoding="utf-8"))[arguments.group]
    arguments.runs.mkdir(parents=True, exist_ok=True)
    dataset = load_dataset(arguments.data)
    study = Study(arguments.group, group, arguments.runs, dataset, arguments.split)
    for seed in group["seeds"]:
        for row in group["rows"]:
            study.run(row, seed)
    if group.get("votes"):
        for row in group["rows"]:
            study.vote(row)


@dataclass(frozen=True)
class Study:
    """A group of runs, and the file of their results.

    Attributes:
        name: Name of the group.
        group: Its entry in benchmarks/study.toml.
        folder: The folder of all runs.
        dataset: FER2013.
        split: Evaluation split: `validation` or `test`.
    """

    name: str
    group: dict[str, Any]
    folder: Path
    dataset: Dataset
    split: str

    @property
    def path(self) -> Path:
        """Path of the results."""
        return RESULTS / f"{self.name}{'-test' if self.split == 'test' else ''}.json"

    def run(self, row: str, seed: int) -> None:
        """Train and evaluate a run, unless it is finished or another process is working on it."""
        output, kept = self.find_checkpoint(row, seed).parent, self.find_kept(row, seed)
        with take(output) as taken:
            if not taken or self.is_done(row, seed):
                return
            changes = list_changes(self.group, row, seed)
            last = kept
            if not kept.exists():
                config = read_config(ROOT / self.group["recipe"], changes)
                last = fit(config, self.dataset, output, resume=True).last
            if self.group.get("keep") and last != kept:
                keep(last, kept)
            self.add(row, seed, {"changes": changes, **judge([last], self.dataset, self.split)})

    def vote(self, row: str) -> None:
        """Evaluate the ensemble of a row's seeds, once all of them are finished."""
        seeds = self.group["seeds"]
        find = self.find_kept if self.group.get("keep") else self.find_checkpoint
        with take(self.folder / f"{self.path.stem}-votes") as taken:
            whole = all(self.is_done(row, seed) for seed in seeds)
            if taken and whole and not self.is_done(row + VOTE, None):
                vote = judge([find(row, seed) for seed in seeds], self.dataset, self.split)
                self.add(row + VOTE, None, {"members": seeds, **vote})

    def find_checkpoint(self, row: str, seed: int) -> Path:
        """Return the checkpoint of a run. It is named by its config, which two groups may share."""
        words = [Path(self.group["recipe"]).stem, *list_changes(self.group, row, seed)]
        return self.folder / re.sub(r"\W+", "-", "-".join(words)) / LAST

    def find_kept(self, row: str, seed: int) -> Path:
        """Return the path of a run's stored weights, if the group keeps them."""
        return RESULTS / self.name / self.find_checkpoint(row, seed).parent.name / LAST

    def is_done(self, row: str, seed: int | None) -> bool:
        """Return whether a run, or a row's ensemble, has been evaluated."""
        done = read_runs(self.path, self.group)
        return any((run["row"], run["seed"]) == (row, seed) for run in done)

    def add(self, row: str, seed: int | None, figures: dict[str, Any]) -> None:
        """Store the results of one run, or of a row's ensemble (seed None)."""
        command = f"python benchmarks/study.py {self.name} --data fer2013.zip"
        with FileLock(self.folder / f"{self.path.stem}.lock"):
            runs = [*read_runs(self.path, self.group), {"row": row, "seed": seed} | figures]
            runs = put_in_order(runs, self.group)
            result = {
                "command": command + (" --split test" if self.split == "test" else ""),
                "split": {"validation": "PublicTest", "test": "PrivateTest"}[self.split],
                **self.group,
                "machine": describe_machine(),
                "summary": summarize(runs, self.group["reference"]),
                "runs": runs,
            }
            write_whole(self.path, json.dumps(result, indent=1) + "\n")
        print(row, seed or "", f"{figures['accuracy']:.4f}", flush=True)


def keep(last: Path, kept: Path) -> None:
    """Store a run's last weights and its history next to the results, to allow reevaluation."""
    write_whole(kept.with_name(HISTORY), (last.parent / HISTORY).read_bytes())
    write_whole(kept, pack_weights(*load_model(last), halve=True))


@contextmanager
def take(work: Path) -> Iterator[bool]:
    """Lock a piece of work; yield False if another process has it."""
    lock = FileLock(f"{work}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def read_runs(path: Path, group: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the results of all processes that the group still includes."""
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))["runs"]
    runs = [run for run in found if is_as_wanted(run, group)]
    # An ensemble is valid as long as all of its members are.
    rows = [run["row"] + VOTE for run in runs]
    whole = {row for row in rows if rows.count(row) == len(group["seeds"])}
    return [run for run in runs if run["seed"] is not None or run["row"] in whole]


def put_in_order(runs: list[dict[str, Any]], group: dict[str, Any]) -> list[dict[str, Any]]:
    """Sort runs by seed, then by row, with ensembles last."""
    rows, seeds = list(group["rows"]), [*group["seeds"], None]
    return sorted(
        runs,
        key=lambda run: (seeds.index(run["seed"]), rows.index(run["row"].removesuffix(VOTE))),
    )


def list_changes(group: dict[str, Any], row: str, seed: int) -> list[str]:
    """Return the changes of a run to its group's recipe."""
    return [*group.get("common", []), *group["rows"][row], f"seed={seed}"]


def is_as_wanted(run: dict[str, Any], group: dict[str, Any]) -> bool:
    """Return whether the group still includes a run or an ensemble."""
    row, seed = run["row"].removesuffix(VOTE), run["seed"]
    if row not in group["rows"] or seed not in {None, *group["seeds"]}:
        return False
    if seed is None:
        return run.get("members") == group["seeds"]
    return run["changes"] == list_changes(group, row, seed)


def judge(checkpoints: Sequence[Path], dataset: Dataset, name: str) -> dict[str, Any]:
    """Evaluate a run, or an ensemble of several, on a split; costs are summed over the runs.

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
        # One bit per face, in the order of their paths.
        "right": np.packbits(right).tobytes().hex(),
    }


def read_cpu_hours(checkpoint: Path) -> float:
    """Return the processor time in a run's history, in hours."""
    with (checkpoint.parent / HISTORY).open(encoding="utf-8", newline="") as file:
        return sum(float(line["cpu_seconds"]) for line in csv.DictReader(file)) / 3600


def summarize(runs: list[dict[str, Any]], reference: str) -> dict[str, Any]:
    """Average each row's runs, and compare them with the reference, seed by seed.

    Ensembles are compared with the reference's ensemble.
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
    """Return the standard deviation over seeds, if there are at least two."""
    return statistics.stdev(values) if len(values) > 1 else None


def interval(gains: list[float]) -> list[float] | None:
    """Return Student's 95 % interval of the mean gain over seeds, if there are at least two."""
    if len(gains) < 2:
        return None
    if max(gains) == min(gains):
        return [gains[0], gains[0]]
    low, high = stats.t.interval(0.95, len(gains) - 1, statistics.mean(gains), stats.sem(gains))
    return [float(low), float(high)]


def mcnemar(a: str, b: str) -> float:
    """Return the p-value of McNemar's exact test on two runs' correct answers."""
    first, second = (np.unpackbits(np.frombuffer(bytes.fromhex(x), np.uint8)) for x in (a, b))
    only_first, only_second = int((first > second).sum()), int((second > first).sum())
    if not only_first + only_second:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second).pvalue)


if __name__ == "__main__":
    main()
