"""Compare fine-tuning `accurate` on a few faces with training from scratch.

Command: python benchmarks/few_faces.py --data fer2013.zip --votes votes.csv

Simulates a user with 10, 40 or 120 faces for each of four classes: PublicTest's faces, on which
`accurate` was not trained (they chose its epoch, and 7.8 % have a duplicate in train), labelled as
negative, neutral, positive or surprised by the word that most people chose. A fifth of them selects
the epoch, and PublicTest's last 2,000 faces (in a shuffled order) are the test set. Compared are
the recipe `fine-tune`, training from scratch with a suitable rate and length, and a logistic
regression on the seven logits of `accurate`, each with three different samples. The baseline is
`accurate` without training, with its probabilities summed over the four classes. All faces are
FER2013's, so the result only holds for similar pictures.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from machine import write_result
from mien.data.datasets import Dataset, Split, load_dataset
from mien.data.votes import NO_WORD, read_votes
from mien.evaluation.predictor import load_predictor
from mien.model.recognizer import Recognizer
from mien.training.config import Stage, TrainConfig
from mien.training.fit import fit
from mien.training.recipes import read_config

COARSE = {
    "negative": ("angry", "disgust", "fear", "sad"),
    "neutral": ("neutral",),
    "positive": ("happy",),
    "surprised": ("surprise",),
}
PER_CLASS = (10, 40, 120)
SEEDS = (1, 2, 3)
JUDGES = 2000
Way = Callable[[Split, Split, int, int], float]
"""From a pool, test faces, the number of faces per class and a seed to an accuracy."""
RECIPE = "fine-tune"


def main() -> None:
    """Train and evaluate all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--votes", type=Path, required=True)
    arguments = parser.parse_args()
    whole = coarsen(load_dataset(arguments.data), arguments.votes)
    order = np.random.default_rng(0).permutation(len(whole.labels))
    judges, pool = whole.take(order[-JUDGES:]), whole.take(order[:-JUDGES])
    recognizer, tuned = Recognizer(), read_config(RECIPE)
    scratch = replace(tuned, start="", start_rate=1.0, learning_rate=2e-3, stages=(Stage(48, 60),))
    ways: dict[str, Way] = {
        "from `accurate`": partial(fine_tune, tuned),
        "from scratch": partial(fine_tune, scratch),
        "logistic regression on the logits of `accurate`": partial(regress, recognizer),
    }
    rows: list[dict[str, Any]] = []
    for per_class in PER_CLASS:
        for way, measure in ways.items():
            found = [measure(pool, judges, per_class, seed) for seed in SEEDS]
            spread = {"accuracy": statistics.mean(found), "accuracy_sd": statistics.stdev(found)}
            rows.append({"faces_per_class": per_class, "way": way, **spread, "runs": found})
            print(rows[-1], flush=True)
    figures = {"rows": rows, "accuracy_of_added_probabilities": add_up(recognizer, judges)}
    write_result(__file__, ("torch",), figures, models=("accurate",))


def coarsen(dataset: Dataset, table: Path) -> Split:
    """Return PublicTest's faces with votes, labelled with four classes."""
    split = dataset.splits["validation"]
    chosen = read_votes(table, dataset.class_names).of(split.paths).plurality()
    split = replace(split, labels=chosen).take(np.flatnonzero(chosen != NO_WORD))
    names = [next(k for k, old in COARSE.items() if n in old) for n in dataset.class_names]
    new = np.array([list(COARSE).index(name) for name in names])
    return replace(split, labels=new[split.labels])


def draw(pool: Split, per_class: int, seed: int) -> list[np.ndarray]:
    """Return the indices of this many faces of each class."""
    mixed = np.random.default_rng(seed).permutation(len(pool.labels))
    return [mixed[pool.labels[mixed] == label][:per_class] for label in range(len(COARSE))]


def fine_tune(config: TrainConfig, pool: Split, judges: Split, per_class: int, seed: int) -> float:
    """Train on this many faces of each class; return the accuracy on the test faces."""
    drawn, held = draw(pool, per_class, seed), per_class // 5
    splits = {
        "train": pool.take(np.concatenate([chosen[held:] for chosen in drawn])),
        "validation": pool.take(np.concatenate([chosen[:held] for chosen in drawn])),
    }
    mine = Dataset("few faces", tuple(COARSE), splits, ())
    with tempfile.TemporaryDirectory() as folder:
        best = fit(replace(config, seed=seed), mine, Path(folder)).best
        logits = load_predictor(str(best)).predict_logits(judges.images)
    return float((logits.argmax(axis=1) == judges.labels).mean())


def regress(recognizer: Recognizer, pool: Split, judges: Split, per_class: int, seed: int) -> float:
    """Fit a logistic regression on all of the faces; return its accuracy on the test faces."""
    chosen = np.concatenate(draw(pool, per_class, seed))
    regression = LogisticRegression(max_iter=1000)
    regression.fit(recognizer.predict_logits(pool.images[chosen]), pool.labels[chosen])
    return float(regression.score(recognizer.predict_logits(judges.images), judges.labels))


def add_up(recognizer: Recognizer, judges: Split) -> float:
    """Return the accuracy of `accurate` on the test faces, with summed probabilities."""
    found, names = recognizer.predict_probabilities(judges.images), list(recognizer.emotions)
    coarse = [found[:, [names.index(n) for n in old]].sum(axis=1) for old in COARSE.values()]
    return float((np.argmax(coarse, axis=0) == judges.labels).mean())


if __name__ == "__main__":
    main()
