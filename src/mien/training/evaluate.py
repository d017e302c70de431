"""This module turns a model and a split into an `Evaluation`: what the model is worth there."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import DataError, InputError, ModelError
from mien.training.datasets import Split
from mien.training.evaluation import Calibration, Evaluation, View
from mien.training.metrics import (
    Floats,
    Labels,
    compute_figures,
    fit_temperature,
    reliability,
    risk_coverage,
    softmax,
)
from mien.training.predictions import Predictions
from mien.training.predictor import Predictor

FER2013_SPLITS: Final[Mapping[str, str]] = {
    "train": "Training",
    "validation": "PublicTest",
    "test": "PrivateTest",
}
_BATCH: Final = 256

Advance = Callable[[int], None]


def evaluate(
    predictor: Predictor,
    split: Split,
    *,
    class_names: tuple[str, ...],
    train_copies: NDArray[np.bool_] | None = None,
    validation: Split | None = None,
    advance: Advance | None = None,
) -> Evaluation:
    """Judge a model on a split: single view, with horizontal flip, and without train copies.

    With flip, a face's probabilities are the mean of its own and of its mirror image's, each
    calibrated.

    Args:
        predictor: The model. If it has no temperature of its own, one is fitted on `validation`.
        split: The faces to judge by, (N, 48, 48) uint8, and their labels.
        class_names: What the labels stand for; the model must know the same names, in any order.
        train_copies: (N,) whether a face of the split has an exact copy in train.
        validation: Held-out faces to fit a temperature on; never the split itself.
        advance: Called with the number of faces done, after each batch.

    Raises:
        DataError: The split is empty.
        ModelError: The model's classes are not the data's, or its output is not as it should be.
    """
    order = _match_classes(predictor.class_names, class_names)
    if not len(split.labels):
        raise DataError(f"the split {split.name} holds no face; choose another one")
    if train_copies is not None and train_copies.shape != split.labels.shape:
        raise InputError(
            f"{len(split.labels)} faces need as many marks of copies, got {train_copies.shape}"
        )
    logits = _predict(predictor, split.images, order, advance)
    mirrored = _predict(predictor, split.images[:, :, ::-1], order, advance)
    temperature, origin = predictor.temperature, "stored in the model"
    if temperature is None and validation is not None and validation.name != split.name:
        held_out = _predict(predictor, validation.images, order, advance)
        temperature = fit_temperature(held_out, validation.labels)
        origin = f"fitted on {split_title(validation)}"
    if temperature is None:
        temperature, origin = 1.0, "not fitted"
    single = softmax(logits, temperature)
    flip = (single + softmax(mirrored, temperature)) / 2
    predictions = Predictions(class_names, split.paths, split.labels, single, train_copies)
    return Evaluation(
        split=split.name,
        title=split_title(split),
        split_sha256=_digest(split),
        views=_views(split_title(split), predictions, flip),
        calibration=_calibrate(split.labels, logits, temperature, origin),
        reliability=reliability(split.labels, single),
        risk_coverage=risk_coverage(split.labels, single),
        abstention_threshold=predictor.abstention_threshold,
        predictions=predictions,
    )


def split_title(split: Split) -> str:
    """Name a split as its field does: FER2013's test split is PrivateTest."""
    official = FER2013_SPLITS.get(split.name, "")
    if official and all(official in path for path in split.paths):
        return official
    return split.name


def _views(title: str, single: Predictions, flip: Floats) -> dict[str, View]:
    ways = {
        "single": (single.probabilities, "single view"),
        "flip": (flip, "with horizontal flip"),
    }
    subsets = {"": (title, np.ones(len(single.labels), dtype=bool))}
    if single.copies is not None and not single.copies.all():
        without = f"{title} without train copies"
        subsets["_without_train_copies"] = (without, ~single.copies)
    return {
        key + suffix: View(
            f"{what}, {way}",
            compute_figures(single.labels[kept], probabilities[kept], single.class_names),
        )
        for suffix, (what, kept) in subsets.items()
        for key, (probabilities, way) in ways.items()
    }


def _calibrate(
    labels: Labels, logits: NDArray[np.floating], temperature: float, origin: str
) -> Calibration:
    names = tuple(str(i) for i in range(logits.shape[1]))
    before = compute_figures(labels, softmax(logits), names)
    after = compute_figures(labels, softmax(logits, temperature), names)
    return Calibration(temperature, origin, before.ece, after.ece, before.nll, after.nll)


def _match_classes(model: tuple[str, ...], data: tuple[str, ...]) -> list[int]:
    """Find the model's column of each of the data's classes: results go by name, not by index."""
    if set(model) != set(data):
        unknown = sorted(set(data) - set(model))
        absent = sorted(set(model) - set(data))
        parts = [
            f"the data has {', '.join(unknown)}, which the model does not know" if unknown else "",
            f"the model has {', '.join(absent)}, which the data lacks" if absent else "",
        ]
        raise ModelError(
            f"model and data do not share their classes: {'; '.join(filter(None, parts))}; "
            "choose a model that was trained on these classes"
        )
    return [model.index(name) for name in data]


def _predict(
    predictor: Predictor, faces: NDArray[np.uint8], order: list[int], advance: Advance | None
) -> NDArray[np.float32]:
    logits = []
    for start in range(0, len(faces), _BATCH):
        batch = np.ascontiguousarray(faces[start : start + _BATCH])
        found = predictor.predict_logits(batch)
        if found.shape != (len(batch), len(order)) or not np.isfinite(found).all():
            raise ModelError(
                f"the model must give finite logits ({len(batch)}, {len(order)}) for "
                f"{len(batch)} faces, got {found.shape}; train or export it again"
            )
        logits.append(found[:, order])
        if advance is not None:
            advance(len(batch))
    return np.concatenate(logits)


def _digest(split: Split) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(split.images).tobytes())
    digest.update(split.labels.astype("<i8").tobytes())
    return digest.hexdigest()
