"""Measure a model's robustness to corrupted faces."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from mien.data.datasets import Split, title_of
from mien.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.evaluation.evaluate import Advance, predict
from mien.evaluation.metrics import Figures, compute_figures
from mien.evaluation.predictor import Predictor
from mien.evaluation.result import Provenance

Truth: TypeAlias = Literal["label", "plurality"]


@dataclass(frozen=True)
class Robustness:
    """Results of a model under eight corruptions at five severities, single view.

    Attributes:
        split: "train", "validation" or "test".
        title: The dataset's own name for the split, for example "PrivateTest" in FER2013.
        faces: Number of faces, each evaluated at every severity of every corruption.
        seed: Seed of the random draws.
        clean: Metrics on the uncorrupted faces.
        corrupted: Metrics per corruption, the mildest severity first.
        truth: What the answers are compared with: "label", or "plurality" of people's votes.
    """

    split: str
    title: str
    faces: int
    seed: int
    clean: Figures
    corrupted: Mapping[str, tuple[Figures, ...]]
    truth: Truth = "label"

    @property
    def mean_accuracy(self) -> float:
        """Mean accuracy over all corruptions and severities, 0 to 1."""
        return float(np.mean([self.accuracy_under(name) for name in self.corrupted]))

    def accuracy_under(self, name: str) -> float:
        """Return the mean accuracy over the severities of one corruption, 0 to 1."""
        return float(np.mean([figures.accuracy for figures in self.corrupted[name]]))

    def recall_under(self, name: str, class_name: str) -> float:
        """Return a class's mean recall over the severities of one corruption, 0 to 1."""
        rows = [figures.per_class[class_name] for figures in self.corrupted[name]]
        return float(np.mean([row.recall for row in rows]))

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that have at least one face."""
        rows = self.clean.per_class.items()
        return tuple(name for name, figures in rows if figures.faces)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON types, with the recall per class."""
        return {
            "data": {"split": self.split, "title": self.title, "faces": self.faces},
            "view": "single view",
            "truth": self.truth,
            "seed": self.seed,
            "clean": _brief(self.clean, self.classes),
            "mean_accuracy": self.mean_accuracy,
            "corruptions": {
                name: {
                    "parameter": CORRUPTIONS[name].what,
                    "mean_accuracy": self.accuracy_under(name),
                    "mean_recall": {c: self.recall_under(name, c) for c in self.classes},
                    "severities": [
                        {"severity": severity, "parameter": parameter}
                        | _brief(figures, self.classes)
                        for severity, parameter, figures in zip(
                            SEVERITIES, CORRUPTIONS[name].parameters, rows, strict=True
                        )
                    ],
                }
                for name, rows in self.corrupted.items()
            },
        }

    def to_json(self, provenance: Provenance | None = None) -> str:
        """Return the content of corruptions.json."""
        about = {} if provenance is None else provenance.to_dict()
        found = self.to_dict()
        data = found.pop("data") | about.pop("data", {})
        whole = {"schema": 1, "model": about.pop("model", None), "data": data, **found, **about}
        return json.dumps(whole, indent=2, allow_nan=False) + "\n"


def measure_robustness(
    predictor: Predictor,
    split: Split,
    *,
    class_names: tuple[str, ...],
    truth: Truth = "label",
    seed: int = 0,
    advance: Advance | None = None,
) -> Robustness:
    """Evaluate a model on a split, uncorrupted and at every severity of every corruption.

    Args:
        predictor: The model; without a temperature its probabilities are uncalibrated.
        split: The faces, (N, 48, 48) uint8, and their labels.
        class_names: Names of the label indices.
        truth: Whose labels these are, to be recorded (see `mien.data.votes.label_by_plurality`).
        seed: Seed of the random draws.
        advance: Called with the number of faces done, after each batch.

    Raises:
        DataError: The split is empty.
        ModelError: The model does not know a class, or its output has the wrong shape or values.
    """

    def judge(images: np.ndarray[Any, np.dtype[np.uint8]]) -> Figures:
        changed = Split(split.name, images, split.labels, split.paths)
        found = predict(predictor, changed, class_names=class_names, advance=advance)
        return compute_figures(found.labels, found.probabilities, found.class_names)

    clean = judge(split.images)
    corrupted = {
        name: tuple(judge(corrupt(split.images, name, level, seed=seed)) for level in SEVERITIES)
        for name in CORRUPTIONS
    }
    title, faces = title_of(split), len(split.labels)
    return Robustness(split.name, title, faces, seed, clean, corrupted, truth)


def count_readings(split: Split) -> int:
    """Return the number of faces that `measure_robustness` runs a model on."""
    return len(split.labels) * (1 + len(CORRUPTIONS) * len(SEVERITIES))


def _brief(figures: Figures, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "accuracy": figures.accuracy,
        "accuracy_interval": list(figures.accuracy_interval),
        "macro_f1": figures.macro_f1,
        "ece": figures.ece,
        "recall": {name: figures.per_class[name].recall for name in classes},
    }
