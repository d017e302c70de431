"""Targets are the labels, or the labels and the teachers' vote, face by face, class by class."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")


from drawn_faces import drawn_dataset
from mien.data.predictions import Predictions
from mien.data.votes import Votes
from mien.errors import ConfigError
from mien.training.config import TrainConfig
from mien.training.targets import class_weights, make_targets

DATASET = drawn_dataset()
TRAIN = DATASET.splits["train"]
NAMES = DATASET.class_names


def write_teacher(path, names=NAMES, faces=slice(None), seed=0):
    """A teacher's predictions, in another order of faces and of classes than the data's."""
    rng = np.random.default_rng(seed)
    paths = TRAIN.paths[faces][::-1]
    probabilities = rng.dirichlet(np.ones(len(names)), size=len(paths))
    labels = np.zeros(len(paths), dtype=np.int64)
    path.write_text(Predictions(names, paths, labels, probabilities).to_csv(), encoding="utf-8")
    return probabilities[::-1]


def test_without_teachers_the_labels_are_the_targets():
    targets = make_targets(TrainConfig(), TRAIN, NAMES)
    assert targets.dtype == np.float32
    assert targets.shape == (len(TRAIN.labels), 1, len(NAMES))
    assert (targets[:, 0].argmax(axis=1) == TRAIN.labels).all()
    assert (targets.sum(axis=2) == 1).all()


def test_the_vote_is_the_mean_of_the_teachers_found_by_name(tmp_path):
    one = write_teacher(tmp_path / "one.csv")
    two = write_teacher(tmp_path / "two.csv", names=NAMES[::-1], seed=1)[:, ::-1]
    teachers = tuple(str(tmp_path / name) for name in ("one.csv", "two.csv"))
    whole = make_targets(TrainConfig(teachers=teachers, distillation=1.0), TRAIN, NAMES)
    np.testing.assert_allclose(whole[:, 0], (one + two) / 2, atol=1e-6)
    half = make_targets(TrainConfig(teachers=teachers, distillation=0.5), TRAIN, NAMES)
    labels = make_targets(TrainConfig(), TRAIN, NAMES)
    np.testing.assert_allclose(half, (whole + labels) / 2, atol=1e-6)


def test_a_teacher_of_other_faces_or_classes_is_refused(tmp_path):
    path = tmp_path / "teacher.csv"
    config = TrainConfig(teachers=(str(path),), distillation=0.5)
    with pytest.raises(ConfigError, match="cannot be read"):
        make_targets(config, TRAIN, NAMES)
    write_teacher(path, faces=slice(1, None))
    with pytest.raises(ConfigError, match=r"no prediction for .* --split train"):
        make_targets(config, TRAIN, NAMES)
    write_teacher(path, names=(*NAMES[:-1], "contempt"))
    with pytest.raises(ConfigError, match=r"knows .*contempt"):
        make_targets(config, TRAIN, NAMES)


def test_votes_are_the_first_targets_and_labels_the_second():
    faces = len(TRAIN.labels)
    counts = np.zeros((faces, len(NAMES)), dtype=np.int64)
    counts[:, 2], counts[:, 3] = 6, 2
    counts[0] = 0  # all ten said that it is no face
    others = np.zeros((faces, 3), dtype=np.int64)
    others[:, 2] = 10 - counts.sum(axis=1)
    votes = Votes(TRAIN.paths, NAMES, counts, others)

    alone = make_targets(TrainConfig(votes="votes.csv"), TRAIN, NAMES, votes)
    assert alone.shape == (faces, 1, len(NAMES))
    np.testing.assert_allclose(alone[1:, 0, [2, 3]], [[0.6, 0.2]] * (faces - 1), atol=1e-6)
    assert not alone[0].any(), "a face without a vote for a word counts nothing"

    both = make_targets(TrainConfig(votes="votes.csv", label_weight=0.5), TRAIN, NAMES, votes)
    np.testing.assert_array_equal(both[:, 0], alone[:, 0])
    assert (both[:, 1].argmax(axis=1) == TRAIN.labels).all()


def test_rare_classes_weigh_more_and_the_mean_face_weighs_one():
    split = DATASET.splits["train"]
    counts = np.bincount(split.labels)
    assert (class_weights(split, NAMES, 0.0) == 1).all()
    skewed = type(split)("train", split.images, np.minimum(split.labels, 1), split.paths)
    weights = class_weights(skewed, NAMES[:2], 1.0)
    counts = np.bincount(skewed.labels)
    assert weights[0] / weights[1] == pytest.approx(counts[1] / counts[0])
    assert (weights * counts).sum() == pytest.approx(len(skewed.labels))
