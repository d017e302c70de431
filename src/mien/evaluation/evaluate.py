"""Evaluate a model on a split of labelled faces."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Floats, Labels, Split, digest_faces, title_of, translate_labels
from mien.data.duplicates import group_copies
from mien.data.predictions import Predictions
from mien.data.votes import Votes
from mien.errors import DataError, InputError, ModelError
from mien.evaluation.metrics import (
    compute_figures,
    fit_temperature,
    reliability,
    risk_coverage,
    softmax,
)
from mien.evaluation.predictor import Predictor
from mien.evaluation.result import Calibration, Evaluation, View
from mien.evaluation.vote_figures import judge_by_votes

_BATCH: Final = 256

Advance = Callable[[int], None]


def evaluate(
    predictor: Predictor,
    split: Split,
    *,
    class_names: tuple[str, ...],
    train_copies: NDArray[np.bool_] | None = None,
    validation: Split | None = None,
    votes: Votes | None = None,
    advance: Advance | None = None,
) -> Evaluation:
    """Evaluate a model on a split: single view, with horizontal flip, and without train duplicates.

    With flip, a face's probabilities are the mean of the calibrated probabilities of the face and
    of its mirror image.

    Args:
        predictor: The model. If it has no temperature, one is fitted on `validation`. Its `labels`
            attribute, if present, says which labels it predicts.
        split: The faces to evaluate on, (N, 48, 48) uint8, and their labels.
        class_names: Names of the label indices. The model must know all of them, in any order. A
            class of the model that has no face in the split appears only in the confusion matrix.
        train_copies: (N,) whether the training split has an exact duplicate of the face.
        validation: Held-out faces to fit a temperature on; never the split under evaluation.
        votes: Annotators' votes for the faces of the split, for an additional evaluation.
        advance: Called with the number of faces done, after each batch.

    Returns:
        The metrics of each view, per class and by confidence.

    Raises:
        DataError: The split is empty.
        ModelError: The model does not know a class, or its output has the wrong shape or values.
    """
    labels = translate_labels(split.labels, class_names, predictor.class_names)
    if not len(labels):
        raise DataError(f"the split {split.name} has no faces; choose another one")
    if train_copies is not None and train_copies.shape != labels.shape:
        raise InputError(
            f"train_copies must have one entry for each of the {len(labels)} faces, got shape "
            f"{train_copies.shape}"
        )

    logits = predict_logits(predictor, split.images, advance=advance)
    mirrored = predict_logits(predictor, split.images[:, :, ::-1], advance=advance)

    if validation is not None and validation.name == split.name:
        validation = None  # never fitted on the faces that are judged
    temperature, origin = _settle_temperature(predictor, validation, class_names, advance)
    single = softmax(logits, temperature)
    flip = (single + softmax(mirrored, temperature)) / 2
    names = predictor.class_names
    predictions = Predictions(names, split.paths, labels, single, train_copies)

    return Evaluation(
        split=split.name,
        title=title_of(split),
        split_sha256=digest_faces(split),
        views=_views(title_of(split), predictions, flip),
        calibration=_calibrate(labels, logits, temperature, origin),
        reliability=reliability(labels, single),
        risk_coverage=risk_coverage(labels, single),
        abstention_threshold=predictor.abstention_threshold,
        predictions=predictions,
        labels=getattr(predictor, "labels", "own"),
        votes=None
        if votes is None
        else judge_by_votes(
            predictions,
            votes,
            certainty_temperature=getattr(predictor, "certainty_temperature", None),
        ),
    )


def _settle_temperature(
    predictor: Predictor,
    held_out: Split | None,
    class_names: tuple[str, ...],
    advance: Advance | None,
) -> tuple[float, str]:
    """Return the temperature and its origin: the model's, one fitted on other faces, or 1."""
    if predictor.temperature is not None:
        return predictor.temperature, "stored in the model"
    if held_out is None:
        return 1.0, "not fitted"

    logits = predict_logits(predictor, held_out.images, advance=advance)
    truth = translate_labels(held_out.labels, class_names, predictor.class_names)
    return fit_temperature(logits, truth), f"fitted on {title_of(held_out)}"


def predict(
    predictor: Predictor,
    split: Split,
    *,
    class_names: tuple[str, ...],
    advance: Advance | None = None,
) -> Predictions:
    """Run a model on each face of a split, single view.

    Args:
        predictor: The model; without a temperature its probabilities are uncalibrated.
        split: The faces, (N, 48, 48) uint8, and their labels.
        class_names: Names of the label indices.
        advance: Called with the number of faces done, after each batch.

    Raises:
        ModelError: The model does not know a class, or its output has the wrong shape or values.
    """
    labels = translate_labels(split.labels, class_names, predictor.class_names)
    logits = predict_logits(predictor, split.images, advance=advance)
    probabilities = softmax(logits, predictor.temperature or 1.0)
    return Predictions(predictor.class_names, split.paths, labels, probabilities)


def find_train_copies(split: Split, train: Split | None) -> NDArray[np.bool_] | None:
    """Find the faces of a split that have an exact duplicate in the training split.

    Args:
        split: The faces to evaluate on.
        train: The training split; None if unknown.

    Returns:
        (N,) True for duplicates; None if `train` is. Nothing is marked when the split is `train`
        itself or all faces together.
    """
    if train is None or split.name in {train.name, "all"}:
        return None
    groups = group_copies([*train.images, *split.images])
    own = groups[len(train.labels) :]
    return np.isin(own, groups[: len(train.labels)])


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


def predict_logits(
    predictor: Predictor, faces: NDArray[np.uint8], *, advance: Advance | None = None
) -> NDArray[np.float32]:
    """Run a model on faces (N, 48, 48) in batches, and check its logits (N, C)."""
    logits = []
    for start in range(0, len(faces), _BATCH):
        batch = np.ascontiguousarray(faces[start : start + _BATCH])
        found = predictor.predict_logits(batch)
        wanted = (len(batch), len(predictor.class_names))
        if found.shape != wanted or not np.isfinite(found).all():
            raise ModelError(
                f"the model must return finite logits {wanted} for {len(batch)} faces, got "
                f"{found.shape}; train or export it again"
            )
        logits.append(found)
        if advance is not None:
            advance(len(batch))
    return np.concatenate(logits)
